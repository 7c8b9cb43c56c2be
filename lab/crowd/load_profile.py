"""The load of a crowd as plain values: how many users, how fast, how long, on which engine."""

from pathlib import PurePath
from typing import Literal

import msgspec

from lab.core.errors import require
from lab.core.units import format_duration
from lab.crowd.arrivals import Arrivals
from lab.crowd.timetable import PlannedFault

Engine = Literal["threads", "locust"]
MAX_SHOPPERS = 1_000_000
MAX_THREADS = 200
"""`requests` in threads collapses near 500 requests a second: more shoppers need the extra."""
MAX_WORKERS = 64
INSTALL_EXTRA = 'pip install ".[crowd]"'


class LoadProfile(msgspec.Struct, frozen=True):
    """The load on one variant; the same for every variant of a run.

    `rate` is in requests per second over all shoppers, None for the closed model: then each
    shopper sends its next request as soon as the last one is answered.
    """

    script: str
    """Path of a file with the function `function`, called as `function(shopper, lab)`."""
    shoppers: int = 100
    rate: float | None = 100.0
    for_s: float = 10.0
    warm_up_s: float = 2.0
    timetable: tuple[PlannedFault, ...] = ()
    engine: Engine = "threads"
    workers: int = 1
    seed: int = 0
    function: str = "script"
    once: bool = False
    """True if each shopper runs the script once instead of repeating it."""
    iteration_requests: int = 0
    """Requests of an iteration; shoppers begin at a random one. 0: all begin with the first."""
    waits_for_others: bool = False
    """True if the workers start by hand, on other machines (`lab crowd --join`)."""

    def __post_init__(self) -> None:
        require(1 <= self.shoppers <= MAX_SHOPPERS, f"shoppers: 1 to {MAX_SHOPPERS:,}")
        require(self.for_s > 0, "--for: give a duration above 0, such as 10s")
        require(
            self.engine != "threads" or self.shoppers <= MAX_THREADS,
            f"{self.shoppers:,} shoppers need the extra: {INSTALL_EXTRA} "
            f"(without it, {MAX_THREADS} at most)",
        )
        several = self.workers > 1 or self.waits_for_others
        require(
            self.engine != "threads" or not several,
            f"more than one worker needs the extra: {INSTALL_EXTRA}",
        )
        for fault in self.timetable:
            require(
                fault.at_s < self.for_s,
                f"{fault} comes after the end (--for {format_duration(self.for_s)})",
            )

    @property
    def script_name(self) -> str:
        """The script's file name, without folders and suffix."""
        return PurePath(self.script).stem

    @property
    def end_s(self) -> float:
        """When the last iteration ends, in seconds after the start, warm-up included."""
        return self.warm_up_s + self.for_s

    def beginning_out_of_step(self, requests: int) -> "LoadProfile":
        """Return the profile with each shopper beginning at a random request of an iteration."""
        return msgspec.structs.replace(self, iteration_requests=requests)

    @property
    def arrivals(self) -> Arrivals | None:
        """When each request is due; None in the closed model."""
        if self.rate is None:
            return None
        return Arrivals(self.shoppers, self.rate, self.iteration_requests, self.seed)
