"""Tries the operations of a document on a live service, and keeps the values that succeed."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.check.conversation import Client
from lab.check.sources.client import ApiClient, ApiStep
from lab.check.sources.description import DAMAGE, Description
from lab.check.sources.given import thing_at
from lab.check.sources.operations import Operation
from lab.check.sources.settings import OpenApiSettings
from lab.core.http import Answer, NotSent

MOST_EXPLORED = 300  # calls
MOST_EXPLORED_S = 30.0
MOST_ENDED = 3  # exploring stops once this many operations have ended the service
PROBES = 4
ENDING = 5  # operations of this rank or above take away what others made
NOT_FOUND = 404
NO_SUCH_PATH = (NOT_FOUND, 405)
WRONG_VALUES = (400, 409, 415, 422)  # statuses that ask for other values
ReadClock = Callable[[], float]


@dataclass
class Explored:
    """What was found out: what succeeded, and why the rest did not.

    `there` are the operations that were not only answered as if there were no such path.
    `prefix` is what stands before the paths, None for the document's own.
    """

    good: list[ApiStep] = field(default_factory=list)
    refused: dict[Operation, int | None] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    untried: list[Operation] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    prefix: str | None = None
    stopped: str = ""
    there: set[Operation] = field(default_factory=set)


class Explorer:
    """One exploration, within its bounds."""

    def __init__(
        self,
        send: Client,
        description: Description,
        settings: OpenApiSettings,
        clock: ReadClock = time.monotonic,
    ) -> None:
        self._send = send
        self._description = description
        self._settings = settings
        self._clock = clock
        self._until = clock() + MOST_EXPLORED_S
        self._tried = 0
        self._ended = 0
        self._found = Explored()
        self._things = frozenset[str]()
        self._client = self._new_client()

    def explore(self, known: tuple[Operation, ...]) -> Explored:
        """Try each operation in one or a few ways, first those whose values are known."""
        found = self._found
        self._things = frozenset(thing_at(each.path) for each in known if each.method == "GET")
        self._client = self._new_client()
        self._find_prefix(known)
        waiting = sorted(known, key=lambda each: (each.rank, each.position))
        later, again = list[Operation](), set[Operation]()
        while waiting and not self._is_over():
            operation = self._next(waiting)
            waiting.remove(operation)
            self._try(operation)
            is_lost = found.refused.get(operation) == NOT_FOUND and operation.rank < ENDING
            if is_lost and operation not in again:
                later.append(operation)
            if later and not any(each.rank < ENDING for each in waiting):
                # What they need may have been made by now.
                waiting, again, later = [*later, *waiting], {*again, *later}, []
        found.untried = waiting
        return found

    def _is_over(self) -> bool:
        if self._tried >= MOST_EXPLORED:
            self._found.stopped = f"{MOST_EXPLORED} calls were enough to explore it"
        elif self._clock() > self._until:
            self._found.stopped = f"{MOST_EXPLORED_S:g} s were over"
        elif self._ended > MOST_ENDED:
            self._found.stopped = "the service gave no answer too often"
        return bool(self._found.stopped)

    def _next(self, waiting: list[Operation]) -> Operation:
        """Return the first operation whose values are known, before any that deletes something."""
        making = [each for each in waiting if each.rank < ENDING]
        for group in (making, waiting):
            ready = next((each for each in group if self._client.is_ready(each)), None)
            if ready or group:
                return ready or group[0]
        return waiting[0]

    def _try(self, operation: Operation) -> None:
        why = ""
        for number in self._variants(operation):
            try:
                answer = self._say(ApiStep(operation, number))
            except DAMAGE as error:
                why = f"{operation.title}: {error}"
                continue
            if answer.ok and answer.complete:
                self._found.good.append(ApiStep(operation, number))
                self._found.refused.pop(operation, None)
                return
            self._found.refused[operation] = answer.status
            if answer.status is None and not isinstance(answer.failure, NotSent):
                self._begin_again()
            if answer.status not in WRONG_VALUES or self._is_over():
                return
        if why and operation not in self._found.refused:
            self._found.damaged.append(why)

    def _variants(self, operation: Operation) -> list[int]:
        try:
            return self._client.variants(operation)
        except DAMAGE as error:
            self._found.damaged.append(f"{operation.title}: {error}")
            return []

    def _say(self, step: ApiStep) -> Answer:
        answer = self._client.say(step)
        self._tried += 1
        if answer.status not in NO_SUCH_PATH:
            self._found.there.add(step.operation)
        self._found.statuses[str(answer.status or answer.error or "no answer")] += 1
        return answer

    def _begin_again(self) -> None:
        """Go on with a fresh process: the last operation may have ended this one."""
        self._ended += 1
        self._send.renew()
        self._client = self._new_client()
        for step in [each for each in self._found.good if each.operation.rank == 0]:
            self._say(step)

    def _find_prefix(self, known: tuple[Operation, ...]) -> None:
        """Drop the document's base path if paths are found only without it."""
        probes = [
            each
            for each in known
            if each.reads and each.method != "OPTIONS" and "{" not in each.path and each.prefix
        ]
        if self._settings.base_path is not None or not probes:
            return
        for prefix in (None, ""):
            self._found.prefix = prefix
            self._client = self._new_client()
            for operation in probes[:PROBES]:
                try:
                    answer = self._client.say(ApiStep(operation))
                except DAMAGE:
                    continue
                if answer.status != NOT_FOUND:
                    self._client = self._new_client()
                    return
        self._found.prefix = None
        self._client = self._new_client()

    def _new_client(self) -> ApiClient:
        return ApiClient(
            self._send, self._description, self._settings, self._found.prefix, self._things
        )
