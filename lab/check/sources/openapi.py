"""Conversations made from an OpenAPI document: explored on a live process, then run anew."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.check.conversation import Client, Conversation, MissingPaths
from lab.check.correlation import infer
from lab.check.sources.client import ApiClient, ApiStep
from lab.check.sources.description import Description, read
from lab.check.sources.exploring import ENDING, Explored, Explorer
from lab.check.sources.operations import Known, Operation
from lab.check.sources.reading import operations
from lab.check.sources.settings import OpenApiSettings
from lab.core.errors import LabError
from lab.core.text import counted

MOST_API_CALLS = 24
MOST_TITLES = 5  # operations that a note names
SAY_WHO = (
    "say who you are: --auth SCHEME=VALUE for a security scheme of the document, --send for a "
    "header of your own, or --field for the names and passwords of a login"
)


@dataclass(frozen=True)
class OpenApiSource:
    """An OpenAPI 3 or Swagger 2 document, JSON or YAML."""

    path: Path
    settings: OpenApiSettings = field(default_factory=OpenApiSettings)
    clock: Callable[[], float] = time.monotonic

    def record(self, send: Client) -> Conversation:
        """Try the operations, and run a conversation of those that succeeded."""
        description = read(self.path)
        known = operations(description)
        found = Explorer(send, description, self.settings, self.clock).explore(known.operations)
        steps = plan(found.good) or [ApiStep(each) for each in [*found.refused][:MOST_API_CALLS]]
        if not steps:
            raise LabError(f"{self.path}: no operation can be sent: {found.damaged[0]}")
        send.renew()
        client = ApiClient(send, description, self.settings, found.prefix)
        for step in steps:
            client.say(step)
        notes = tuple(_notes(description, known, found, client, self.settings))
        missing = _missing(self.path.name, found, self.settings)
        talk = Conversation(tuple(client.calls), self.path.name, notes=notes, missing=missing)
        return infer(talk, client.answers)


def plan(good: Sequence[ApiStep]) -> list[ApiStep]:
    """Return a conversation of operations that succeeded: each write is followed by a look."""
    looks = [
        each for each in good if each.operation.method == "GET" and 0 < each.operation.rank < ENDING
    ]
    chosen: list[ApiStep] = []
    size = 0
    for step in _by_worth(good):
        costs = 1 + (not step.operation.reads and _nearest(step, looks) is not None)
        if size + costs <= MOST_API_CALLS:
            chosen.append(step)
            size += costs
    steps: list[ApiStep] = []
    # As they were tried: what an operation needs was given before it.
    for step in sorted(chosen, key=good.index):
        if step not in steps[-1:]:
            steps.append(step)
        look = None if step.operation.reads else _nearest(step, looks)
        if look is not None:
            steps.append(look)
    return steps


def _by_worth(good: Sequence[ApiStep]) -> list[ApiStep]:
    """Return the order of calls: logins first, then things that are both written and read."""
    groups: dict[str, list[ApiStep]] = {}
    for step in good:
        groups.setdefault(_stem(step.operation), []).append(step)

    def worth(step: ApiStep) -> tuple[int, int]:
        group = groups[_stem(step.operation)]
        kinds = {each.operation.reads for each in group}
        return (
            0 if step.operation.rank == 0 else 1 if len(kinds) == 2 else 2,
            good.index(group[0]),
        )

    return sorted(good, key=worth)


def _stem(operation: Operation) -> str:
    return operation.path.partition("{")[0].rstrip("/")


def _nearest(step: ApiStep, looks: Sequence[ApiStep]) -> ApiStep | None:
    """Return the GET whose path shares most with a write: that probably shows the change."""
    here = step.operation.path.split("/")

    def shared(look: ApiStep) -> tuple[int, int]:
        there = look.operation.path.split("/")
        alike = 0
        for one, other in zip(here, there, strict=False):
            if one != other:
                break
            alike += 1
        return alike, -abs(len(here) - len(there))

    best = max(looks, key=shared, default=None)
    return best if best is not None and shared(best)[0] > 1 else None


def _missing(document: str, found: Explored, settings: OpenApiSettings) -> MissingPaths | None:
    """Return how many paths the service does not have, if it lacks more of them than it has.

    Below a path that is there a 404 is about a thing, not about the path. OPTIONS is left out:
    what answers it for browsers (CORS) does so on any path.
    """
    operations = (*(each.operation for each in found.good), *found.refused)
    tried = [each for each in operations if each.method != "OPTIONS"]
    stems = {_stem(each) for each in tried if each in found.there}
    missing = [
        each
        for each in tried
        if each not in found.there and not ("{" in each.path and _stem(each) in stems)
    ]
    if 2 * len(missing) <= len(tried):
        return None
    said = settings.base_path if found.prefix is None else found.prefix
    base = missing[0].prefix if said is None else said
    return MissingPaths(document, base, len(missing), len(tried))


def _notes(
    description: Description,
    known: Known,
    found: Explored,
    client: ApiClient,
    settings: OpenApiSettings,
) -> list[str]:
    """Say what became of the document: what is in the conversation, what is not, and why."""
    count = len({call.name for call in client.calls})
    total = len(known.operations) + len(known.damaged)
    came = ", ".join(
        f"{status} ({counted(n, 'time')})" for status, n in found.statuses.most_common(6)
    )
    notes = [
        f"{description.file}: {count} of {total} operations are in the conversation; what was "
        f"tried was answered {came}"
    ]
    others = {each.operation for each in found.good} - _said(client, found)
    if others:
        notes.append(f"left out, {MOST_API_CALLS} calls are enough: {_some(_titles(others))}")
    if found.refused:
        refused = [f"{each.title} ({_outcome(status)})" for each, status in _refused(found)]
        notes.append(f"left out, refused with every value that was made up: {_some(refused)}")
    if found.untried:
        notes.append(f"left out, not tried ({found.stopped}): {_some(_titles(found.untried))}")
    if not_understood := [*known.damaged, *found.damaged]:
        notes.append(f"left out, not understood: {_some(not_understood)}")
    if found.prefix == "":
        notes.append(
            "nothing was found under the base path of the document; it was left out: give "
            "another with --base-path"
        )
    if {401, 403} & {*found.refused.values()}:
        notes.append(SAY_WHO)
    return notes


def _said(client: ApiClient, found: Explored) -> set[Operation]:
    names = {call.name for call in client.calls}
    return {each.operation for each in found.good if each.operation.name in names}


def _refused(found: Explored) -> list[tuple[Operation, int | None]]:
    return sorted(found.refused.items(), key=lambda each: each[0].position)


def _outcome(status: int | None) -> str:
    if status is None:
        return "no answer"
    return str(status) if status >= 400 else "a stream without an end"


def _titles(some: Sequence[Operation] | set[Operation]) -> list[str]:
    return [each.title for each in sorted(some, key=lambda each: each.position)]


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - MOST_TITLES
    return "; ".join(texts[:MOST_TITLES]) + (f"; and {more} more" if more > 0 else "")
