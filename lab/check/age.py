"""Which fresh processes have to be younger than an answer: those that are sent what it gave.

A service may refuse what was given before it began (a token, a session). A process that was
started ahead of its turn is older than what it is sent, and does not show that.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from lab.check.conversation import Call, Conversation, Template
from lab.check.correlation import fill
from lab.check.target_runner import next_second
from lab.check.trace import Trace

AGED_COOKIE, AGED_ANSWER = "cookie", "computed"


@dataclass(frozen=True)
class Given:
    """A value that a call sends: the latest earlier call that gave it, and its kind."""

    call: int
    kind: str


class Ages:
    """Computes for each call of a play how recently the process that answers must have begun."""

    def __init__(self, given: Sequence[Given | None]) -> None:
        self._given = given
        self._reached: list[tuple[float, float]] = []
        self._waited: set[str] = set()

    def youngest(self, index: int) -> float:
        """Return the earliest time at which the process for this call may start (time.monotonic()).

        Of each kind of value the second is waited for in which the first was given: a service may
        round the times that it compares.
        """
        self._reached += [(time.monotonic(), time.time())] * (index + 1 - len(self._reached))
        given = self._given[index] if index < len(self._given) else None
        if given is None:
            return 0.0
        at_s, clock_s = self._reached[given.call + 1]
        if given.kind in self._waited:
            return at_s
        self._waited.add(given.kind)
        return next_second(at_s, clock_s)


def given_before(conversation: Conversation, plays: Sequence[Trace]) -> list[Given | None]:
    """Return, for each call, the given value it sends; None if it sends no such value.

    What a script sends may be computed from any earlier answer: where it is another request in
    another play, and what was given to it does not explain that, the answer before counts.
    """
    return [_given(conversation, index, plays) for index in range(len(conversation))]


def _given(conversation: Conversation, index: int, plays: Sequence[Trace]) -> Given | None:
    call = conversation.calls[index]
    if index and not all(_explained(call, index, play) for play in plays):
        return Given(index - 1, AGED_ANSWER)
    found = [Given(ref.call, re.sub(r"\d+", "#", ref.where)) for ref in call.refs()]
    found += [Given(n, AGED_COOKIE) for play in plays for n in _cookies(index, play)]
    return max(found, key=lambda each: each.call, default=None)


def _cookies(index: int, play: Trace) -> list[int]:
    """Return the earlier calls that set a cookie; none if the client sends no cookie."""
    if index >= len(play.states) or not play.states[index].cookies:
        return []
    return [n for n, answer in enumerate(play.answers[:index]) if answer.cookies]


def _explained(call: Call, index: int, play: Trace) -> bool:
    """Return True if a call differs from that of another play only in values it refers to."""
    if index >= len(play.calls):
        return False
    answers = dict(enumerate(play.answers[:index]))

    def texts(of: Call) -> list[str]:
        templates: list[Template] = [of.path, *(value for _, value in of.headers), of.body or ()]
        return [fill(each, answers) for each in templates]

    return texts(call) == texts(play.calls[index])
