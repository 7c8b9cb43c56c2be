"""Between which values each result of a plan lies, by the spread of the constants it is from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.capacity.crossings import CapacityPlan
from lab.capacity.rules import Need

NEED_RESULTS: Mapping[str, Callable[[Need], float | None]] = {
    "requests_per_core": lambda need: need.requests_per_core,
    "servers": lambda need: need.servers,
    "cores": lambda need: need.cores,
    "memory_bytes": lambda need: need.desk.memory_bytes,
    "kept_bytes": lambda need: need.store.memory_bytes if need.store else need.file_bytes,
    "store_operations_s": lambda need: need.store_operations_s,
    "request_bytes_s": lambda need: need.request_bytes_s,
    "answer_bytes_s": lambda need: need.answer_bytes_s,
    "machines": lambda need: need.machines,
    "cost_month": lambda need: need.cost_month,
}


@dataclass(frozen=True)
class Interval:
    """A result of a row with its lowest and highest value; None if it is impossible.

    At one end every constant is at the worst end of its own spread, at the other end at the best.
    """

    row: str
    result: str
    low: float | None
    value: float | None
    high: float | None


def intervals(plan: CapacityPlan) -> list[Interval]:
    """Return the interval of every result of every row."""
    found = []
    for name in plan.rows:
        ends = [plan.at(name, plan.assume.users, end) for end in ("low", None, "high")]
        for result, of in NEED_RESULTS.items():
            one, value, other = map(of, ends)
            low, high = sorted((one, other), key=_none_last)
            found.append(Interval(name, result, low, value, high))
    return found


def _none_last(value: float | None) -> tuple[bool, float]:
    return value is None, value or 0.0
