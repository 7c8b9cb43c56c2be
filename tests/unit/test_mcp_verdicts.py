"""Three verdicts out of one report: session, lists, application state; and how each is printed."""

import json
from dataclasses import replace

import msgspec
import pytest

from lab.check.conversation import Conversation, Ref
from lab.check.curl import as_curl
from lab.check.differences import Difference
from lab.check.document import CheckDocument, document
from lab.check.judge import Finding, Level, Report, Reproducer
from lab.check.mcp.dialect import Sessions
from lab.check.mcp.messages import FromAnswer, Wire, in_session
from lab.check.mcp.sessions import Meeting
from lab.check.mcp.source import APPLICATION, LISTS
from lab.check.mcp.verdicts import judge_parts
from lab.check.page import check_page
from lab.check.play_name import FRESH, TURNS
from lab.check.render import as_junit, explain
from lab.check.start import Start
from lab.core.http import Answer, Headers

WIRE = Wire("/mcp", "2025-06-18")
SESSION_REF = Ref(0, "header:mcp-session-id", "s1")
CHANGED = Difference("/result/n", "2", "1")


def answered(number, result=None, headers=()):
    message = {"jsonrpc": "2.0", "id": number, "result": {} if result is None else result}
    return Answer(
        200, Headers([("content-type", "application/json"), *headers]), json.dumps(message).encode()
    )


def met(level=Level.SELF_CONTAINED, sessions=Sessions.NONE):
    opened = Conversation(
        (
            WIRE.initialize(0),
            in_session(WIRE.notification("notifications/initialized"), (SESSION_REF,)),
            in_session(WIRE.request(2, "tools/list"), (SESSION_REF,)),
        ),
        answers=(answered(0, headers=[("mcp-session-id", "s1")]), Answer(202), answered(2)),
    )
    report = Report(level, "of sessions", opened)
    if level is Level.PROCESS:
        report.reproducer = Reproducer((0, 1, 2), False, (CHANGED,), 3, 3, (0, 0, 1))
    return Meeting(WIRE, {}, report, sessions)


def a_report(*levels, results=None):
    """A report on a list, a call, the call again with what it gave, and the list again."""
    again = {"name": "t", "arguments": {"n": FromAnswer(Ref(1, "json:/result/n", "7"), 7)}}
    calls = (
        WIRE.request(1, "tools/list", topic=LISTS, safe=True),
        WIRE.request(2, "tools/call", {"name": "t", "arguments": {}}, topic=APPLICATION),
        WIRE.request(3, "tools/call", again, topic=APPLICATION),
        WIRE.request(4, "tools/list", topic=LISTS, safe=True),
    )
    answers = tuple(answered(n + 1, result) for n, result in enumerate(results or [{}] * 4))
    report = Report(Level.SELF_CONTAINED, "of all", Conversation(calls, "MCP", answers))
    for index, level in enumerate(levels):
        finding = Finding(index, calls[index].title, level, depends=True)
        if level is Level.PROCESS:
            finding = replace(finding, play=FRESH, differences=(CHANGED,), needs=(1,))
            report.proofs[index] = Reproducer((1, index), False, (CHANGED,), 4, 4)
            report.level = level
        report.findings.append(finding)
    return report


def verdicts(report, meeting):
    judge_parts(report, meeting)
    return {part.name: part.report.level for part in report.parts}


ALIKE, PROCESS = Level.SELF_CONTAINED, Level.PROCESS


@pytest.mark.parametrize(
    ("levels", "session", "expected"),
    [
        ((ALIKE,) * 4, ALIKE, (ALIKE, ALIKE, ALIKE)),
        ((ALIKE,) * 4, PROCESS, (PROCESS, ALIKE, ALIKE)),
        ((ALIKE, ALIKE, PROCESS, ALIKE), ALIKE, (ALIKE, ALIKE, PROCESS)),
        ((ALIKE, ALIKE, ALIKE, PROCESS), ALIKE, (ALIKE, PROCESS, ALIKE)),
        ((ALIKE, ALIKE, PROCESS, PROCESS), PROCESS, (PROCESS, PROCESS, PROCESS)),
    ],
)
def test_each_part_has_the_level_of_its_own_calls(levels, session, expected):
    report = a_report(*levels)
    assert tuple(verdicts(report, met(session)).values()) == expected
    assert report.level is (PROCESS if PROCESS in expected else ALIKE)
    for part in report.parts:
        assert (part.report.reproducer is not None) == (part.report.level is PROCESS)
        assert bool(part.remedy) == (part.report.level is PROCESS)


def test_why_is_that_of_the_worst_part():
    report = a_report(ALIKE, ALIKE, PROCESS, ALIKE)
    judge_parts(report, met())
    assert report.because.startswith("application state: 1 of 2 calls")


def test_server_of_which_nothing_can_be_called_is_not_known():
    report = a_report(ALIKE)
    assert verdicts(report, met())[APPLICATION] is Level.UNKNOWN
    assert report.level is Level.UNKNOWN
    assert "--call NAME" in report.because


