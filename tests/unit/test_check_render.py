"""A report in its other forms, whatever a service or a script has put into it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from xml.etree import ElementTree

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check import document as checked
from lab.check.conversation import Call, Conversation, Ref, plain
from lab.check.curl import as_curl
from lab.check.curl_parts import judge
from lab.check.curl_workers import judge_again
from lab.check.differences import Difference, Relation
from lab.check.judge import UNSEEN, Finding, Level, Report, Reproducer, level_of, not_emptied
from lab.check.play_name import FRESH, NO_PLAY, PlayKind, PlayName, meaning_of
from lab.check.render import as_junit as junit_of
from lab.check.render import explain
from lab.check.start import Start
from lab.processes.waiting import wait_until

SECRET = "eyJhbGciOiJIUzI1NiIs.Zm9v.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
HOSTILE = "<b>[red]&\"'\x00\x1b\ud800\u2028]]>\ufffe"
ALLOWED = frozenset({Level.SELF_CONTAINED})


def as_json(found):
    return json.loads(checked.text(checked.document(found, explain(found))))


def as_junit(found, allowed):
    return junit_of(checked.document(found, allowed=allowed))


def report(text="x", *, calls=None, **more):
    calls = calls or (Call("POST", plain("/login")), Call("GET", plain(f"/cart?token={text}")))
    difference = Difference("/a", text, text)
    findings = [
        Finding(n, call.title, Level.PROCESS, FRESH, (difference,)) for n, call in enumerate(calls)
    ]
    return Report(
        Level.PROCESS,
        text,
        Conversation(tuple(calls), text),
        findings,
        Reproducer(tuple(range(len(calls))), False, (difference,), 3, 3),
        {0: (f"/{text}",)},
        [text],
        **more,
    )


@pytest.mark.parametrize("text", [HOSTILE, "\x0b" * 9, "a" * 10_000])
def test_text_in_a_report_breaks_none_of_its_formats(text):
    document = json.dumps(as_json(report(text)), ensure_ascii=False)
    document.encode("utf-8")  # no lone surrogate is left
    suite = ElementTree.fromstring(as_junit(report(text), ALLOWED))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")
    as_curl(report(text), Start("run {port}")).encode("utf-8", "backslashreplace")


@given(st.text())
def test_text_of_any_kind_can_be_reported(text):
    ElementTree.fromstring(as_junit(report(text), ALLOWED))
    json.dumps(as_json(report(text)), ensure_ascii=False).encode("utf-8")


def test_no_credential_is_kept():
    text = f"went to /x?token={SECRET} with Bearer {SECRET}"
    for kept in (json.dumps(as_json(report(text))), as_junit(report(text), ALLOWED)):
        assert SECRET not in kept and "chars" in kept
    assert SECRET not in Call("GET", plain(f"/c?token={SECRET}")).title


def test_junit_shows_allowed_as_passed_and_unknown_as_error():
    allowed = frozenset({Level.SELF_CONTAINED, Level.PROCESS})
    assert ElementTree.fromstring(as_junit(report(), allowed)).get("failures") == "0"
    nothing = ElementTree.fromstring(as_junit(Report(Level.UNKNOWN, "it died"), ALLOWED))
    assert nothing.get("errors") == "1" and "it died" in ElementTree.tostring(nothing).decode()


def test_junit_is_red_where_the_exit_status_is_not_0():
    fine = Finding(0, "GET /", Level.SELF_CONTAINED)
    unknown = Report(Level.UNKNOWN, "nothing depends", None, [fine])
    suite = ElementTree.fromstring(as_junit(unknown, ALLOWED))
    assert (suite.get("tests"), suite.get("errors")) == ("2", "1")
    assert "nothing depends" in ElementTree.tostring(suite).decode()
    limited = Finding(1, "GET /b", Level.UNKNOWN, why="429", counts=False)
    green = Report(Level.SELF_CONTAINED, "", None, [fine, limited])
    suite = ElementTree.fromstring(as_junit(green, ALLOWED))
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "1")


def test_explanation_covers_only_what_was_run():
    assert "in turn" not in explain(Report(Level.UNKNOWN, ""))
    explained = explain(Report(Level.PROCESS, "", plays=["on two processes in turn"]))
    assert (
        "then on two processes in turn" in explained
        and "client that carries nothing" not in explained
    )


def test_finding_seen_once_does_not_stand_when_the_check_is_cut_short():
    cut = report()
    cut.reproducer = None
    cut.cut("stopped")
    assert cut.level is Level.UNKNOWN and "not yet seen again" in cut.because
    assert all(each.level is Level.UNKNOWN for each in cut.findings)
    proven = report()
    proven.cut("stopped")
    assert proven.level is Level.PROCESS


def test_call_that_is_unknown_is_not_allowed_beside_one_that_is():
    allowed = frozenset({Level.SELF_CONTAINED, Level.BACKING_SERVICE})
    behind = Finding(0, "GET /", Level.BACKING_SERVICE)
    unknown = Finding(1, "GET /", Level.UNKNOWN)
    assert Report(Level.BACKING_SERVICE, "", None, [behind]).passes(allowed)
    assert not Report(Level.BACKING_SERVICE, "", None, [behind, unknown]).passes(allowed)


def test_token_is_not_statelessness_is_said_where_one_was_carried():
    token = (("Authorization", ("Bearer ", Ref(0, "json:/token", "x"))),)
    carried = report(calls=(Call("POST", plain("/login")), Call("GET", plain("/me"), token)))
    assert "A token is not statelessness" in explain(carried)
    assert "A token is not statelessness" not in explain(report())
    for level in Level:
        assert "lab run" in explain(Report(level, "")) or level is Level.UNKNOWN


def test_levels():
    def found(level, depends=None):
        return Finding(
            0, "GET /", level, NO_PLAY, (Difference("status", "200", "401"),), None, depends
        )

    contained = found(Level.SELF_CONTAINED)
    level, said = level_of([contained])
    assert level is Level.SELF_CONTAINED and "nothing here needed a memory" in said
    assert level_of([contained], require_dependency=True)[0] is Level.UNKNOWN
    refused = replace(contained, status=401)  # a client that lost its credential is not a proof
    assert level_of([contained, refused])[0] is Level.UNKNOWN
    assert level_of([contained, replace(contained, status=404)])[0] is Level.SELF_CONTAINED
    assert level_of([found(Level.SELF_CONTAINED, True), contained])[0] is Level.SELF_CONTAINED
    behind = found(Level.BACKING_SERVICE)
    assert level_of([contained, behind])[0] is Level.BACKING_SERVICE
    assert level_of([behind, found(Level.DISK)])[0] is Level.DISK
    assert level_of([found(Level.DISK), found(Level.PROCESS)])[0] is Level.PROCESS
    assert level_of([contained, found(Level.UNKNOWN)])[0] is Level.UNKNOWN
    dependent, limited = (found(Level.SELF_CONTAINED, True), found(Level.UNKNOWN))
    limited = replace(limited, counts=False)
    assert level_of([dependent, limited])[1].startswith("1 of 2 calls")
    assert "none was emptied" in level_of([dependent], UNSEEN)[1]
    assert "sent alone" not in level_of([dependent], UNSEEN)[1]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    "body", ['it\'s $HOME `id` \\ "q"', "a\nb\tc", "ü €", "\udcff\udc80x", "\0a\udcff", "-x", "@f"]
)
def test_curl_lines_quote_for_bash(body, tmp_path):
    """Each line is run with a `curl` that writes down what it was asked to send."""
    call = Call(
        "POST", plain("/it's?a=$b"), (("X-A", plain("it's $HOME")), ("X-E", ())), plain(body)
    )
    lines = as_curl(report(calls=(call,)), Start("true"))
    line = re.search(r"^call1\(\) { (curl .*?); }$", lines, re.DOTALL | re.MULTILINE)[1]
    fake = (
        'URL=http://127.0.0.1:1; curl() { for word in "$@"; do case "$word" in '
        '@/dev/*) cat "${word#@}"; printf "\\n\\0";; *) printf "%s\\n\\0" "$word";; esac; done; }\n'
    )
    done = subprocess.run(["bash", "-c", fake + line], cwd=tmp_path, capture_output=True)
    words = [word.removesuffix(b"\n") for word in re.split(rb"(?<=\n)\0", done.stdout)]
    assert body.encode("utf-8", "surrogateescape") in words, (line, words, done.stderr)
    assert b"http://127.0.0.1:1/it's?a=$b" in words
    assert b"X-A: it's $HOME" in words and b"X-E;" in words


def test_script_of_what_only_a_younger_process_refuses_starts_it_in_a_later_second():
    calls = (Call("POST", plain("/token")), Call("GET", plain("/me")))
    young, found = report(calls=calls), (Difference("status", "200", "401"),)
    young.reproducer = Reproducer((0, 1), False, found, 3, 3, young=True)
    assert "shown() { start; call1; stop; sleep 1; start; call2; }" in as_curl(young, Start("x"))
    young.reproducer = replace(young.reproducer, young=False)
    assert "shown() { start; call1; stop; start; call2; }" in as_curl(young, Start("x"))


RUNS = {  # what the last of two answers was in each run, and the first in all: judged so
    "status": (("HTTP/1.1 200 OK\n", ""), ("HTTP/1.1 401 No\n", ""), "200", "401"),
    "/-": (("", '["a"]'), ("", "[]"), "1 item", "0 items"),
    "/a/0": (("", '{"a": [1]}'), ("", '{"a": [2]}'), "1", "2"),
    "header:x-cache": (("X-Cache: HIT\r\n", ""), ("X-Cache: MISS\r\n", ""), "HIT", "MISS"),
    "body": (("", "Welcome ada"), ("", "Welcome stranger"), "ada", "stranger"),
    "/id": (("", '{"id": "first"}'), ("", '{"id": "other"}'), "", ""),
    "body/0": (("", "<b>first</b>"), ("", "<b>other</b>"), "", ""),
}


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh")
@pytest.mark.parametrize("where", RUNS)
def test_printed_script_judges_what_the_runs_have_shown(where, tmp_path):
    """As it is 0, and 1 where the second run is like the first, or the first like the second."""
    good, bad, expected, seen = RUNS[where]
    difference = Difference(where, expected, seen)
    if not seen:
        difference = Relation(8, where, 3, where).difference()
    lines = "\n".join(judge(difference, (3, 8)))
    for answers, status in (((good, bad), 0), ((good, good), 1), ((bad, bad), 1)):
        runs = {"control": answers[0], "shown": answers[1], "again": answers[0]}
        for run, (head, body) in runs.items():
            (tmp_path / run).mkdir(exist_ok=True)
            files = {"head1": "", "body1": '{"id": "first"}', "head2": head, "body2": body}
            for name, text in files.items():
                (tmp_path / run / name).write_text(text)
        script = f"WORK={tmp_path}\nrun() {{ :; }}\n{lines}"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (status, ""), (answers, lines, done)


@pytest.mark.skipif(os.name != "posix", reason="no process groups")
@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_printed_script_ends_the_workers_of_a_server_too(shell, tmp_path):
    """Its whole process group, in any shell: a worker may outlive the master for a while."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    script = as_curl(report(), Start("x"))
    stop = re.search(r"^stop\(\) .*?PIDS=; }$", script, re.DOTALL | re.MULTILINE)[0]
    server = "import os, time; os.setsid(); os.fork(); open(str(os.getpid()), 'w'); time.sleep(600)"
    lines = f"""{stop}
PIDS=
{shlex.quote(sys.executable)} -c {shlex.quote(server)} &
PIDS="$PIDS $!"
until [ "$(ls | wc -l)" -ge 2 ]; do sleep 0.05; done
stop"""
    subprocess.run([shell, "-c", lines], cwd=tmp_path, timeout=120, capture_output=True)
    started = [int(each.name) for each in tmp_path.iterdir()]
    assert len(started) == 2
    assert wait_until(lambda: not any(map(lives, started)), 60)


