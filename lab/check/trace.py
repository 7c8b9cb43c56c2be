"""What a client carries, what it sends with that, and the trace that a play leaves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.check.conversation import Call, Conversation, Ref, as_bytes, recorded
from lab.check.correlation import address_of, fill
from lab.core.http import Answer

if TYPE_CHECKING:  # requests is loaded while the first process starts
    import requests
    from requests.cookies import RequestsCookieJar

NOTHING = "nothing"  # stands where a client was given a value, when it is made to carry none


def _jar() -> "RequestsCookieJar":
    from lab.check.cookies import new_jar  # it loads much, which a first process can use

    return new_jar()


@dataclass
class ClientState:
    """What a client carries: its cookies, the answers it got (by call), its sessions (by process).

    A session is one that a dialect opens with a process; the values are what names it.
    """

    cookies: "RequestsCookieJar" = field(default_factory=_jar)
    answers: dict[int, Answer] = field(default_factory=dict)
    sessions: dict[object, str] = field(default_factory=dict)

    def copy(self) -> "ClientState":
        """Return the same for another client."""
        return ClientState(self.cookies.copy(), dict(self.answers), dict(self.sessions))


@dataclass
class Trace:
    """One play: each call, its answer, what the client carried into it, and when it was sent.

    `ages` are those of the processes asked (0.0 if none was), at these times, in seconds.
    `state` is what the client carries now, `sent` are the indices of the calls that a process
    answered. `ended` says why a script ended early ("" if it did not), `went_on` that it was
    stopped since it sent ever more calls.
    """

    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    states: list[ClientState] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    sent: set[int] = field(default_factory=set)
    state: ClientState = field(default_factory=ClientState)
    ended: str = ""
    went_on: bool = False

    @classmethod
    def of(cls, answers: Mapping[int, Answer]) -> "Trace":
        """Return a trace with these answers, by call, and nothing else."""
        count = max(answers, default=-1) + 1
        return cls(answers=[answers.get(n, Answer(None)) for n in range(count)], sent={*answers})

    @property
    def answered(self) -> dict[int, Answer]:
        """The answers of processes, by call."""
        return {index: self.answers[index] for index in sorted(self.sent)}

    def adopt(self, other: "Trace") -> None:
        """Take over all that another play has so far."""
        self.calls, self.answers = [*other.calls], [*other.answers]
        self.states, self.times, self.sent = [*other.states], [*other.times], {*other.sent}
        self.ages = [*other.ages]

    def is_of(self, conversation: Conversation) -> bool:
        """Return True if the trace is of exactly these calls."""
        sent = [(call.method, recorded(call.path), call.origin) for call in self.calls]
        return sent == [(c.method, recorded(c.path), c.origin) for c in conversation.calls]

    def take(self, index: int, other: "Trace") -> None:
        """Take over the answer to one call of another play, as the call at the same place."""
        if index in other.sent:
            while len(self.answers) <= index:
                self.answers.append(Answer(None))
                self.calls.append(other.calls[len(self.calls)])
            self.answers[index] = other.answers[index]
            self.sent.add(index)


def request_of(call: Call, answers: Mapping[int, Answer]) -> "requests.Request":
    """Return the request to send, its URL without scheme, host and port."""
    import requests

    path = fill(call.path, answers)
    if re.match(r"https?://", path):  # an answer gave the whole address
        path = address_of(path)
    return requests.Request(
        call.method,
        # A path that was given must not become part of the host.
        path if path.startswith("/") else f"/{path}",
        headers={name: fill(value, answers) for name, value in call.headers},
        data=None if call.body is None else as_bytes(fill(call.body, answers)),
    )


def without_refs(call: Call) -> Call:
    """Return the call as a client sends it that has received nothing."""
    return call.mapped(
        lambda template: tuple(NOTHING if isinstance(each, Ref) else each for each in template)
    )
