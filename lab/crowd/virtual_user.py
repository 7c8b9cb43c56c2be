"""CrowdScriptApi shopper of a crowd: visit after visit, each closed by a look at what is owed."""

import traceback
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from lab.core.errors import LabError
from lab.crowd.arrival_schedule import ClosingTime, turns
from lab.crowd.journal import Journal
from lab.crowd.load_profile import Job
from lab.crowd.pacer import PacedTransport, Pacer
from lab.crowd.script_api import CrowdScriptApi
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper
from lab.evidence.transport import Transport

Script = Callable[[Shopper, Any], Any]
TIMED_OUT = 504  # the balancer waited for a server in vain: frozen, perhaps, and not gone


@dataclass(frozen=True)
class IterationResult:
    """What became of one visit's cart: one line of the ledger of the whole crowd.

    `home` is the instance that acknowledged the cart last, `acknowledged_s` when it was asked
    to; `fate` what the closing look saw (None: nothing is owed, or an empty cart only);
    `by_name_only` whether it took asking a server by its name; `at_s` when the last look
    began. Seconds after the start.
    """

    customer: str
    home: str | None
    at_s: float
    fate: str | None
    by_name_only: bool
    acknowledged_s: float


class VirtualUser:
    """Runs the script, visit after visit, with a new customer each time."""

    def __init__(
        self,
        number: int,
        job: Job,
        script: Script,
        journal: Journal,
        transport: Callable[[], Transport],
    ) -> None:
        """`number` is the shopper's place in the crowd, 0 to `job.shoppers` - 1 and unique."""
        due = None if job.rate is None else turns(number, job.shoppers, job.rate)
        self._number = number
        self._job = job
        self._script = script
        self._journal = journal
        self._transport = transport
        self._pace = Pacer(journal, due, job.end_s)
        self._offer = CrowdScriptApi(job.servers, job.seed, number, job.quick)
        self._visits = 0
        self._customer: Shopper | None = None

    def shop(self) -> None:
        """Iterate until the run ends, or once; LabError if the script cannot be run at all."""
        try:
            while self._pace.open:
                self.visit()
                if self._job.once:
                    break
        except ClosingTime:
            pass

    def visit(self) -> None:
        """CrowdScriptApi visit, from coming in to the closing look; ClosingTime leaves it open."""
        self._visits += 1
        self._journal.begins()
        self._customer = customer = self._new_customer()
        try:
            self._script(customer, self._offer)
        except LabError:
            raise
        except Exception as error:
            self._journal.broke(_told(error, self._job.script))
        if customer.last is None:
            why = self._journal.trouble
            raise LabError(why or "the script sends no request: there is nothing to time")
        if not self._job.once:
            self.settle()

    def settle(self, again: bool = False) -> None:
        """Look at what is owed, and note what became of it; `again`: earlier looks do not count.

        A script's own last request will do, if it was a look that showed what is owed.
        """
        if (customer := self._customer) is None:
            return
        ledger, fate, by_name_only = customer.ledger, None, False
        if ledger.owed and ledger.owed["lines"]:
            fate = customer.last.fate if customer.last else None
            if again or fate != Fate.KEPT:
                fate, by_name_only = self._look(customer)
        at_s = customer.last.at_s if customer.last else 0.0
        line = IterationResult(
            customer.name, ledger.home, at_s, fate, by_name_only, ledger.acknowledged_s
        )
        self._journal.settle(list(astuple(line)))
        customer.transport.close()
        self._customer = None

    def _look(self, customer: Shopper) -> tuple[str, bool]:
        """Ask for the cart as a customer does, then at each server by its name.

        Returns its fate, and whether only a server asked by name showed it.
        """
        seen = [customer.view_cart(tries=len(self._job.servers) or 1)]
        if seen[0].fate == Fate.KEPT:
            return Fate.KEPT, False
        for server in self._job.servers:
            seen.append(customer.view_cart(server=server))
            if seen[-1].fate == Fate.KEPT:
                return Fate.KEPT, True
        fates = {each.fate for each in seen}
        if any(map(_may_live, seen)) or fates == {Fate.UNKNOWN}:
            return Fate.UNKNOWN, False  # somebody who is silent may still have it
        return next(
            (each for each in (Fate.WRONG, Fate.DUPLICATED) if each in fates), Fate.LOST
        ), False

    def _new_customer(self) -> Shopper:
        job, name = self._job, f"c{self._number}-{self._visits}"
        return Shopper(
            lambda server: f"{job.url}/@{server}" if server else job.url,
            self._journal,
            user_id=str(1 + self._number),
            name=name,
            transport=PacedTransport(self._transport(), self._pace),
        )


def _may_live(seen: Exchange) -> bool:
    return seen.status is None or seen.status == TIMED_OUT


def _told(error: Exception, script: str) -> str:
    theirs = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
    where = f" (line {theirs[-1].lineno} of {Path(script).name})" if theirs else ""
    return f"{type(error).__name__}: {error or 'no more is said'}{where}"
