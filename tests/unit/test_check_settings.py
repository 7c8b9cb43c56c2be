"""The settings file of `lab check`: what it says, what is wrong with it, and known findings."""

import json
from datetime import date

import pytest
from click.testing import CliRunner

from lab.check.conversation import Call, Conversation, plain
from lab.check.differences import Difference
from lab.check.document import document
from lab.check.judge import Finding, Level, Report
from lab.check.known import KnownFinding, apply_known, no_longer_true, only_known
from lab.check.render import as_junit, as_junit_of_all
from lab.check.sarif import Checked, as_sarif
from lab.check.settings import find_settings
from lab.cli.check import check
from lab.cli.check_batch import options_of
from lab.core.errors import LabError

OPTIONS = options_of(check)
WHOLE = """
start = "flask run --port {port}"
env = { PORT = "{port}", A = "x=y" }
urls = []
conversations = ["talk.py", "dir/session.http"]
ignore = ["/id", "header:etag"]
explain = true
require-dependency = false
max-seconds = 90
wait = "20s"
[[known]]
request = "POST /cart*"
reason = "moves in March"
until = 2027-03-31
conversation = "talk.py"
"""


def read(tmp_path, text, name="lab-check.toml"):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return find_settings(tmp_path, OPTIONS)


def test_settings_become_the_words_of_the_command(tmp_path):
    found = read(tmp_path, WHOLE)
    assert found.words == (
        *("--start=flask run --port {port}", "--env=PORT={port}", "--env=A=x=y"),
        *("--ignore=/id", "--ignore=header:etag", "--explain", "--max-seconds=90", "--wait=20s"),
    )
    assert found.conversations == ("talk.py", "dir/session.http")
    (known,) = found.known
    assert known == KnownFinding(
        "POST /cart*", "moves in March", date(2027, 3, 31), "talk.py", "lab-check.toml:12"
    )


def test_settings_of_pyproject_stand_in_its_table(tmp_path):
    text = '[project]\nname = "x"\n[tool.lab.check]\nurls = ["http://a", "http://b"]\n'
    found = read(tmp_path, text, "pyproject.toml")
    assert found.words == ("--url=http://a", "--url=http://b")
    known = text + '[[tool.lab.check.known]]\nrequest = "x"\nreason = "y"\nuntil = "2027-01-01"\n'
    assert read(tmp_path, known, "pyproject.toml").known[0].place == "pyproject.toml:6"


def test_folder_without_settings_has_none(tmp_path):
    assert find_settings(tmp_path, OPTIONS) is None
    assert read(tmp_path, '[project]\nname = "x"\n', "pyproject.toml") is None
    assert read(tmp_path, 'start = "x"', "lab-check.toml") is not None  # comes first


KNOWN = '[[known]]\nrequest = "a"\nreason = "b"\nuntil = 2027-01-01\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("start = ", "is not TOML"),
        ("\n\n= 3", "line 3"),
        ('a = "b', "lab-check.toml is not TOML"),
        ("[" * 5000, "is not TOML"),
        (b"\xff\xfe", "cannot read lab-check.toml"),
        ("#" * 1_000_001, "too large"),
        ('strat = "x"', "lab-check.toml:1: strat: there is no such setting: start?"),
        ('\n\nstart = ["x"]', "lab-check.toml:3: start: write a text or a number"),
        ("wait = true", ":1: wait: write a text"),
        ("start = 2027-01-01", ":1: start: write a text"),
        ('env = ["A=b"]', ":1: env: write a table"),
        ("env = { A = 3 }", ":1: env: write a table"),
        ("ignore = [3]", ":1: ignore: write a list of texts"),
        ("explain = 1", ":1: explain: write true or false"),
        ("conversations = [[]]", ":1: conversations: write a list"),
        ('conversations = [""]', ":1: conversations: write a list"),
        ('start = "a\\u0000b"', "NUL character"),
        ("json = true", "no such setting"),
        ('out = "x"', "no such setting"),
        ("known = 3", ":1: known: write one [[known]] table"),
        ("known = [3]", "write one [[known]] table"),
        (KNOWN.replace('reason = "b"\n', ""), "entry 1 of known has no reason"),
        (KNOWN.replace('"b"', '""'), ":3: reason: entry 1 of known: it is empty"),
        (KNOWN.replace("2027-01-01", "3"), ":4: until: entry 1 of known: write a day"),
        (KNOWN.replace("2027-01-01", "2027-01-01T00:00:00Z"), "write a day"),
        (KNOWN.replace("2027-01-01", '"soon"'), "write a day"),
        (KNOWN + KNOWN.replace('"a"', "7"), ":6: request: entry 2 of known: write a text"),
        (KNOWN + "what = 1\n", ":5: what: entry 1 of known: its fields are request"),
    ],
)
def test_mistake_is_reported_with_file_line_and_key(text, said, tmp_path):
    with pytest.raises(LabError) as wrong:
        read(tmp_path, text)
    assert said in str(wrong.value)
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize("text", ["[tool]\nlab = 3\n", '[tool.lab]\ncheck = "x"\n'])
def test_table_of_pyproject_that_is_none_is_said_or_not_there(text, tmp_path):
    if "check" not in text:
        assert read(tmp_path, text, "pyproject.toml") is None
        return
    with pytest.raises(LabError, match="has to be a table"):
        read(tmp_path, text, "pyproject.toml")


