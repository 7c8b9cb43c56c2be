"""A protocol over HTTP in which a client sends more than the calls of a conversation."""

from collections.abc import Callable
from typing import Protocol

from lab.check.conversation import Call
from lab.check.trace import ClientState
from lab.core.http import Answer

Until = Callable[[bytes], bool] | None  # whether a body has come as far as it is wanted


class Transmit(Protocol):
    """Sends one call to the process that is asked, as the client that asks it."""

    def __call__(self, call: Call, until: Until = None) -> Answer:
        """Return the answer; a body of which `until` says that it has come is read no further."""
        ...


class Dialect(Protocol):
    """How such a protocol is spoken."""

    def ask(self, call: Call, state: ClientState, target: object, transmit: Transmit) -> Answer:
        """Send a call, and before it what the protocol asks for; return the call's answer."""
        ...