def lives(pid):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


VARY = {  # where each value is another one in each run: a control, another, and what differs
    "/online/-": ('{"online": ["01ce"]}', '{"online": ["77fa"]}', '{"online": []}'),
    "/cart": ('{"cart": {"id": "01ce"}}', '{"cart": {"id": "77fa"}}', "{}"),
    "/id": ('{"id": "01ce"}', '{"id": "77fa"}', '{"id": null}'),
    "/name": ('{"name": "ada"}', '{"name": "ada"}', '{"name": "nothing"}'),
}


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh")
@pytest.mark.parametrize("where", VARY)
def test_printed_script_compares_what_the_finding_compares(where, tmp_path):
    """How many there are, and of what kind: the ids themselves are new in each run."""
    lines = "\n".join(judge(Difference(where, "1 item", "0 items"), (0, 1)))
    control, again, shown = VARY[where]
    for last, status in ((shown, 0), (again, 1), (control, 1)):
        for run, body in (("control", control), ("again", again), ("shown", last)):
            (tmp_path / run).mkdir(exist_ok=True)
            (tmp_path / run / "body2").write_text(body)
        script = f"WORK={tmp_path}\nrun() {{ :; }}\n{lines}"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (status, ""), (last, done)


ASKED = {  # the answers to the last call: of a server that had none, of one that had them all
    "one disagrees": ("0000", "0110", 0),
    "it changed once": ("0000", "0011", 1),
    "none disagrees": ("0000", "1111", 1),
    "it varies without them": ("0101", "0110", 1),
}


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh")
@pytest.mark.parametrize("where", ["status", "/a", "/list/-", "body"])
@pytest.mark.parametrize("name", ASKED)
def test_printed_script_of_several_processes_counts_their_answers(where, name, tmp_path):
    control, shown, status = ASKED[name]
    for run, kinds in (("control", control), ("shown", shown)):
        for number, kind in enumerate(kinds, start=1):
            folder = tmp_path / run / str(number)
            folder.mkdir(parents=True)
            (folder / "head3").write_text(f"HTTP/1.1 {200 + int(kind)} OK\r\n\r\n")
            document = {"a": int(kind), "list": ["x"] * int(kind)}
            (folder / "body3").write_text(json.dumps(document))
    lines = "\n".join(judge_again(Difference(where, "a", "b"), 3, 4))
    script = f"WORK={tmp_path}\nrun() {{ :; }}\n{lines}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, ""), (name, done)


