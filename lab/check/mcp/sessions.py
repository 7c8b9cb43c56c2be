"""Meets an MCP server: which versions it speaks, and whether its processes share a session."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lab.check.conversation import Call, Client, Conversation, Ref
from lab.check.differences import differences
from lab.check.judge import Finding, Level, Report, Reproducer
from lab.check.mcp.dialect import McpDialect, Sessions
from lab.check.mcp.messages import (
    DISCOVER,
    INITIALIZED,
    LEGACY,
    MODERN,
    SESSION_HEADER,
    Wire,
    in_session,
)
from lab.check.mcp.replies import Reply, reply_of
from lab.check.mcp.source import METHODS
from lab.check.play_name import PlayKind, PlayName
from lab.check.target_runner import AnyTarget, TargetRunner
from lab.check.trace import Trace
from lab.core.errors import LabError
from lab.core.http import Answer
from lab.core.json_object import JsonObject

SESSION: Final = "session"
MOST_REFUSALS = 3  # a refusal counts once it was seen this often
_LOOK_AT = 2  # the index of the call that another process is asked
_MOST_SENDS = 2  # a server is met once: one connection that breaks says nothing about its sessions
NO_SESSIONS = "{} has no sessions: each request brings what it needs"
NONE_GIVEN = "no session id is given, and a process that was not initialized answers alike"
ANSWERED = "another process takes the session's id"
SESSION_REFUSED = "a session is known only to the process that began it: {}, {}"
NOT_BEGUN = "a process that was not initialized refuses what another one answers: {}, {}"


@dataclass
class Meeting:
    """How to speak with the server, what it offers, and whether its processes share sessions.

    `shared` says that another process took a session's id: where that is kept is not known yet.
    `opened` are sessions that were begun: each with its process, and the call that ends it.
    """

    wire: Wire
    capabilities: JsonObject
    report: Report
    sessions: Sessions = Sessions.NONE
    shared: bool = False
    opened: list[tuple[Any, Call]] = field(default_factory=list)


@dataclass(frozen=True)
class KnownSource:
    """A conversation that was run before."""

    conversation: Conversation

    def record(self, send: Client) -> Conversation:
        """Run the conversation once more, and return it."""
        for call in self.conversation.calls:
            send(call)
        return self.conversation


@dataclass(frozen=True)
class _Begun:
    """A session with one process, and the answer to a list in it."""

    wire: Wire
    capabilities: JsonObject
    conversation: Conversation
    trace: Trace
    target: Any
    session: str

    @property
    def end(self) -> list[tuple[Any, Call]]:
        """The call that ends the session; None if it has no id."""
        return [(self.target, self.wire.end(self.session))] if self.session else []

    @property
    def look(self) -> Answer:
        return self.trace.answers[_LOOK_AT]


def meet(
    runner: TargetRunner[AnyTarget],
    others: AbstractContextManager[Callable[[], AnyTarget]],
    wire: Wire,
    version: str | None = None,
) -> Meeting:
    """Meet a server, in one version or in all that it speaks; LabError if it is no MCP server.

    `others` gives what returns another process. A server that speaks the versions before and after
    sessions were removed is asked what holds for sessions in the one, and spoken with in the other.
    """
    before = runner.dialect
    try:
        with others as another:
            process = another()
            modern = None if version in LEGACY else _discovered(runner, process, wire)
            old = replace(wire, version=version if version in LEGACY else LEGACY[0])
            legacy = "" if version in MODERN else _begin(runner, process, old)
            if isinstance(legacy, _Begun):
                met = _elsewhere(runner, legacy, another)
                return met if modern is None else _as_both(met, modern)
            if modern is None:
                raise LabError(_no_server(wire.path, legacy, version))
            return modern
    finally:
        runner.dialect = before


def _discovered(runner: TargetRunner[AnyTarget], process: AnyTarget, wire: Wire) -> Meeting | None:
    """Return how to speak without sessions; None with a server that does not."""
    wire = replace(wire, version=MODERN[0])
    runner.dialect, trace = McpDialect(wire), Trace()
    discover = wire.request(1, DISCOVER)
    reply = reply_of(runner.said(trace, discover, trace.state, process, _MOST_SENDS), 1)
    result = reply.result or {}
    versions = result.get("supportedVersions")
    if not isinstance(versions, list) or wire.version not in versions:
        return None
    because = NO_SESSIONS.format(wire.version)
    return Meeting(wire, _offered(result), Report(Level.SELF_CONTAINED, because))


def _begin(runner: TargetRunner[AnyTarget], process: AnyTarget, wire: Wire) -> _Begun | str:
    """Begin a session with a process and ask for a list; return the reason if that is refused."""
    runner.dialect, trace = McpDialect(wire), Trace()
    first = wire.initialize(0)
    answer = runner.said(trace, first, trace.state, process, _MOST_SENDS)
    reply = reply_of(answer, 0)
    if reply.result is None:
        return _refusal(reply, answer)
    chosen = reply.result.get("protocolVersion")
    wire = replace(wire, version=chosen) if chosen in LEGACY else wire
    offered = _offered(reply.result)
    method = next((METHODS[kind] for kind in METHODS if kind in offered), METHODS["tools"])
    session = answer.header(SESSION_HEADER) or ""

    def within(call: Call) -> Call:
        ref = Ref(0, f"header:{SESSION_HEADER.lower()}", session)
        return in_session(call, (ref,)) if session else call

    calls = (
        first,
        within(wire.notification(INITIALIZED)),
        within(wire.request(_LOOK_AT, method, topic=SESSION, safe=True)),
    )
    for call in calls[1:]:
        runner.said(trace, call, trace.state, process, _MOST_SENDS)
    conversation = Conversation(calls, f"MCP at {wire.path}", tuple(trace.answers))
    return _Begun(wire, offered, conversation, trace, process, session)


def _elsewhere(
    runner: TargetRunner[AnyTarget],
    begun: _Begun,
    another: Callable[[], AnyTarget],
) -> Meeting:
    """Ask fresh processes for a list, each in the session that the one before began."""
    report = Report(Level.UNKNOWN, "", begun.conversation)
    met = Meeting(begun.wire, begun.capabilities, report, opened=begun.end)
    for number in range(MOST_REFUSALS):
        if (reply := reply_of(begun.look, _LOOK_AT)).result is None:
            report.because = f"{begun.conversation.calls[_LOOK_AT].title}: {reply.error}"
            return met
        other = another()
        state = begun.trace.state.copy()
        seen = runner.said(Trace(), begun.conversation.calls[_LOOK_AT], state, other, _MOST_SENDS)
        if reply_of(seen, _LOOK_AT).result is not None or seen.status is None:
            return _not_refused(met, begun, seen, number)
        if number + 1 < MOST_REFUSALS:
            again = _begin(runner, other, begun.wire)
            if isinstance(again, str):
                report.because = f"a second process could not be initialized: {again}"
                return met
            begun = again
            met.opened += begun.end
    return replace(met, report=_refused(begun, seen), sessions=Sessions.EACH)


def _not_refused(met: Meeting, begun: _Begun, seen: Answer, rounds: int) -> Meeting:
    """Return the verdict on sessions if no other process refused the session."""
    report = met.report
    if seen.status is None:
        report.because = f"another process did not answer in the session: {seen.error}"
    elif rounds:
        report.because = "other processes refused the session, and then one did not"
    else:
        report.level = Level.SELF_CONTAINED
        report.because = ANSWERED if begun.session else NONE_GIVEN
        sessions = Sessions.ONE if begun.session else Sessions.NONE
        return replace(met, sessions=sessions, shared=bool(begun.session))
    return replace(met, sessions=Sessions.EACH)


def _refused(begun: _Begun, seen: Answer) -> Report:
    """Return the report on a session that only the process that began it knows."""
    call, found = begun.conversation.calls[_LOOK_AT], tuple(differences(begun.look, seen))
    said = (SESSION_REFUSED if begun.session else NOT_BEGUN).format(call.title, found[0])
    findings = [
        Finding(index, each.title, Level.SELF_CONTAINED, status=begun.trace.answers[index].status)
        for index, each in enumerate(begun.conversation.calls)
    ]
    findings[_LOOK_AT] = replace(
        findings[_LOOK_AT],
        level=Level.PROCESS,
        play=PlayName(PlayKind.TWO),
        differences=found,
        needs=(0, 1),
    )
    report = Report(Level.PROCESS, said, begun.conversation, findings)
    report.reproducer = Reproducer(
        (0, 1, _LOOK_AT), False, found, MOST_REFUSALS, MOST_REFUSALS, (0, 0, 1)
    )
    return report


def _as_both(met: Meeting, modern: Meeting) -> Meeting:
    """Return the meeting of a server that speaks both: sessions as before, the rest without."""
    old = f"clients of {met.wire.version} and earlier: {met.report.because}"
    met.report.because = f"{old}; {modern.report.because}"
    return replace(met, wire=modern.wire, capabilities=modern.capabilities, sessions=Sessions.NONE)


def _offered(result: JsonObject) -> JsonObject:
    offered = result.get("capabilities")
    return offered if isinstance(offered, dict) else {}


def _refusal(reply: Reply, answer: Answer) -> str:
    if location := answer.header("location"):
        return f"answered {answer.status}, which leads to {location}"
    return reply.error


def _no_server(path: str, why: str, version: str | None) -> str:
    spoken = f" {version}" if version else ""
    said = f"initialize was {why}" if why else f"it does not answer {DISCOVER}"
    return f"no MCP{spoken} server at {path}: {said} (name another path with --mcp PATH)"
