"""What a crowd is asked to do, as plain values; and how somebody writes it down."""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from lab.core.errors import LabError
from lab.core.units import parse_duration

Engine = Literal["threads", "locust"]
MAX_SHOPPERS = 1_000_000
MOST_THREADS = 200
"""`requests` in threads collapses near 500 requests a second: more shoppers need the extra."""
MAX_S = 24 * 3600.0


@dataclass(frozen=True)
class PlannedFault:
    """One line of the timetable: `kind` is done to `target` so many seconds in."""

    kind: str
    """"kill", "restart", "pause" or "resume"."""
    target: str
    """A server's name, or "store"."""
    at_s: float
    """Seconds after the warm-up's end."""


@dataclass(frozen=True)
class Job:
    """What one lane's crowd does; everything a generator process needs to know.

    No secret is in it. `rate` is in requests per second over all shoppers, None for the
    closed model: then each asks again as soon as it was answered.
    """

    lane: str
    url: str
    """Where the balancer serves the lane."""
    servers: tuple[str, ...]
    script: str
    """Path of a file with the function `function`, called as `function(shopper, lab)`."""
    shoppers: int
    rate: float | None
    for_s: float
    warm_up_s: float
    function: str = "script"
    seed: int = 0
    quick: bool = False
    record: str = ""
    """Folder for the record, one file a generator process; "" keeps none."""
    sha256: str = ""
    """Of the script: a generator on another machine must hold the same."""
    once: bool = False
    """Whether a shopper visits once; else whoever leaves is followed by another."""

    @property
    def end_s(self) -> float:
        """When the doors close, in seconds after the start (the warm-up is at the beginning)."""
        return self.warm_up_s + self.for_s


@dataclass(frozen=True)
class LoadProfile:
    """A crowd as it was asked for, whichever lane it goes to."""

    script: str
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
    waits_for_others: bool = False
    """Whether the workers are started by hand, on other machines (`lab crowd --join`)."""

    def __post_init__(self) -> None:
        _require(1 <= self.shoppers <= MAX_SHOPPERS, f"shoppers: 1 to {MAX_SHOPPERS:,}")
        _require(self.for_s > 0, "--for: some time, such as 10s")
        _require(
            self.engine != "threads" or self.shoppers <= MOST_THREADS,
            f"{self.shoppers:,} shoppers need the extra: pip install 'two-desks[crowd]' "
            f"(without it, {MOST_THREADS} at most)",
        )
        several = self.workers > 1 or self.waits_for_others
        _require(self.engine != "threads" or not several, WORKERS_NEED_LOCUST)
        for strike in self.timetable:
            _require(
                strike.at_s < self.for_s,
                f"{strike.kind} {strike.target}@{strike.at_s:g}s comes after the end "
                f"(--for {self.for_s:g}s)",
            )

    @property
    def script_name(self) -> str:
        """What the script is called, without the folders of this machine."""
        return PurePath(self.script).stem

    def job(self, lane: str, url: str, servers: tuple[str, ...], quick: bool = False) -> Job:
        """Return what the generator of one lane is told."""
        return Job(
            lane=lane,
            url=url,
            servers=servers,
            script=self.script,
            function=self.function,
            shoppers=self.shoppers,
            rate=self.rate,
            for_s=self.for_s,
            warm_up_s=self.warm_up_s,
            seed=self.seed,
            quick=quick,
            once=self.once,
        )


WORKERS_NEED_LOCUST = "more than one worker needs the extra: pip install 'two-desks[crowd]'"


def strike(kind: str, text: str) -> PlannedFault:
    """Read "B@10s" or "store@10s". LabError otherwise."""
    target, at, when = text.strip().partition("@")
    known = re.fullmatch(r"[A-Za-z0-9._-]{1,32}", target, re.ASCII)
    _require(
        at and known, f"{_quoted(text)}: say whom and when, such as --{kind} B@10s or store@10s"
    )
    return PlannedFault(kind, target, parse_duration(when, most_s=MAX_S))


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _require(condition: object, otherwise: str) -> None:
    if not condition:
        raise LabError(otherwise)