def test_script_of_several_processes_sends_no_credential_in_its_control():
    token = (("Authorization", ("Bearer ", Ref(0, "json:/token", "live-token"))),)
    found = report(calls=(Call("POST", plain("/login")), Call("GET", plain("/me"), token)))
    several = Reproducer((0, 1), False, (Difference("status", "200", "401"),), 9, 24, repeated=24)
    found.reproducer = several
    script = as_curl(found, Start("x"))
    assert "live-token" not in script
    assert "shown() { start; call1; again call2; }" in script
    assert subprocess.run(["sh", "-n", "-c", script]).returncode == 0
    assert as_json(found)["shortest"]["repeated"] == 24


def test_values_are_looked_up_in_earlier_answers(tmp_path):
    (tmp_path / "body1").write_text(json.dumps({"a/b": [{"it's": 'x "y"'}]}))
    (tmp_path / "head1").write_bytes(
        b"HTTP/1.1 201\r\nLocation: http://h:1/orders/7?state=a%26b\r\n"
        b"Set-Cookie: id=c1; Path=/\r\n"
        b'WWW-Authenticate: Basic realm="desk"\r\n'
        b'WWW-Authenticate: Digest realm="desk", nonce="n==7", qop="auth"\r\n\r\n'
    )
    refs = (
        Ref(0, "json:/a~1b/0/it's", "?"),
        "|",
        Ref(0, "json:/a~1b/0/it's", "?", "json"),
        "|",
        Ref(0, "json:/a~1b/0/it's", "?", "url"),
        "|",
        Ref(0, "path:location", "?"),
        "|",
        Ref(0, "header:location", "?"),
        "|",
        Ref(0, "query:location:state", "?"),
        "|",
        Ref(0, "cookie:id", "?"),
        "|",
        Ref(0, r"match:it's.{4}(x)", "?"),
        "|",
        Ref(0, "param:www-authenticate:nonce", "?"),
    )
    calls = (Call("GET", plain("/")), Call("POST", plain("/"), (), refs))
    lines = as_curl(report(calls=calls), Start("x"))
    given = re.search(r"^given\(\) .*?^' \"\$@\"; }$", lines, re.DOTALL | re.MULTILINE)[0]
    line = next(each for each in lines.splitlines() if "--data-raw" in each)
    script = f'{given}\ncurl() {{ printf "%s\\n" "$@"; }}\n{line}\ncall2'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    there = "/orders/7?state=a%26b"
    expected = f'x "y"|x \\"y\\"|x%20%22y%22|{there}|http://h:1{there}|a&b|c1|x|n==7'
    assert expected in done.stdout.splitlines(), (line, done)


