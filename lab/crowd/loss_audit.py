"""Which carts a crowd must have lost, and whether it lost exactly those. Pure.

In process memory a cart lives in the process that acknowledged it last, and dies with it; in
a store without a disk it dies with the store; in a file or in a token with neither. So the set
of lost carts is known before any cart is read; that the reads find exactly this set is what
shows that the crash, and nothing else, is at work.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from lab.core.faults import STORE
from lab.core.statistics import Measure, share
from lab.crowd.messages import IterationResult
from lab.crowd.timetable import ProcessDeath
from lab.evidence.cart_tracker import Fate
from lab.evidence.closing import Silence

EDGE_S = 0.1  # a read that began so close to a death may belong before or after it
MAX_NAMED = 20
DiesWith = Literal["process", "store"]


class LossAudit(msgspec.Struct):
    """The fate of every cart that was owed, compared with the prediction.

    `differ` names customers (the first 20) whose cart came out otherwise: neither kept nor
    lost as it had to be; `at_the_edge` counts reads so close to a death that nothing is predicted.
    """

    settled: int = 0
    nothing_owed: int = 0
    kept: int = 0
    lost: int = 0
    wrong: int = 0
    duplicated: int = 0
    unknown: int = 0
    silences: dict[str, int] = {}
    """Why looks had no answer, and how often: {"B answered 503: …": 3}."""
    predicted_lost: int = 0
    predicted_and_lost: int = 0
    at_the_edge: int = 0
    differing: int = 0
    differ: list[str] = []

    @property
    def owed(self) -> int:
        """Carts that were acknowledged."""
        return self.settled - self.nothing_owed

    @property
    def kept_share(self) -> Measure:
        """The acknowledged carts that were kept, with the interval."""
        return share(self.kept, self.owed, "acknowledged carts kept")

    def all_unknown(self) -> "LossAudit":
        """Return the audit with all carts unknown: no answer can be believed."""
        owed = LossAudit(self.settled, self.nothing_owed, silences=self.silences)
        owed.unknown = self.owed
        return owed

    @property
    def as_predicted(self) -> bool:
        """True if the lost carts are those predicted, one by one."""
        return self.differing == 0


def audit_losses(
    results: Iterable[IterationResult],
    deaths: Sequence[ProcessDeath],
    dies_with: DiesWith | None,
    ended: Mapping[str, float] | None = None,
    explain: Callable[[Silence], str] = str,
) -> LossAudit:
    """Compare the fate of every cart with the predicted fate.

    `dies_with` is what a cart of this variant dies with: "process" (the one that acknowledged
    it), "store", or None for nothing that the timetable kills. `ended` maps each server
    that was stopped on purpose to the second when that happened: if any other server cannot be
    reached, the fate of its carts is unknown. With None, every server that cannot be reached
    counts as stopped. `explain` returns a silence as text.
    """
    audit = LossAudit()
    for each in results:
        audit.settled += 1
        if each.fate is None:
            audit.nothing_owed += 1
            continue
        each = _doubted(each, ended)
        assert each.fate is not None
        setattr(audit, each.fate, getattr(audit, each.fate) + 1)
        if each.fate is Fate.UNKNOWN and each.silence:
            why = explain(each.silence)
            audit.silences[why] = audit.silences.get(why, 0) + 1
        _compare(audit, each, list(_fatal_deaths(each, deaths, dies_with)))
    return audit


def _doubted(result: IterationResult, ended: Mapping[str, float] | None) -> IterationResult:
    """Return the result as unknown if a server that was not stopped could not be reached."""
    if result.fate is Fate.KEPT or ended is None:
        return result
    unexplained = [name for name in result.gone if ended.get(name, math.inf) > result.at_s]
    if not unexplained:
        return result
    unreached = Silence(unexplained[0], "could not be reached, and nothing had stopped it")
    return msgspec.structs.replace(result, fate=Fate.UNKNOWN, silence=result.silence or unreached)


def _fatal_deaths(
    result: IterationResult, deaths: Sequence[ProcessDeath], dies_with: DiesWith | None
) -> Iterator[ProcessDeath]:
    """Yield the deaths that end this cart, if they came before its read."""
    for death in deaths:
        if dies_with == "process" and death.instance == result.home:
            yield death
        if dies_with == STORE == death.instance and result.acknowledged_s <= death.to_s + EDGE_S:
            yield death


def _compare(audit: LossAudit, result: IterationResult, deaths: Sequence[ProcessDeath]) -> None:
    if any(_at_the_edge(result, death) for death in deaths):
        audit.at_the_edge += 1
        return
    predicted = any(result.at_s > death.to_s for death in deaths)
    audit.predicted_lost += predicted
    audit.predicted_and_lost += predicted and result.fate is Fate.LOST
    expected = Fate.LOST if predicted else Fate.KEPT
    if result.fate not in (Fate.UNKNOWN, expected):
        audit.differing += 1
        if len(audit.differ) < MAX_NAMED:
            audit.differ.append(result.customer)


def _at_the_edge(result: IterationResult, death: ProcessDeath) -> bool:
    """Return True if the read (for a store: the acknowledgement) is too close to a death."""
    moments = [result.at_s]
    if death.instance == STORE:
        moments.append(result.acknowledged_s)
    return any(death.from_s - EDGE_S <= moment <= death.to_s + EDGE_S for moment in moments)
