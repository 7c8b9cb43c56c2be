"""Three verdicts on an MCP server: on its session, its lists and its application's state."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from lab.check.conversation import Call, Conversation, Ref, Template
from lab.check.differences import Difference
from lab.check.judge import STATE, Finding, Level, PartVerdict, Report, Reproducer, level_of, rank
from lab.check.mcp.dialect import Sessions
from lab.check.mcp.messages import in_session
from lab.check.mcp.sessions import SESSION, Meeting
from lab.check.mcp.source import APPLICATION, LISTS

GOOD: Final = (Level.SELF_CONTAINED, Level.ALIKE)
WORST: Final = (*STATE, Level.UNKNOWN, *GOOD)
NOT_CALLED = "nothing but lists could be asked for: --call NAME calls a tool"
FOUND_BEFORE = "state was found elsewhere, and this was not compared any further"
ALL_FAILED = "every call failed: give a tool's arguments with --call 'NAME={…}'"
REMEDIES: Final = {
    SESSION: (
        "A session in memory binds a client to one process. Run the transport without sessions: "
        "in Python stateless_http=True, in TypeScript sessionIdGenerator: undefined and a "
        "transport for each request. Protocol 2026-07-28 has no sessions at all."
    ),
    LISTS: (
        "What a server offers must not depend on which process is asked, nor on what was called "
        "before (SEP-2567): clients keep lists. Register everything at start, and let a tool "
        "refuse what is not possible yet."
    ),
    APPLICATION: (
        "Give what must be remembered to the client as a handle, an argument of the calls that "
        "follow, and keep what stands behind it in a store that all processes share."
    ),
}
_HANDSHAKE = 2  # calls that open a session, before those of the conversation


def judge_parts(report: Report, met: Meeting) -> None:
    """Divide a report into three parts; its level becomes that of the worst of them."""
    met.report.url, met.report.spread = report.url, report.spread
    named = {
        SESSION: met.report,
        LISTS: _part(report, LISTS, met),
        APPLICATION: _part(report, APPLICATION, met),
    }
    for name, part in named.items():
        report.parts.append(PartVerdict(name, part, REMEDIES[name] if part.level in STATE else ""))
    worst = min(report.parts, key=lambda part: WORST.index(part.report.level))
    if WORST.index(worst.report.level) <= WORST.index(report.level):
        report.level = worst.report.level
        report.because = f"{worst.name}: {worst.report.because}"


def _part(report: Report, topic: str, met: Meeting) -> Report:
    """Return the verdict of a report on the calls of one topic."""
    conversation = report.conversation
    calls = conversation.calls if conversation else ()
    findings = [each for each in report.findings if calls[each.index].topic == topic]
    level, because = _level(findings, report)
    if level in GOOD and topic == APPLICATION and _all_failed(findings, report):
        level, because = Level.UNKNOWN, ALL_FAILED
    part = Report(level, because, conversation, findings, url=report.url, spread=report.spread)
    proven = [each for each in findings if each.index in report.proofs]
    if conversation and proven and level in STATE:
        shown = report.proofs[min(proven, key=rank).index]
        part.conversation, part.reproducer = _printable(conversation, shown, met)
    return part


def _level(findings: Sequence[Finding], report: Report) -> tuple[Level, str]:
    if not findings:
        return Level.UNKNOWN, NOT_CALLED if report.findings else report.because
    level, because = level_of(findings)
    unknown = [each for each in findings if each.level is Level.UNKNOWN]
    if level in STATE or any(each.counts for each in unknown):
        return level, because
    if unknown:  # it may be kept outside of the processes, and was not emptied
        return Level.UNKNOWN, FOUND_BEFORE if report.level in STATE else report.because
    return (report.level, report.because) if report.level in GOOD else (level, because)


def _all_failed(findings: Sequence[Finding], report: Report) -> bool:
    answers = report.conversation.answers if report.conversation else ()
    return all(_failed(answers[each.index].body) for each in findings)


def _failed(message: Any) -> bool:
    result = message.get("result") if isinstance(message, dict) else None
    return not isinstance(result, dict) or result.get("isError") is True


def _printable(
    conversation: Conversation, shown: Reproducer, met: Meeting
) -> tuple[Conversation, Reproducer]:
    """Return the conversation and its proof with the calls that open a session, if needed."""
    opened = met.report.conversation
    if met.sessions is Sessions.NONE or opened is None:
        return conversation, shown
    first, second = opened.calls[:_HANDSHAKE]
    ref = next(second.refs(), None)
    calls = (first, second, *(_moved(each, (ref,) if ref else ()) for each in conversation.calls))
    answers = (*opened.answers[:_HANDSHAKE], *conversation.answers)
    sides = shown.sides and (*shown.sides[:1] * _HANDSHAKE, *shown.sides)
    moved = replace(
        shown,
        calls=(0, 1, *(each + _HANDSHAKE for each in shown.calls)),
        sides=sides,
        differences=tuple(map(_renumbered, shown.differences)),
        opening=_HANDSHAKE if met.sessions is Sessions.EACH else 0,
    )
    return replace(conversation, calls=calls, answers=answers), moved


def _moved(call: Call, session: Template) -> Call:
    """Return a call as it follows the calls that open a session, sent in that session."""

    def later(template: Template) -> Template:
        return tuple(
            replace(piece, call=piece.call + _HANDSHAKE) if isinstance(piece, Ref) else piece
            for piece in template
        )

    moved = call.mapped(later)
    return in_session(moved, session) if session else moved


def _renumbered(difference: Difference) -> Difference:
    if (old := difference.broken) is None:
        return difference
    index, source = old.index + _HANDSHAKE, old.source + _HANDSHAKE
    return replace(old, index=index, source=source).difference()
