"""What the checks of a repaired service share: names by chance, and what `lab check` may find."""

import random
import string
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lab.check.judge import Level
from lab.exercises.declare import require

if TYPE_CHECKING:
    from lab.exercises.found import Found
    from lab.exercises.work import Work

T = TypeVar("T")
_CHECK_S = 240.0  # a few seconds suffice, unless the machine is busy
_HELP = {
    Level.PROCESS: "Something of an earlier request is in the memory of the process; see the "
    "shortest script that shows it.",
    Level.DISK: "Something of an earlier request is on the disk of the machine; another machine "
    "has another disk.",
    Level.BACKING_SERVICE: "Nothing has to be kept here, not even in a store.",
}


def some_name(chance: random.Random) -> str:
    """Return a name of small letters that no solution can know."""
    return "".join(chance.choices(string.ascii_lowercase, k=10))


def misspelt(chance: random.Random, value: str) -> Iterator[str]:
    """Yield a value with one letter replaced by another of its letters, at random places."""
    places = [index for index, letter in enumerate(value) if letter.isalnum()]
    for index in chance.sample(places, min(len(places), 30)):
        if others := sorted({value[each] for each in places} - {value[index]}):
            yield value[:index] + chance.choice(others) + value[index + 1 :]


def require_self_contained(
    work: "Work", talk: str, env: Mapping[str, str], ready: str | None = None
) -> None:
    """Require that `lab check` finds no state at all."""
    found = work.check(talk, env=env, ready=ready, max_seconds=_CHECK_S)
    _require(found, Level.SELF_CONTAINED)


def require_state_is_shared(
    work: "Work", talk: str, env: Mapping[str, str], volume: Path, ready: str | None = None
) -> None:
    """Require that `lab check` finds state in the volume that all servers share, or none."""
    found = work.check(talk, env=env, volume=volume, ready=ready, max_seconds=_CHECK_S)
    _require(found, Level.SELF_CONTAINED, Level.BACKING_SERVICE)


def at_the_same_time(act: Callable[[int], T], times: int) -> list[T]:
    """Call `act` with 0, 1, … in as many threads; return the results, or raise the first error."""
    with ThreadPoolExecutor(times, thread_name_prefix="at-the-same-time") as hands:
        doing = [hands.submit(act, number) for number in range(times)]
    return [each.result() for each in doing]


def _require(found: "Found", *wanted: Level) -> None:
    require(
        found.level in wanted and not found.report.failed,
        f"`lab check` says {found.level}: {found.because}",
        help=_HELP.get(found.level, ""),
        evidence=found,
    )
