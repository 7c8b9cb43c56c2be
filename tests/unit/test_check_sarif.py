"""A report as SARIF: valid by its schema, with ids and fingerprints that stay."""

import json
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from lab.check.conversation import Call, Conversation, plain
from lab.check.differences import Difference
from lab.check.document import document
from lab.check.judge import Finding, Level, Report
from lab.check.play_name import FRESH
from lab.check.sarif import Checked, as_sarif

SCHEMA = "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
HOSTILE = "<b>[red]&\"'\x00\x1b\ud800\u2028]]>\ufffe%20/../"
TALK = PurePosixPath("tests/talk.py")
DIFFERS = (Difference("status", "200", "401"),)


def calls(*levels, path="/cart"):
    return [
        (Call("GET", plain(path), origin=f"talk.py:{3 + n}"), level)
        for n, level in enumerate(levels)
    ]


def sarif(said, file=TALK, level=None, allowed=(Level.SELF_CONTAINED,), **more):
    conversation = Conversation(tuple(call for call, _ in said), "talk.py")
    findings = [
        Finding(n, call.title, level, FRESH, DIFFERS, needs=(0,) if n else None)
        for n, (call, level) in enumerate(said)
    ]
    worst = level or (said[-1][1] if said else Level.UNKNOWN)
    made = document(
        Report(worst, "why it is so", conversation, findings, **more), allowed=frozenset(allowed)
    )
    return json.loads(as_sarif([Checked(made, file)]))


def results(*how, **more):
    return sarif(*how, **more)["runs"][0]["results"]


def fingerprints(found):
    return [each["partialFingerprints"]["primaryLocationLineHash"] for each in found]


@pytest.fixture(scope="module")
def valid():
    """What asserts that a document is valid by the schema of SARIF 2.1.0."""
    node = shutil.which("node")
    ask = f"process.stdout.write(require.resolve({SCHEMA!r}))"
    found = node and subprocess.run([node, "-e", ask], capture_output=True, text=True, timeout=60)
    if not found or found.returncode:
        pytest.skip("the schema of SARIF is not here: npm install @microsoft/jest-sarif")
    validator = Draft4Validator(json.loads(Path(found.stdout).read_text(encoding="utf-8")))
    return validator.validate


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("file", [TALK, None])
def test_sarif_is_valid_by_its_schema(valid, level, file):
    valid(sarif(calls(Level.SELF_CONTAINED, level, Level.PROCESS), file, failed="talk.py:4: no"))
    valid(sarif([], file, partial=True))
    valid(sarif(calls(level, path=f"/{HOSTILE}"), file, failed=HOSTILE))


def test_sarif_names_the_rule_the_line_and_what_it_needs():
    (found,) = results(calls(Level.SELF_CONTAINED, Level.PROCESS))
    assert (found["ruleId"], found["level"]) == ("state-in-process", "error")
    assert found["message"]["text"].endswith("status: 200 became 401")
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "tests/talk.py"
    assert place["region"] == {"startLine": 4}
    (needed,) = found["relatedLocations"]
    assert needed["physicalLocation"]["region"] == {"startLine": 3}


def test_sarif_rules_keep_their_ids():
    rules = sarif([])["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [
        *("state-in-process", "state-on-disk", "state-in-backing-service"),
        *("not-known", "state-in-replica", "failed-assertion"),
    ]
    for found in results(calls(*{*Level} - {Level.ALIKE}), failed="talk.py:9: no"):
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"]


def test_sarif_fingerprint_stays_when_lines_move_and_ids_change():
    before = [(Call("GET", plain("/cart"), origin="talk.py:3"), Level.PROCESS)] * 2
    after = [(Call("GET", plain("/cart?n=7"), origin="talk.py:30"), Level.PROCESS)] * 2
    one, two = fingerprints(results(before))
    assert one != two
    assert fingerprints(results(after)) == [one, two]
    assert fingerprints(results(before, file=PurePosixPath("other/talk.py")))[0] != one
    other_rule = [(call, Level.DISK) for call, _ in before]
    assert fingerprints(results(other_rule))[0] != one


def test_sarif_is_empty_for_what_is_allowed():
    assert results(calls(Level.SELF_CONTAINED, Level.ALIKE)) == []
    backing = calls(Level.BACKING_SERVICE)
    assert results(backing, allowed=(Level.SELF_CONTAINED, Level.BACKING_SERVICE)) == []
    assert len(results(backing)) == 1


def test_sarif_says_why_there_is_no_verdict():
    (found,) = results([], level=Level.UNKNOWN)
    assert (found["ruleId"], found["message"]["text"]) == ("not-known", "why it is so")


def test_sarif_points_at_the_line_of_an_assertion():
    (found,) = results(calls(Level.SELF_CONTAINED), failed="talk.py:12: assert False")
    assert found["ruleId"] == "failed-assertion"
    assert found["locations"][0]["physicalLocation"]["region"] == {"startLine": 12}


def test_sarif_says_whether_the_check_came_to_its_end():
    for partial in (False, True):
        (run,) = sarif([], partial=partial)["runs"]
        assert run["invocations"] == [{"executionSuccessful": not partial}]


@given(st.text(), st.text(max_size=30))
def test_text_of_any_kind_can_be_in_sarif(text, origin):
    said = [(Call("GET", plain(f"/{text}"), origin=origin), Level.PROCESS)]
    assert len(results(said)) == 1


def test_sarif_holds_no_credential():
    secret = "eyJhbGciOiJIUzI1NiIs.Zm9v.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
    said = json.dumps(sarif(calls(Level.PROCESS, path=f"/cart?token={secret}"), failed=secret))
    assert secret not in said
