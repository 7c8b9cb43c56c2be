"""How an MCP server is met, and what follows for sessions: with processes that are made up."""

import itertools
import json
from contextlib import contextmanager

import pytest

from lab.check.conversation import recorded
from lab.check.judge import Level
from lab.check.launcher import OneAtATime
from lab.check.mcp.checker import other_processes
from lab.check.mcp.dialect import McpDialect, Sessions
from lab.check.mcp.messages import Wire
from lab.check.mcp.sessions import meet
from lab.check.trace import ClientState, Trace, request_of
from lab.core.errors import LabError
from lab.core.http import Answer, Headers

SENT = (("Authorization", "Bearer x"),)
JSON = ("content-type", "application/json")


class Process:
    """A process: `modern` and `legacy` say what it speaks, `keeps` has its sessions."""

    def __init__(self, keeps=None, modern=False, legacy=True, gives=True, needs=False):
        self.sessions = set() if keeps is None else keeps
        self.modern, self.legacy, self.gives, self.needs = modern, legacy, gives, needs
        self.asked = []
        self.initialized = False

    def answer(self, request):
        message = json.loads(request.data)
        self.asked.append(message["method"])
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["authorization"] == "Bearer x"
        if "_meta" in message.get("params", {}):
            return self.without_sessions(message)
        return self.in_session(message, headers.get("mcp-session-id"))

    def without_sessions(self, message):
        if not self.modern:
            return refused(400, "Bad Request: Unsupported protocol version")
        if message["method"] == "server/discover":
            return reply(
                message, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
            )
        return reply(message, {"tools": []})

    def in_session(self, message, session):
        if not self.legacy:
            return refused(400, "no")
        if message["method"] == "initialize":
            self.initialized = True
            session = f"s{next(NUMBERS)}" if self.gives else ""
            self.sessions.add(session)
            result = {"protocolVersion": "2025-06-18", "capabilities": {"prompts": {}}}
            return reply(message, result, session)
        if (self.gives and session not in self.sessions) or (self.needs and not self.initialized):
            return refused(404, "Session not found")
        if "id" not in message:
            return Answer(202)
        return reply(message, {"tools": [], "prompts": []})


NUMBERS = itertools.count()


def met_by(runner, version=None):
    return meet(runner, other_processes(runner), Wire("/mcp", "", SENT), version)


def headers_of(call):
    return {name: recorded(value) for name, value in call.headers}


def reply(message, result, session=""):
    body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
    return Answer(200, Headers([JSON, *([("Mcp-Session-Id", session)] if session else [])]), body)


def refused(status, why):
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": why}}
    return Answer(status, Headers([JSON]), json.dumps(error).encode())


class Runner:
    """Asks made-up processes as the real one does, with the dialect."""

    def __init__(self, make, alone=False):
        self.dialect = None
        self.started = []
        self._make, self._alone = make, alone

    @contextmanager
    def processes(self, count):
        yield self.start

    def start(self):
        if self._alone and self.started and not self.started[-1].killed:
            raise OneAtATime("one at a time")
        process = self._make()
        process.killed = False
        process.kill = lambda: setattr(process, "killed", True)
        self.started.append(process)
        return process

    def said(self, trace, call, state, process, tries=1):
        def transmit(call, until=None):
            return process.answer(request_of(call, state.answers))

        for _ in range(tries):
            answer = self.dialect.ask(call, state, process, transmit)
            if answer.status is not None:
                break
        state.answers[len(trace.answers)] = answer
        trace.answers.append(answer)
        trace.calls.append(call)
        return answer


def test_session_in_memory_is_refused_by_every_other_process():
    runner = Runner(lambda: Process())
    met = met_by(runner)
    assert met.report.level is Level.PROCESS
    assert "status: 200 became 404" in met.report.because
    assert met.report.reproducer.confirmed == 3
    assert len(runner.started) == 4  # each is refused what the one before it answers
    ended = [headers_of(call)["Mcp-Session-Id"] for _, call in met.opened]
    assert {*ended} == {*itertools.chain(*(each.sessions for each in runner.started[:3]))}
    assert all(call.method == "DELETE" for _, call in met.opened)
    assert met.sessions is Sessions.EACH
    assert met.wire == Wire("/mcp", "2025-06-18", SENT)
    assert runner.dialect is None
    look = met.report.conversation.calls[2]
    assert "prompts/list" in recorded(look.body)  # what the server says that it has
    assert [ref.where for ref in look.refs()] == ["header:mcp-session-id"]


def test_session_that_all_processes_know_is_looked_into():
    shared = set()
    met = met_by(Runner(lambda: Process(shared)))
    assert (met.shared, met.sessions) == (True, Sessions.ONE)


def test_server_without_session_ids_has_none():
    runner = Runner(lambda: Process(gives=False))
    met = met_by(runner)
    assert met.report.level is Level.SELF_CONTAINED
    assert met.sessions is Sessions.NONE
    assert runner.started[1].asked == ["prompts/list"]  # and was not initialized


def test_process_that_must_be_initialized_keeps_a_session_without_an_id():
    met = met_by(Runner(lambda: Process(gives=False, needs=True)))
    assert met.report.level is Level.PROCESS
    assert "was not initialized" in met.report.because
    assert met.sessions is Sessions.EACH


