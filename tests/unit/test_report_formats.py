"""JUnit, HAR and command lines of a run: valid, honest, and unmoved by hostile text."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from report_documents import (
    CREDENTIAL,
    HOSTILE,
    crash,
    crowd,
    exchange,
    experiment,
    hostile,
    run,
    typed,
    variant,
)

from lab.core.faults import FaultEvent, FaultEvidence, FaultKind
from lab.core.junit import Case, Problem, Suite
from lab.core.junit import junit_xml as write_junit
from lab.evidence.run_document import Message
from lab.report import curl
from lab.report.har import archive
from lab.report.junit import junit_xml
from lab.report.plain import body_text

# --- JUnit


def cases(document):
    root = ET.fromstring(junit_xml(document).encode("utf-8"))
    outcomes = {}
    for case in root.iter("testcase"):
        tags = [child.tag for child in case if child.tag != "system-out"]
        outcomes[case.get("name")] = tags[0] if tags else "passed"
    return root, outcomes


def test_suite_an_experiment_a_case_a_variant_and_the_claim():
    root, outcomes = cases(crash())
    assert [suite.get("name") for suite in root] == ["crash"]
    assert list(outcomes)[:2] == ["variant stateful", "variant stateless"]
    assert list(outcomes)[2].startswith("claim: Servers can crash")
    assert set(outcomes.values()) == {"passed"}
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "0", "0")


def test_unmet_expectation_is_a_failure_of_the_claim_and_of_its_variant():
    surprise = {"variant": "stateful", "seen": "holds", "expected": "fails"}
    it = experiment([variant(), variant("b")], surprises=[surprise], expectation_met=False)
    root, outcomes = cases(run(it))
    assert list(outcomes.values()) == ["failure", "passed", "failure"]
    assert root.get("failures") == "2"


def test_broken_assertion_of_a_script_is_a_failure():
    it = experiment(
        [variant(broken_expectation="assert 1", traceback="l. 3")], expectation_met=False
    )
    assert list(cases(run(it))[1].values()) == ["failure", "skipped"]
    assert junit_xml(run(it)).count('<failure message="assert 1"') == 1


def test_failed_script_is_an_error_even_if_it_sent_nothing():
    failed = variant(script_failed=True, trouble="KeyError: 'x'", outcome=None)
    it = experiment([failed], verdict="unknown", expectation_met=False)
    assert list(cases(run(it))[1].values()) == ["error", "skipped"]


def test_unknown_is_an_error_and_what_never_ran_is_skipped():
    cut = variant("cut", trouble="interrupted", exchanges=[exchange()])
    silent = variant("none", outcome={"verdict": "unknown", "note": "no cart was read"})
    variants = [variant("redis", trouble="no session store here", outcome=None), cut, silent]
    it = experiment(variants, verdict="unknown", expectation_met=None)
    root, outcomes = cases(run(it))
    assert list(outcomes.values()) == ["skipped", "error", "error", "error"]
    assert (root.get("skipped"), root.get("errors"), root.get("failures")) == ("1", "3", "0")


def test_hostile_text_is_xml_all_the_same():
    _, outcomes = cases(hostile())
    assert len(outcomes) == 2
    assert "<script>" not in junit_xml(hostile())


def test_empty_run_is_xml():
    assert cases(run())[1] == {}


def test_report_of_no_one_else_is_written_the_same_way():
    """The writer itself: text of any kind, counts, and what has no duration."""
    failed = Case("a", HOSTILE, Problem("failure", HOSTILE, HOSTILE), output=HOSTILE)
    cases = [failed, Case("a", "b", Problem("skipped", "why")), Case("a", "c", seconds=1.25)]
    root = ET.fromstring(write_junit("x", [Suite("s", cases, 2.0, {"p": HOSTILE})]).encode())
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped", "time")] == [
        *("3", "1", "0", "1", "2.000")
    ]
    times = [case.get("time") for case in root.iter("testcase")]
    assert times == [None, None, "1.250"]


# --- HAR


def assert_har(har):
    """What HAR 1.2 asks for, as its readers check it."""
    log = json.loads(json.dumps(har, allow_nan=False))["log"]
    assert log["version"] == "1.2"
    assert log["creator"].keys() >= {"name", "version"}
    pages = {page["id"] for page in log["pages"]}
    assert len(pages) == len(log["pages"])
    for page in log["pages"]:
        assert page.keys() >= {"startedDateTime", "id", "title", "pageTimings"}
    for entry in log["entries"]:
        assert entry["pageref"] in pages
        assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo
        assert entry["time"] >= 0
        assert entry["cache"] == {}
        timings = entry["timings"]
        assert timings["send"] + timings["wait"] + timings["receive"] == entry["time"]
        request, response = entry["request"], entry["response"]
        assert request.keys() >= {
            *("method", "url", "httpVersion", "cookies", "headers", "queryString"),
            *("headersSize", "bodySize"),
        }
        assert response.keys() >= {
            *("status", "statusText", "httpVersion", "cookies", "headers", "content"),
            *("redirectURL", "headersSize", "bodySize"),
        }
        assert urlsplit(request["url"]).hostname == "two-desks.invalid"
        assert request["url"].isascii()
        assert not re.search(r"[\s<>\"]", request["url"])
        assert isinstance(response["status"], int)
        assert response["content"].keys() >= {"size", "mimeType"}
        for pair in request["headers"] + response["headers"] + request["queryString"]:
            assert isinstance(pair["name"], str)
            assert isinstance(pair["value"], str)
        if "postData" in request:
            assert isinstance(request["postData"]["text"], str)
    started = [entry["startedDateTime"] for entry in log["entries"]]
    assert started == sorted(started)
    return log


@pytest.mark.parametrize("make", [crash, crowd, hostile, run])
def test_har_is_har(make):
    assert_har(archive(make()))


def test_har_has_every_exchange_with_its_time():
    log = assert_har(archive(crash()))
    assert len(log["entries"]) == 6
    assert {entry["startedDateTime"][:19] for entry in log["entries"]} == {"2026-11-24T07:55:36"}
    login = log["entries"][0]["request"]
    assert json.loads(login["postData"]["text"]) == {"user_id": "123", "name": "John"}
    assert login["postData"]["mimeType"] == "application/json"


def test_exchange_without_an_answer_is_status_0():
    nothing = exchange(status=None, error="ConnectionError", outcome="failed")
    nothing["response"] = {"headers": {}, "body": None}
    entry = assert_har(archive(run(experiment([variant(exchanges=[nothing])]))))["entries"][0]
    assert entry["response"]["status"] == 0
    assert entry["response"]["_error"] == "ConnectionError"


# --- bodies


@pytest.mark.parametrize(
    "sent",
    [
        b'{"sku": "laptop", "quantity": 1}',
        b'"a string"',
        b"a text",
        b"12",
        b"[]",
        b'"12"',
        b"",
        b"{",
    ],
)
def test_kept_body_is_given_back_as_it_was_sent(sent):
    from lab.core.redaction import redact_body

    message = Message({"Content-Length": str(len(sent))}, redact_body(sent))
    assert body_text(message).encode() == sent


# --- command lines

ECHO = """\
import json, sys
read = [open(each[1:], "rb").read().hex() for each in sys.argv if each.startswith("@/dev/fd/")]
print(json.dumps([sys.argv[1:], "".join(read)]))
"""


@pytest.fixture
def shell(tmp_path):
    """Runs a line in bash, with a `curl` that says what it was given."""
    if not (bash := shutil.which("bash")):
        pytest.skip("no bash here")
    program = tmp_path / "curl"
    program.write_text(f"#!{sys.executable}\n{ECHO}", encoding="utf-8")
    program.chmod(0o755)

    def run_line(line):
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BASE": "http://b", "TOKEN": "t0k en'"}
        done = subprocess.run(
            [bash, "-c", line],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.stderr == b""
        arguments, fed = json.loads(done.stdout)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["curl"]
        return arguments, bytes.fromhex(fed)

    return run_line


def asked(path="/api/cart", method="GET", headers=None, body=None, target=None):
    it = exchange(path=path, method=method, target=target)
    it["request"] = {"headers": headers or {}, "body": body}
    return typed(it)


TEXTS = [
    "'; touch gone; '",
    "$(touch gone) `touch gone` ${HOME} $HOME !!",
    'a"b\\c',
    "two\nlines",
    "\x1b[31mred \x07",
    "-o gone",
    "@/etc/passwd",
    "é 漢 \u202e 😀 \u2019; touch gone",
    "*?[a-z]{1,2}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_gets_out_of_its_quotes(shell, text):
    it = asked("/api/" + text, "POST", {"X-Note": text, "Content-Type": "text/plain"}, text)
    arguments, _ = shell(curl.posix(it))
    assert arguments[arguments.index("--data-raw") + 1] == text
    assert arguments[-1] == "http://b/api/" + text
    assert f"X-Note: {text}".replace("\n", " ") in arguments


def test_body_with_a_zero_is_fed(shell):
    arguments, fed = shell(curl.posix(asked(method="POST", body="a\0b\n\\'é")))
    assert arguments[arguments.index("--data-binary") + 1].startswith("@/dev/fd/")
    assert fed == "a\0b\n\\'é".encode()


@pytest.mark.parametrize("text", [HOSTILE, HOSTILE.replace("\0", "")])
def test_hostile_everything(shell, text):
    it = asked("/" + text.replace("\0", ""), text.replace("\0", ""), {text: text, "X": "y"}, text)
    arguments, _ = shell(curl.posix(it))
    assert "X: y" in arguments
    assert not any("alert" in a and a.startswith("-") for a in arguments)


def test_placeholders_stand_for_what_is_not_kept(shell):
    headers = {
        "Authorization": f"Bearer {CREDENTIAL}",
        "Cookie": f"desk_session={CREDENTIAL}",
        "User-Agent": "python-requests/2",
        "X-Op": "x-1",
        "Content-Length": "999",
        "Accept": "*/*",
        "If-Match": '"3"',
    }
    it = asked(f"/api/cart?token={CREDENTIAL}&userId=123", "POST", headers, {"token": CREDENTIAL})
    arguments, _ = shell(curl.posix(it))
    given = [arguments[n + 1] for n, each in enumerate(arguments) if each == "-H"]
    assert given == ["Authorization: Bearer t0k en'", 'If-Match: "3"', "Content-Type:"]
    assert arguments[-1] == "http://b/api/cart?token=t0k en'&userId=123"
    assert '{"token": "t0k en\'"}' in arguments
    assert "sha256" not in curl.posix(it)
    assert "sha256" not in curl.powershell(it)


def test_methods(shell):
    assert "-X" not in shell(curl.posix(asked()))[0]
    assert "--head" in shell(curl.posix(asked(method="HEAD")))[0]
    assert shell(curl.posix(asked(method="DELETE")))[0][6:9] != []
    arguments, _ = shell(curl.posix(asked(method="DELETE")))
    assert arguments[arguments.index("-X") + 1] == "DELETE"


def test_server_is_addressed_by_its_own_path(shell):
    assert shell(curl.posix(asked(target="B")))[0][-1] == "http://b/@B/api/cart"


def test_header_name_that_is_none_is_left_out():
    assert "-H" not in curl.posix(asked(headers={"@/etc/passwd": "x", "a b": "c", "": "d"}))


def powershell_text(literal):
    """Read back what our PowerShell expression means."""
    text = ""
    pattern = r"\[string\]\[char\](\d+)|'((?:[^'\u2018-\u201b]|['\u2018-\u201b]{2})*)'|[ +()]"
    at = 0
    for match in re.finditer(pattern, literal):
        assert match.start() == at, literal[at:]
        at = match.end()
        if match[1]:
            text += chr(int(match[1]))
        elif match[2] is not None:
            text += re.sub("(['\u2018-\u201b])\\1", r"\1", match[2])
    assert at == len(literal)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@pytest.mark.parametrize("text", [*TEXTS, HOSTILE.replace("\ud800", "")])
def test_no_text_gets_out_of_its_quotes_in_powershell(text):
    line = curl.powershell(asked(method="POST", body=text))
    literal = line[line.index("-Body ") + 6 : line.index(" -Uri ")]
    assert powershell_text(literal) == text
    assert re.fullmatch(r"[\n\t\x20-\x7e]*", line)


def test_powershell_has_jar_token_and_type():
    headers = {"Authorization": f"Bearer {CREDENTIAL}", "Content-Type": "application/json"}
    line = curl.powershell(asked("/api/cart/items", "POST", headers, {"sku": "it's"}))
    assert line == (
        "Invoke-WebRequest -UseBasicParsing -WebSession $Jar -Method 'POST' "
        "-Headers @{'Authorization' = ('Bearer ' + $Token)} -ContentType 'application/json' "
        """-Body '{"sku": "it''s"}' -Uri ($Base + '/api/cart/items')"""
    )


def test_list_of_commands_has_each_exchange_in_order_and_the_faults_as_comments():
    lines = list(curl.lines(crash().experiments[0]))
    commands = [line for line in lines if line.startswith("curl")]
    assert len(commands) == 6
    assert lines.index("# the lab: kill A") < lines.index("# stateful-2, John: 502")
    restarted = crash()
    restarted.experiments[0].variants[0].faults[0] = FaultEvent(
        FaultKind.KILL, "A", 1.0, True, FaultEvidence(for_restart=True)
    )
    assert "# the lab: restart A (kill)" in curl.lines(restarted.experiments[0])
    for line in curl.lines(hostile().experiments[0]):
        assert re.fullmatch(r"[\n\t\x20-\x7e]*", line)
