"""Which carts a crowd must have lost, from who was killed and who acknowledged what. Pure.

In process memory a cart lives in the process that acknowledged it last, and dies with it;
in a file, in a store or in a token it does not. So the set of lost carts is known before
anybody looks; that the looks find exactly this set is what shows that the crash, and nothing
else, is at work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lab.crowd.visit import Settled
from lab.evidence.ledger import Fate

EDGE_S = 0.1  # a look that began so close to a death may have been before or after it
MOST_NAMED = 20


@dataclass(frozen=True)
class Ended:
    """A process that was killed: its instance, and between which moments it died (seconds)."""

    instance: str
    from_s: float
    to_s: float


@dataclass
class Ledger:
    """What became of every cart that was owed, and whether it is what was predicted.

    `differ` names customers (the first 20) whose cart is lost and should not be, or the other
    way round; `at_the_edge` counts looks so close to a death that nothing was predicted.
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
    settled: Iterable[Settled], deaths: Sequence[Ended], dies_with_its_process: bool
) -> Ledger:
    """Hold every settled visit against what was to be expected of it."""
    ledger = Ledger()
    ended = {death.instance: death for death in deaths} if dies_with_its_process else {}
    for each in settled:
        ledger.settled += 1
        if each.fate is None:
            ledger.nothing_owed += 1
            continue
        setattr(ledger, each.fate, getattr(ledger, each.fate) + 1)
        ledger.by_name_only += each.by_name_only
        _compare(ledger, each, ended.get(each.home or ""))
    return ledger


def _compare(ledger: Ledger, each: Settled, death: Ended | None) -> None:
    if death and death.from_s - EDGE_S <= each.at_s <= death.to_s + EDGE_S:
        ledger.at_the_edge += 1
        return
    predicted = death is not None and each.at_s > death.to_s
    ledger.predicted_lost += predicted
    ledger.predicted_and_lost += predicted and each.fate == Fate.LOST
    if each.fate != Fate.UNKNOWN and predicted != (each.fate == Fate.LOST):
        ledger.differing += 1
        if len(ledger.differ) < MOST_NAMED:
            ledger.differ.append(each.customer)
