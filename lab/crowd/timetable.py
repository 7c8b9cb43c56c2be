"""The timetable of faults: reads its entries, injects them on time, records what happened."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from lab.core.errors import LabError
from lab.core.faults import FaultKind, target_named
from lab.core.units import format_duration, parse_duration


class PlannedFault(msgspec.Struct, frozen=True):
    """An entry of the timetable: inject `kind` into `target`, `at_s` seconds after the warm-up."""

    kind: FaultKind
    target: str
    """A server's name, or "store"."""
    at_s: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target}@{format_duration(self.at_s)}"


class InjectedFault(msgspec.Struct):
    """An entry that was carried out, and when; `trouble` is why it did not work, if so."""

    planned: PlannedFault
    at_s: float
    """Seconds after the start, warm-up included."""
    trouble: str | None = None


class ProcessDeath(msgspec.Struct, frozen=True):
    """A process that was killed: its instance, and between which moments it died (seconds).

    "store" stands for the session store, where it keeps nothing on disk.
    """

    instance: str
    from_s: float
    to_s: float


class InjectedFaults(msgspec.Struct):
    """What has been injected so far, and which processes died of it."""

    faults: list[InjectedFault] = []
    deaths: list[ProcessDeath] = []


def ended_since(injected: InjectedFaults) -> dict[str, float]:
    """Return the second at which the timetable stopped each server."""
    since: dict[str, float] = {}
    for each in injected.faults:
        if each.planned.kind.ends_process:
            since.setdefault(each.planned.target, each.at_s)
    return since


Inject = Callable[[PlannedFault], str | None]
"""Injects a fault and returns the instance that ended by it. Raises if it did not work."""


def parse_planned_fault(kind: FaultKind, text: str) -> PlannedFault:
    """Read "B@10s" or "store@500ms". LabError otherwise."""
    target, at, when = text.strip().partition("@")
    if not at or not re.fullmatch(r"[A-Za-z0-9._-]{1,32}", target, re.ASCII):
        shown = repr(text if len(text) <= 40 else text[:40] + "…")
        raise LabError(
            f"{shown}: give a target and a time, such as --{kind} B@10s or --{kind} store@10s"
        )
    return PlannedFault(kind, target_named(target), parse_duration(when))


@contextmanager
def run_timetable(
    planned: Sequence[PlannedFault], inject: Inject, begun_s: float, warm_up_s: float
) -> Iterator[InjectedFaults]:
    """Inject the faults, each at its time, for as long as the block lasts.

    `begun_s` is the start on the monotonic clock; the times count from the warm-up's end.
    """
    over, injected = threading.Event(), InjectedFaults()

    def run() -> None:
        for fault in sorted(planned, key=lambda each: each.at_s):
            if over.wait(max(0.0, begun_s + warm_up_s + fault.at_s - time.monotonic())):
                return
            done = InjectedFault(fault, time.monotonic() - begun_s)
            try:
                if instance := inject(fault):
                    until_s = time.monotonic() - begun_s
                    injected.deaths.append(ProcessDeath(instance, done.at_s, until_s))
            except Exception as error:  # becomes a doubt; the next entry is tried all the same
                done.trouble = str(error) or type(error).__name__
            injected.faults.append(done)

    thread = threading.Thread(target=run, name="crowd-timetable", daemon=True)
    thread.start()
    try:
        yield injected
    finally:
        over.set()
        thread.join()
