"""One shopper of a crowd: runs the script again and again, and reads the cart after each run."""

import random
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from lab.core.errors import LabError
from lab.core.http import BAD_GATEWAY
from lab.crowd.arrivals import Arrivals
from lab.crowd.journal import Journal
from lab.crowd.messages import CrowdJob, IterationResult
from lab.crowd.pacer import PacedTransport, Pacer, RunOver
from lab.evidence.cart_tracker import Fate
from lab.evidence.closing import Silence, final_fate, silence
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper
from lab.evidence.transport import Transport
from lab.shop.desks import at_server


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
        """Return the number of tries: `full`, or `quick` in a quick run."""
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
        arrivals: Arrivals | None,
    ) -> None:
        """`number` is the shopper's place in the crowd, from 0, and unique.

        `arrivals` says when its requests are due; None is the closed model.
        """
        profile = job.profile
        schedule = arrivals.of(number) if arrivals else None
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
                self.iterate_once()
                if self._job.profile.once:
                    break
        except RunOver:
            pass

    def iterate_once(self) -> None:
        """Run the script once and settle its cart; after RunOver the caller calls `settle`."""
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
        """Read the cart that is owed, and record its fate.

        If the script's last request was a read that showed it, that counts, unless `again`.
        """
        if (customer := self._customer) is None:
            return
        tracker, last = customer.tracker, customer.last
        fate, looks = None, []
        if tracker.owed is not None:
            fate = Fate(last.fate) if last and last.fate else None
            if again or fate is not Fate.KEPT:
                looks = self._look(customer)
                fate = _fate(looks)
                last = looks[-1]
        self._journal.note_result(
            IterationResult(
                customer.name,
                tracker.home,
                last.at_s if last else 0.0,
                fate,
                tracker.acknowledged_s,
                tuple(each.target for each in looks if each.target and _is_gone(each)),
                next(filter(None, map(_silence, looks)), None),
            )
        )
        customer.transport.close()
        self._customer = None

    def _look(self, customer: Shopper) -> list[Exchange]:
        """Look at the cart at each server by its name, until one shows it: the lab's own looks.

        The server that acknowledged it is asked first.
        """
        looker, home = customer.looked_after(self._journal.of_the_lab), customer.tracker.home_server
        looks: list[Exchange] = []
        servers: Sequence[str | None] = sorted(self._job.servers, key=lambda name: name != home)
        for server in servers or [None]:
            looks.append(looker.view_cart(server=server))
            if looks[-1].fate is Fate.KEPT:
                break
        return looks

    def _new_customer(self) -> Shopper:
        job, name = self._job, f"c{self._number}-{self._iterations}"
        return Shopper(
            lambda server: job.url + at_server(server),
            self._journal,
            user_id=str(1 + self._number),
            name=name,
            transport=PacedTransport(self._transport(), self._pacer),
        )


def _fate(looks: Sequence[Exchange]) -> Fate:
    """Return the fate of a cart from its looks; a server that cannot be reached shows no cart."""
    return final_fate({Fate(each.fate or Fate.UNKNOWN) for each in looks if not _is_gone(each)})


def _is_gone(look: Exchange) -> bool:
    """Return True if the load balancer says in a server's place that it cannot reach it."""
    return look.status == BAD_GATEWAY and look.served_by is None


def _silence(look: Exchange) -> Silence | None:
    return None if _is_gone(look) else silence(look)


def _describe(error: Exception, script: str) -> str:
    """Return an error of the script with the line of the script that it comes from."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
    where = f" (line {frames[-1].lineno} of {Path(script).name})" if frames else ""
    return f"{type(error).__name__}: {error or 'no message'}{where}"