def report(*levels, source="talk.py"):
    findings = [
        Finding(n, f"GET /{n}", level, differences=(Difference("status", "200", "401"),))
        for n, level in enumerate(levels)
    ]
    worst = next((level for level in levels if level is not Level.SELF_CONTAINED), levels[0])
    calls = tuple(Call("GET", plain(f"/{n}")) for n in range(len(levels)))
    return Report(worst, "because", Conversation(calls, source), findings)


ALLOWED = frozenset({Level.SELF_CONTAINED})
TODAY = date(2027, 1, 1)


def known(request="GET /1", until=date(2027, 1, 1), conversation=""):
    return KnownFinding(request, "a reason", until, conversation, "lab-check.toml:4")


def test_known_finding_does_not_fail_until_its_day_is_over():
    made = report(Level.SELF_CONTAINED, Level.PROCESS)
    assert apply_known(made, [known()], ALLOWED, TODAY) == {known()}
    assert only_known(made, ALLOWED)
    assert made.findings[1].known == "known until 2027-01-01: a reason"
    assert not made.findings[0].known


def test_expired_finding_fails_and_is_said():
    made = report(Level.SELF_CONTAINED, Level.PROCESS)
    old = known(until=date(2026, 12, 31))
    assert apply_known(made, [old], ALLOWED, TODAY) == {old}
    assert not only_known(made, ALLOWED)
    assert "has expired on 2026-12-31 (lab-check.toml:4)" in made.notes[0]


def test_finding_that_is_no_longer_true_is_said():
    made = report(Level.SELF_CONTAINED, Level.SELF_CONTAINED)
    holds = apply_known(made, [known()], ALLOWED, TODAY)
    assert not holds and not only_known(made, ALLOWED)
    (said,) = no_longer_true([known()], holds)
    assert "no longer found: GET /1" in said and "lab-check.toml:4" in said


@pytest.mark.parametrize(
    ("each", "covered"),
    [
        (known("GET /*"), True),
        (known("GET"), False),
        (known(conversation="talk.py"), True),
        (known(conversation="tests/talk.py"), True),
        (known(conversation="other.py"), False),
        (known(conversation="mytalk.py"), False),
    ],
)
def test_known_finding_is_of_a_request_and_perhaps_a_conversation(each, covered):
    made = report(Level.SELF_CONTAINED, Level.PROCESS)
    apply_known(made, [each], ALLOWED, TODAY)
    assert bool(made.findings[1].known) is covered


def test_finding_beside_a_known_one_fails():
    made = report(Level.PROCESS, Level.PROCESS)
    apply_known(made, [known()], ALLOWED, TODAY)
    assert not only_known(made, ALLOWED)
    failed = report(Level.SELF_CONTAINED, Level.PROCESS)
    failed.failed = "talk.py:3: assert"
    apply_known(failed, [known()], ALLOWED, TODAY)
    assert not only_known(failed, ALLOWED)


def test_known_finding_is_skipped_in_junit_and_suppressed_in_sarif():
    made = report(Level.SELF_CONTAINED, Level.PROCESS)
    apply_known(made, [known()], ALLOWED, TODAY)
    found = document(made)
    assert 'failures="0" errors="0" skipped="1"' in as_junit(found)
    other = document(report(Level.PROCESS, source="b.http"))
    both = as_junit_of_all([found, other])
    assert 'name="talk.py"' in both and 'name="b.http"' in both
    assert 'tests="3" failures="1"' in both
    (result,) = json.loads(as_sarif([Checked(found, None)]))["runs"][0]["results"]
    assert result["suppressions"] == [
        {"kind": "external", "justification": "known until 2027-01-01: a reason"}
    ]


def run(folder, monkeypatch, *words):
    monkeypatch.chdir(folder)
    return CliRunner().invoke(check, words, standalone_mode=False)


def test_check_alone_without_settings_says_what_to_give(tmp_path, monkeypatch):
    said = str(run(tmp_path, monkeypatch).exception)
    assert "--start COMMAND or --url URL" in said and "lab-check.toml" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('conversations = ["talk.py"]', "has neither start nor urls"),
        ('start = "x {port}"\nwait = "soon"', "lab-check.toml: Invalid value for '--wait'"),
        ('start = "x"\nconversations = ["talk.py"]', "no such file: talk.py"),
        ('start = "x"\nurls = ["http://a", "http://b"]', "either --start COMMAND or --url"),
    ],
)
def test_settings_that_cannot_be_are_said_by_the_command(text, said, tmp_path, monkeypatch):
    (tmp_path / "lab-check.toml").write_text(text)
    assert said in str(run(tmp_path, monkeypatch).exception)


def test_words_of_the_command_are_added_to_those_of_the_file(tmp_path, monkeypatch):
    (tmp_path / "lab-check.toml").write_text('start = "x {port}"\nconversations = ["a.py"]\n')
    assert "no such file: b.py" in str(run(tmp_path, monkeypatch, "b.py").exception)
    given = run(tmp_path, monkeypatch, "--ready", "no-slash", "a.py")
    assert "no such file: a.py" in str(given.exception)
    (tmp_path / "a.py").write_text("def script(http):\n    http.get('/')\n")
    given = run(tmp_path, monkeypatch, "--ready", "no-slash")
    assert "begins with /" in str(given.exception)
