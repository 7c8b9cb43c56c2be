"""Which carts a crowd must have lost, from who was killed and who acknowledged what. Pure.

In process memory a cart lives in the process that acknowledged it last, and dies with it; in
a store without a disk it dies with the store; in a file or in a token with neither. So the set
of lost carts is known before anybody looks; that the looks find exactly this set is what shows
that the crash, and nothing else, is at work.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lab.core.faults import STORE
from lab.crowd.timetable import Ended
from lab.crowd.virtual_user import IterationResult
from lab.evidence.cart_tracker import Fate

EDGE_S = 0.1  # a look that began so close to a death may have been before or after it
MOST_NAMED = 20


@dataclass
class LossAudit:
    """What became of every cart that was owed, and whether it is what was predicted.

    `differ` names customers (the first 20) whose cart came out otherwise: neither kept nor
    lost as it had to be; `at_the_edge` counts looks so close to a death that nothing was predicted.
    """

    settled: int = 0
    nothing_owed: int = 0
    kept: int = 0
    lost: int = 0
    wrong: int = 0
    duplicated: int = 0
    unknown: int = 0
    by_name_only: int = 0
    """Of those kept: shown by the one server that had them only, when asked by its name."""
    predicted_lost: int = 0
    predicted_and_lost: int = 0
    at_the_edge: int = 0
    differing: int = 0
    differ: list[str] = field(default_factory=list)

    @property
    def owed(self) -> int:
        """Carts that were acknowledged."""
        return self.settled - self.nothing_owed

    @property
    def as_predicted(self) -> bool:
        """Whether the lost carts are those predicted, one by one."""
        return self.differing == 0


def reckon(
    settled: Iterable[IterationResult], deaths: Sequence[Ended], dies_with: str | None
) -> LossAudit:
    """Hold every settled visit against what was to be expected of it.

    `dies_with` is what a cart of this lane dies with: "process" (the one that acknowledged
    it), "store", or None for nothing that the timetable kills.
    """
    ledger = LossAudit()
    for each in settled:
        ledger.settled += 1
        if each.fate is None:
            ledger.nothing_owed += 1
            continue
        setattr(ledger, each.fate, getattr(ledger, each.fate) + 1)
        ledger.by_name_only += each.by_name_only
        _compare(ledger, each, list(_fatal(each, deaths, dies_with)))
    return ledger


def _fatal(
    each: IterationResult, deaths: Sequence[Ended], dies_with: str | None
) -> Iterator[Ended]:
    """Yield the deaths that this cart dies of, if they came before its look."""
    for death in deaths:
        if dies_with == "process" and death.instance == each.home:
            yield death
        if dies_with == STORE == death.instance and each.acknowledged_s <= death.to_s + EDGE_S:
            yield death


def _compare(ledger: LossAudit, each: IterationResult, deaths: Sequence[Ended]) -> None:
    if any(_at_the_edge(each, death) for death in deaths):
        ledger.at_the_edge += 1
        return
    predicted = any(each.at_s > death.to_s for death in deaths)
    ledger.predicted_lost += predicted
    ledger.predicted_and_lost += predicted and each.fate == Fate.LOST
    expected = Fate.LOST if predicted else Fate.KEPT
    if each.fate not in (Fate.UNKNOWN, expected):
        ledger.differing += 1
        if len(ledger.differ) < MOST_NAMED:
            ledger.differ.append(each.customer)


def _at_the_edge(each: IterationResult, death: Ended) -> bool:
    """Whether the look, or at the store the acknowledgement, may have been before or after."""
    moments = [each.at_s, each.acknowledged_s] if death.instance == STORE else [each.at_s]
    return any(death.from_s - EDGE_S <= moment <= death.to_s + EDGE_S for moment in moments)
