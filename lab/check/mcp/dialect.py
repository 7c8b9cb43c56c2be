"""The runner's side of the protocol: opens sessions where they are needed, reads event streams."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lab.check.conversation import Call, plain, recorded
from lab.check.dialect import Transmit
from lab.check.mcp.messages import INITIALIZED, SESSION_HEADER, Wire, in_session
from lab.check.mcp.replies import as_one_message, has_come, id_of
from lab.check.trace import ClientState
from lab.core.http import Answer

HANDSHAKE_ID = 0


class Sessions(Enum):
    """With which processes a client opens a session before its first call."""

    NONE = "with no process"
    EACH = "with each process that it asks"
    ONE = "with the first process, for all"


@dataclass(eq=False)
class McpDialect:
    """Speaks MCP with one endpoint; `sessions` says with which processes it opens sessions.

    `opened` are the sessions that there are: each with its process, and the call that ends it.
    """

    wire: Wire
    sessions: Sessions = Sessions.NONE
    opened: list[tuple[Any, Call]] = field(default_factory=list)

    def ask(self, call: Call, state: ClientState, target: object, transmit: Transmit) -> Answer:
        """Send a call, in a session where there has to be one; return its reply as one message.

        Where no session can be opened, what was answered to that is the answer.
        """
        if self.sessions is not Sessions.NONE:
            key = target if self.sessions is Sessions.EACH else self
            if key not in state.sessions:
                opened = self._open(transmit)
                if not opened.ok:
                    return opened
                state.sessions[key] = opened.header(SESSION_HEADER) or ""
                if session := state.sessions[key]:
                    self.opened.append((target, self.wire.end(session)))
            if session := state.sessions[key]:
                call = in_session(call, plain(session))
        return _asked(call, transmit)

    def handshake(self) -> tuple[Call, Call]:
        """Return the two calls that open a session; the second one belongs to the session."""
        return self.wire.initialize(HANDSHAKE_ID), self.wire.notification(INITIALIZED)

    def _open(self, transmit: Transmit) -> Answer:
        first, second = self.handshake()
        answer = _asked(first, transmit)
        if answer.ok:
            session = answer.header(SESSION_HEADER)
            transmit(in_session(second, plain(session)) if session else second)
        return answer


def _asked(call: Call, transmit: Transmit) -> Answer:
    number = id_of(recorded(call.body or ()))
    answer = transmit(call, lambda body: has_come(body, number))
    return as_one_message(answer, number)
