"""Carries out what stands on a crowd's timetable, and notes what happened, and when."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.crowd.load_profile import PlannedFault


@dataclass(frozen=True)
class Ended:
    """A process that was killed: its instance, and between which moments it died (seconds).

    "store" stands for the session store, where it keeps nothing on disk.
    """

    instance: str
    from_s: float
    to_s: float


@dataclass
class InjectedFault:
    """A line of the timetable that was carried out, and when; `trouble` if it could not be."""

    strike: PlannedFault
    at_s: float
    trouble: str | None = None


@dataclass
class Happened:
    """What has been carried out so far, and who has ended by it."""

    struck: list[InjectedFault] = field(default_factory=list)
    deaths: list[Ended] = field(default_factory=list)


Hit = Callable[[PlannedFault], str | None]
"""Does what a line says, and returns the instance that ended by it. Raises if it did not work."""


@contextmanager
def timetable(
    strikes: Sequence[PlannedFault], hit: Hit, begun_s: float, warm_up_s: float
) -> Iterator[Happened]:
    """Carry the strikes out, each at its time, for as long as the block lasts.

    `begun_s` is the start on the monotonic clock; strikes count from the warm-up's end.
    """
    over, happened = threading.Event(), Happened()

    def obey() -> None:
        for strike in sorted(strikes, key=lambda each: each.at_s):
            if over.wait(max(0.0, begun_s + warm_up_s + strike.at_s - time.monotonic())):
                return
            struck = InjectedFault(strike, time.monotonic() - begun_s)
            try:
                if instance := hit(strike):
                    until_s = time.monotonic() - begun_s
                    happened.deaths.append(Ended(instance, struck.at_s, until_s))
            except Exception as error:  # it is told as a doubt; the next line has its turn, too
                struck.trouble = str(error) or type(error).__name__
            happened.struck.append(struck)

    thread = threading.Thread(target=obey, name="crowd-timetable", daemon=True)
    thread.start()
    try:
        yield happened
    finally:
        over.set()
        thread.join()