@pytest.mark.parametrize("kind", [each for each in PlayKind if each])
@pytest.mark.parametrize("which", ["", "in turn"])
def test_junit_says_what_happened_in_each_play(kind, which):
    play = PlayName(kind, which)
    found = Finding(0, "GET /", Level.PROCESS, play, (Difference("/a", "1", "2"),))
    suite = ElementTree.fromstring(as_junit(Report(Level.PROCESS, "", None, [found]), ALLOWED))
    (failure,) = suite.iter("failure")
    assert failure.get("message") == f"state in the process: {kind.meaning}"
    assert failure.text == "/a: 1 became 2"


def test_call_is_not_self_contained_where_what_is_behind_it_was_not_emptied():
    fine = Finding(0, "GET /", Level.SELF_CONTAINED)
    doubted = not_emptied(fine)
    assert doubted.level is Level.UNKNOWN and "not emptied" in doubted.why
    state = Finding(0, "GET /", Level.PROCESS)
    assert not_emptied(state) is state


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("", PlayKind.NONE),
        ("a fresh process for each call", PlayKind.FRESH),
        ("a fresh process for each call, each with a disk of its own", PlayKind.ELSEWHERE),
        ("two processes in turn", PlayKind.TWO),  # as version 0.1 wrote it
        ("two processes, calls 2, 3 to the second", PlayKind.TWO),
        ("the calls spread over the replicas, a b", PlayKind.CROSSED),
        ("what no play is called", PlayKind.NONE),
    ],
)
def test_play_of_a_kept_document_has_the_meaning_of_its_kind(label, kind):
    assert meaning_of(label) == kind.meaning
