"""One shopper of a crowd: runs the script again and again, and reads the cart after each run."""

import random
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from lab.core.errors import LabError
from lab.crowd.journal import Journal
from lab.crowd.messages import CrowdJob, IterationResult
from lab.crowd.pacer import PacedTransport, Pacer, RunOver, arrival_schedule
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper
from lab.evidence.transport import Transport

TIMED_OUT = 504  # the balancer waited in vain for a server that may be frozen, and not gone


class CrowdScriptApi:
    """The `lab` of a script that runs once for each shopper: what concerns that shopper alone.

    `random` gives the same numbers to a shopper in every variant of a run with the same --seed,
    and other numbers to each shopper; `servers` are the servers' names.
    """

    def __init__(self, servers: tuple[str, ...], seed: int, number: int, quick: bool) -> None:
        self.servers = servers
        self.quick = quick
        self.random = random.Random(f"{seed}:{number}")

    def n(self, full: int, quick: int) -> int:
        """Return how many to try: `full`, or `quick` in a quick run."""
        return quick if self.quick else full

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise LabError(
            f"lab.{name} does not exist for one shopper of a crowd: each runs the script alone. "
            "Faults go on the timetable (lab crowd --kill B@10s)"
        )


Script = Callable[[Shopper, CrowdScriptApi], object]


class VirtualUser:
    """Runs the script iteration after iteration, as a new customer each time."""

    def __init__(
        self,
        number: int,
        job: CrowdJob,
        script: Script,
        journal: Journal,
        transport: Callable[[], Transport],
    ) -> None:
        """`number` is the shopper's place in the crowd, from 0, and unique."""
        profile = job.profile
        schedule = (
            None
            if profile.rate is None
            else arrival_schedule(number, profile.shoppers, profile.rate)
        )
        self._number = number
        self._job = job
        self._script = script
        self._journal = journal
        self._transport = transport
        self._pacer = Pacer(journal, schedule, profile.end_s)
        self._api = CrowdScriptApi(job.servers, profile.seed, number, job.quick)
        self._iterations = 0
        self._customer: Shopper | None = None

    def run(self) -> None:
        """Iterate until the run ends, or once; LabError if the script cannot be run at all."""
        try:
            while self._pacer.open:
                self._iterate()
                if self._job.profile.once:
                    break
        except RunOver:
            pass

    def _iterate(self) -> None:
        """Run the script once and settle its cart; RunOver leaves it to `settle`."""
        self._iterations += 1
        self._journal.note_iteration()
        self._customer = customer = self._new_customer()
        try:
            self._script(customer, self._api)
        except LabError:
            raise
        except Exception as error:
            self._journal.note_error(_describe(error, self._job.profile.script))
        if customer.last is None:
            why = self._journal.trouble
            raise LabError(why or "the script sends no request: there is nothing to time")
        if not self._job.profile.once:
            self.settle()

    def settle(self, again: bool = False) -> None:
        """Read the cart that is owed, and record what became of it.

        If the script's last request was a read that showed it, that counts, unless `again`.
        """
        if (customer := self._customer) is None:
            return
        tracker, fate, by_name_only = customer.tracker, None, False
        if tracker.owed and tracker.owed["lines"]:
            fate = Fate(customer.last.fate) if customer.last and customer.last.fate else None
            if again or fate is not Fate.KEPT:
                fate, by_name_only = self._read_cart(customer)
        at_s = customer.last.at_s if customer.last else 0.0
        self._journal.note_result(
            IterationResult(
                customer.name, tracker.home, at_s, fate, by_name_only, tracker.acknowledged_s
            )
        )
        customer.transport.close()
        self._customer = None

    def _read_cart(self, customer: Shopper) -> tuple[Fate, bool]:
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
            return Fate.UNKNOWN, False  # a server that does not answer may still have it
        return next(
            (each for each in (Fate.WRONG, Fate.DUPLICATED) if each in fates), Fate.LOST
        ), False

    def _new_customer(self) -> Shopper:
        job, name = self._job, f"c{self._number}-{self._iterations}"
        return Shopper(
            lambda server: f"{job.url}/@{server}" if server else job.url,
            self._journal,
            user_id=str(1 + self._number),
            name=name,
            transport=PacedTransport(self._transport(), self._pacer),
        )


def _may_live(seen: Exchange) -> bool:
    return seen.status is None or seen.status == TIMED_OUT


def _describe(error: Exception, script: str) -> str:
    """Return an error of the script with the line of the script that it comes from."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
    where = f" (line {frames[-1].lineno} of {Path(script).name})" if frames else ""
    return f"{type(error).__name__}: {error or 'no message'}{where}"
