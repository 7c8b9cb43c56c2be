"""What two crowds can be compared by; the rounds of one variant are taken together."""

from collections.abc import Iterator
from pathlib import Path

from lab.core.quantity import Counted, Quantity, Stated, Timed, clumping
from lab.crowd.document import CrowdDocument
from lab.crowd.recorded import Recorded, recorded
from lab.crowd.result import CrowdResult

WINDOWS = 60


def crowd_quantities(document: CrowdDocument, folder: Path) -> list[Quantity]:
    """Return settings, counts and latencies of each variant."""
    records = recorded(folder, document.crowds, WINDOWS)
    rounds: dict[str, list[tuple[CrowdResult, Recorded | None]]] = {}
    for crowd, record in zip(document.crowds, records, strict=True):
        rounds.setdefault(crowd.variant, []).append((crowd, record))
    return [each for of, found in rounds.items() for each in _variant(of, found)]


def _variant(of: str, rounds: list[tuple[CrowdResult, Recorded | None]]) -> Iterator[Quantity]:
    crowds = [crowd for crowd, _ in rounds]
    records = [record for _, record in rounds if record]
    yield from _settings(of, crowds[0])
    requests = sum(each.requests for each in crowds)
    bad = sum(each.failed + each.unknown for each in crowds)
    by_shopper = [counted for record in records for counted in record.shoppers.values()]
    # Without a record, each shopper is taken as one: whatever happens to it happens at once.
    clumped = clumping(by_shopper) if by_shopper else _each(requests, crowds)
    yield Counted(of, "requests failed or unknown", bad, requests, clumped)
    owed = sum(each.carts.owed for each in crowds)
    lost = sum(each.carts.lost for each in crowds)
    yield Counted(of, "carts lost", lost, owed, _each(owed, crowds))
    reads = sum(each.reads for each in crowds)
    shown = sum(each.reads_that_showed_the_cart for each in crowds)
    yield Counted(of, "looks that showed the cart", shown, reads, _each(reads, crowds))
    samples = [ms for each in records for window in each.windows for ms in window.latencies_ms]
    if samples:
        yield Timed(of, "latency", tuple(samples))


def _settings(of: str, crowd: CrowdResult) -> Iterator[Stated]:
    setup, asked = crowd.setup, crowd.rate_asked_per_s
    words = {
        "script": crowd.script,
        "store": setup.store,
        "servers": str(setup.servers),
        "affinity": setup.affinity,
        "retry": setup.retry,
        "shoppers": str(crowd.shoppers),
        "rate": "closed model" if asked is None else f"{asked:g}/s",
        "measured for": f"{crowd.for_s:g} s",
        "faults": ", ".join(f"{e.kind} {e.target}@{e.at_s:g}s" for e in crowd.timetable) or "none",
    }
    for name, word in words.items():
        yield Stated(of, name, word)


def _each(count: int, crowds: list[CrowdResult]) -> float:
    return max(1.0, count / max(1, sum(each.shoppers for each in crowds)))
