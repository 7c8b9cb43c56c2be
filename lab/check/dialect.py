"""A protocol over HTTP in which a client sends more than the calls of a conversation."""

from collections.abc import Callable
from typing import Protocol

from lab.check.conversation import Call
from lab.check.trace import ClientState
from lab.core.http import Answer

Until = Callable[[bytes], bool] | None  # whether a body has come as far as it is wanted


class Transmit(Protocol):
    """Sends one call to a process, as the client of the play."""

    def __call__(self, call: Call, until: Until = None) -> Answer:
        """Return the answer; stop reading its body as soon as `until` returns True."""
        ...


class Dialect(Protocol):
    """How a client speaks such a protocol."""

    def ask(self, call: Call, state: ClientState, target: object, transmit: Transmit) -> Answer:
        """Send what the protocol needs first, then the call; return the call's answer."""
        ...