def test_server_of_both_versions_is_judged_by_the_old_and_spoken_with_in_the_new():
    met = met_by(Runner(lambda: Process(modern=True)))
    assert met.wire.version == "2026-07-28"
    assert met.sessions is Sessions.NONE
    assert met.report.level is Level.PROCESS
    assert "clients of 2025-06-18 and earlier" in met.report.because
    assert "2026-07-28 has no sessions" in met.report.because


def test_server_of_the_new_version_alone_has_no_sessions():
    runner = Runner(lambda: Process(modern=True, legacy=False))
    met = met_by(runner)
    assert met.report.level is Level.SELF_CONTAINED
    assert len(runner.started) == 1


@pytest.mark.parametrize(
    ("version", "asked"), [("2026-07-28", "server/discover"), ("2025-11-25", "initialize")]
)
def test_single_version_is_spoken_where_it_is_asked_for(version, asked):
    runner = Runner(lambda: Process(modern=True, gives=False))
    met = met_by(runner, version)
    assert runner.started[0].asked[0] == asked
    assert met.wire.modern == (version == "2026-07-28")


@pytest.mark.parametrize("version", [None, "2026-07-28", "2025-11-25"])
def test_service_without_mcp_is_an_error_that_names_the_path(version):
    with pytest.raises(LabError, match=r"no MCP.* server at /mcp: .*--mcp PATH"):
        met_by(Runner(lambda: Process(modern=False, legacy=False)), version)


def test_redirect_says_where_it_leads():
    def make():
        process = Process(legacy=False)
        process.answer = lambda request: Answer(307, Headers([("Location", "/mcp/")]))
        return process

    with pytest.raises(LabError, match="leads to /mcp/"):
        met_by(Runner(make))


def test_answer_to_everything_is_no_discovery():
    """A server that answers each method alike has not said that it knows the new version."""

    class Anything(Process):
        def without_sessions(self, message):
            return reply(message, {"tools": []})

    assert met_by(Runner(Anything)).wire.version == "2025-06-18"


def test_service_of_one_process_at_a_time_is_asked_after_a_restart():
    runner = Runner(lambda: Process(), alone=True)
    met = met_by(runner)
    assert met.report.level is Level.PROCESS
    assert all(each.killed for each in runner.started[:-1])


def test_process_that_does_not_answer_is_no_proof():
    made = itertools.count()

    class Silent(Process):
        def __init__(self):
            super().__init__()
            self.number = next(made)

        def answer(self, request):
            return super().answer(request) if self.number == 0 else Answer(None)

    met = met_by(Runner(Silent))
    assert met.report.level is Level.UNKNOWN
    assert met.sessions is Sessions.EACH


def test_connection_that_breaks_once_is_tried_again():
    """Whichever it is: of the discovery, of the handshake, or to the other process."""

    class Breaking(Process):
        def __init__(self):
            super().__init__(gives=False, modern=True)
            self.broken = set()

        def answer(self, request):
            method = json.loads(request.data)["method"]
            whole = method in self.broken or self.broken.add(method)
            return super().answer(request) if whole else Answer(None)

    met = met_by(Runner(Breaking))
    assert met.wire.modern
    assert met.report.level is Level.SELF_CONTAINED, met.report.because


def test_refusal_that_comes_once_is_no_proof():
    made, shared = itertools.count(), set()

    class Sometimes(Process):
        def __init__(self):
            super().__init__(None if next(made) == 1 else shared)

        def in_session(self, message, session):
            answer = super().in_session(message, session)
            shared.update(self.sessions)
            return answer

    met = met_by(Runner(Sometimes))
    assert met.report.level is Level.UNKNOWN
    assert "refused the session, and then one did not" in met.report.because


@pytest.mark.parametrize("sessions", list(Sessions))
def test_client_opens_as_many_sessions_as_there_have_to_be(sessions):
    runner, shared = Runner(lambda: Process(shared, gives=True)), set()
    runner.dialect = McpDialect(Wire("/mcp", "2025-06-18", SENT), sessions)
    state, one, other = ClientState(), runner.start(), runner.start()
    for process in (one, other, one):
        runner.said(Trace(), runner.dialect.wire.request(5, "tools/list"), state, process)
    opened = {Sessions.NONE: 0, Sessions.ONE: 1, Sessions.EACH: 2}[sessions]
    assert sum(each.asked.count("initialize") for each in (one, other)) == opened
    runner.said(Trace(), runner.dialect.wire.request(6, "tools/list"), ClientState(), one)
    again = opened + (sessions is not Sessions.NONE)  # another client
    assert sum(each.asked.count("initialize") for each in (one, other)) == again


def test_refused_opening_is_the_answer_of_the_call():
    runner = Runner(lambda: Process(legacy=False))
    runner.dialect = McpDialect(Wire("/mcp", "2025-06-18", SENT), Sessions.EACH)
    call = runner.dialect.wire.request(5, "tools/list")
    assert runner.said(Trace(), call, ClientState(), runner.start()).status == 400