def test_calls_that_all_fail_show_nothing():
    failed = {"isError": True, "content": []}
    report = a_report(ALIKE, ALIKE, ALIKE, ALIKE, results=[{}, failed, failed, {}])
    assert verdicts(report, met()) == {
        "session": ALIKE,
        "lists": ALIKE,
        "application state": Level.UNKNOWN,
    }
    report = a_report(ALIKE, ALIKE, ALIKE, ALIKE, results=[{}, failed, {}, {}])
    assert verdicts(report, met())[APPLICATION] is ALIKE


def test_store_that_was_not_emptied_leaves_each_part_unknown_with_the_reason():
    report = a_report(ALIKE, ALIKE, ALIKE, ALIKE)
    report.level, report.because = Level.UNKNOWN, "say how to empty it with --reset"
    report.findings = [replace(e, level=Level.UNKNOWN, counts=False) for e in report.findings]
    assert verdicts(report, met())[LISTS] is Level.UNKNOWN
    assert all("--reset" in part.report.because for part in report.parts[1:])


def test_check_that_ended_before_its_calls_knows_of_the_session_alone():
    report = Report(Level.UNKNOWN, "stopped at 3 processes")
    found = verdicts(report, met(PROCESS))
    assert [*found.values()] == [PROCESS, Level.UNKNOWN, Level.UNKNOWN]
    assert report.level is PROCESS


def lines(report, name, starting):
    part = next(each for each in report.parts if each.name == name)
    script = as_curl(part.report, Start("serve {port}"))
    return [line for line in script.splitlines() if line.startswith(starting)]


def test_printed_script_opens_a_session_with_each_process():
    report = a_report(ALIKE, ALIKE, PROCESS, ALIKE)
    judge_parts(report, met(PROCESS, Sessions.EACH))
    assert lines(report, APPLICATION, "shown()") == [
        "shown() { start; call1; call2; call3; stop; start; call1; call2; call4; }"
        "  # kill -9, and start again"
    ]
    assert lines(report, APPLICATION, "control()") == [
        "control() { start; call1; call2; call3; call4; }"
    ]
    last = lines(report, APPLICATION, "call4()")[0]
    assert '"Mcp-Session-Id: "' in last or "Mcp-Session-Id: " in last
    assert "$(given 1 header:mcp-session-id)" in last
    assert "$(given 3 json:/result/n json)" in last or "$(given 3 json:/result/n)" in last
    assert lines(report, "session", "shown()") == [
        "shown() { start; A=$URL; start; B=$URL; URL=$A; call1; URL=$A; call2; URL=$B; call3; }"
        "  # two that live"
    ]


def test_printed_script_of_two_processes_opens_a_session_at_each_change():
    report = a_report(ALIKE, ALIKE, PROCESS, ALIKE)
    report.findings[2] = replace(report.findings[2], play=TURNS)
    report.proofs[2] = Reproducer((0, 1, 2), False, (CHANGED,), 4, 4, (0, 1, 0))
    judge_parts(report, met(PROCESS, Sessions.EACH))
    assert (
        "URL=$B; call1; call2; call4; URL=$A; call1; call2; call5;"
        in (lines(report, APPLICATION, "shown()")[0])
    )


def test_session_that_all_share_is_opened_once():
    report = a_report(ALIKE, ALIKE, PROCESS, ALIKE)
    judge_parts(report, met(ALIKE, Sessions.ONE))
    assert "stop; start; call4; }" in lines(report, APPLICATION, "shown()")[0]


def test_script_without_sessions_has_the_calls_alone():
    report = a_report(ALIKE, ALIKE, PROCESS, ALIKE)
    judge_parts(report, met())
    assert lines(report, APPLICATION, "shown()") == [
        "shown() { start; call1; stop; start; call2; }  # kill -9, and start again"
    ]
    assert "unstream 2; }" in lines(report, APPLICATION, "call2()")[0]


def test_document_page_junit_and_explanation_have_the_three_verdicts():
    report = a_report(ALIKE, ALIKE, PROCESS, ALIKE)
    judge_parts(report, met())
    scripts = {"application state": "the lines"}
    made = document(report, explain(report), part_scripts=scripts)
    again = msgspec.json.decode(msgspec.json.encode(made), type=CheckDocument)
    assert [(each.name, each.verdict) for each in again.parts] == [
        ("session", ALIKE),
        ("lists", ALIKE),
        ("application state", PROCESS),
    ]
    assert again.parts[2].shortest.script == "the lines"
    assert again.parts[2].requests == ["POST /mcp tools/call t", "POST /mcp tools/call t"]
    titles = [each.heading for each in check_page(made).sections]
    assert "The shortest script for the application state" in titles
    junit = as_junit(made)
    assert 'name="application state"' in junit and 'name="lists" />' in junit
    assert "as a handle" in explain(report)
