"""The `lab` of a script: customers, faults, and questions to the servers."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from inspect import isfunction
from typing import TYPE_CHECKING, Any

from lab.core.errors import ScriptMistake
from lab.core.faults import STORE, FaultEvent, FaultKind
from lab.core.nearest import no_argument
from lab.evidence.closing import ClosingLooks, Silence, look_everywhere
from lab.evidence.exchange import Exchange
from lab.evidence.record import Record
from lab.evidence.result import Measurements
from lab.evidence.shopper import Shopper
from lab.evidence.transport import Transport
from lab.experiments.script_measures import MEASURED, require_keepable
from lab.experiments.script_stack import ScriptContext, ScriptStack
from lab.experiments.script_tools import ScriptTools

# An experiment's file names `Lab` as a type only, and a list of them loads neither the stack
# nor the crowd: both are imported where they are used.
if TYPE_CHECKING:
    from lab.crowd.expectation import TrialRun
    from lab.crowd.load_profile import LoadProfile
    from lab.crowd.progress import Progress
    from lab.crowd.result import CrowdResult
    from lab.crowd.worker_group import WorkerGroup
    from lab.stack.faults import FaultInjector

_NOT_OF_CROWD = ("script", "function", "seed")  # the lab fills these in
_PEOPLE = ("John", "Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi", "Ivan")


class Lab(ScriptStack, ScriptTools):
    """The `lab` of a script: the same for every variant. Faults are recorded with evidence.

    `customers` are the shoppers of this run, the script's `shopper` first. `random` gives the
    same numbers in every variant of a run with the same --seed; `quick` is True in a small run
    (--quick), and `crowd_shoppers` is the size of a crowd (--crowd), 0 for none.
    """

    def __init__(self, context: ScriptContext, record: Record) -> None:
        super().__init__(context)
        self._record = record
        self.customers: list[Shopper] = []
        self.extra: Measurements = {}
        self.quick = context.quick
        self.crowd_shoppers = context.crowd
        self.random = random.Random(context.seed)
        for _ in range(context.customers):
            self.shopper()

    def shopper(self, name: str | None = None, user_id: str | None = None) -> Shopper:
        """Return one more customer, with cookies and a token of their own."""
        number = len(self.customers)
        customer = Shopper(
            self._address,
            self._record,
            user_id=user_id or str(123 + number),
            name=name or _name(number),
            transport=self._transport(),
            named=self._named,
        )
        self.customers.append(customer)
        return customer

    def _transport(self) -> Transport:
        from lab.evidence.requests_transport import RequestsTransport  # slow to import

        tls = self._context.stack.tls
        return RequestsTransport(authority=str(tls.authority) if tls else "")

    def measure(self, **values: Any) -> None:
        """Add measurements of your own to the result; a repeated name is overwritten.

        A value is a number, a text, True, False, None, or lists and dicts of these.
        """
        for name, value in values.items():
            if name in MEASURED:
                raise ScriptMistake(
                    f"measure({name}=…): the lab measures that itself; take a name of your own"
                )
            require_keepable(name, value)
        self.extra.update(values)

    def curve(
        self, title: str, x: str, y: str, points: Sequence[tuple[float | str, float]]
    ) -> None:
        """Add a curve to the result; variants with a curve of the same title share a chart.

        `x` and `y` label the axes with their units; a text as x makes a bar.
        """
        pairs = [list(point) for point in points if isinstance(point, tuple | list)]
        if len(pairs) < len(points) or any(len(pair) != 2 for pair in pairs):
            raise ScriptMistake(
                "curve(…, points): each point is a pair (x, y), as in [(1, 20), (2, 35)]"
            )
        require_keepable(title, pairs)
        self.extra[title] = {"x": x, "y": y, "points": pairs}

    def n(self, full: int, quick: int) -> int:
        """Return how many to try: `full`, or `quick` with --quick."""
        return quick if self.quick else full

    def crowd(
        self,
        iteration: Callable[[Shopper, Any], Any],
        shoppers: int,
        rate: float | None,
        for_s: float,
        **more: Any,
    ) -> CrowdResult:
        """Let many shoppers do `iteration(shopper, lab)` at once, in a process of their own.

        `iteration` is a function at the top level of a file; `rate` is in requests per second over
        all of them, None for as fast as they are answered (`more`: see `LoadProfile`). On Locust
        if the extra is installed, else in threads, and then 200 shoppers at most. Their
        exchanges are kept in `folder`, and are not in this run's record.
        """
        from lab.crowd.load_profile import LoadProfile
        from lab.crowd.worker_group import has_locust

        known = [each for each in LoadProfile.__struct_fields__ if each not in _NOT_OF_CROWD]
        for name in more:
            if name not in known:
                raise no_argument("crowd", name, known)
        if not isfunction(iteration):
            raise ScriptMistake(f"crowd() takes a function of your file, not {iteration}")
        profile = LoadProfile(
            script=inspect.getfile(iteration),
            function=iteration.__name__,
            shoppers=shoppers,
            rate=rate,
            for_s=for_s,
            seed=self._context.seed,
            **{"engine": "locust" if has_locust() else "threads", **more},
        )
        result = self.crowd_of(profile)
        if result.interrupted:
            raise KeyboardInterrupt
        return result

    def crowd_of(
        self,
        profile: LoadProfile,
        watch: Callable[[Progress], object] = lambda progress: None,
        log: Callable[[str], object] = lambda line: None,
        workers: WorkerGroup | None = None,
    ) -> CrowdResult:
        """Run a crowd of this profile here (see `run_crowd`)."""
        from lab.crowd.crowd_run import run_crowd
        from lab.experiments.script_crowd import crowd_target

        return run_crowd(profile, crowd_target(self._context, self._faults), watch, log, workers)

    def trial_run(self, profile: LoadProfile) -> TrialRun:
        """Let one shopper run the profile's script once, and count its requests."""
        from lab.crowd.messages import CrowdJob
        from lab.crowd.trial_run import trial_run

        pool = self._context.pool
        servers = tuple(pool.servers)
        return trial_run(CrowdJob(name="trial", url=pool.url, servers=servers, profile=profile))

    def inject(
        self, target: str, kind: FaultKind, env: Mapping[str, str] | None = None
    ) -> FaultEvent:
        """Inject a fault into a server or the session store ("store"); return what was seen.

        The verbs below are this, one for each kind of fault. `env` is for a restart.
        """
        return self._faults.inject(target, kind, env)

    def _inject(
        self, server: str | None, kind: FaultKind, env: Mapping[str, str] | None = None
    ) -> FaultEvent:
        target = STORE if server == STORE else self._name_of(server)
        return self.inject(target, kind, env)

    def kill(self, server: str | None) -> FaultEvent:
        """End a server's process at once, as a crash does: SIGKILL, or its kill command."""
        return self._inject(server, FaultKind.KILL)

    def restart(self, server: str, env: Mapping[str, str] | None = None) -> str:
        """Start a server again (killing it first if it runs); return its new instance.

        `env` changes its environment from now on, with the placeholders of a variant.
        """
        filled = {name: self._context.fill(value) for name, value in (env or {}).items()}
        return self._inject(server, FaultKind.RESTART, filled).evidence.instance or ""

    def pause(self, server: str) -> FaultEvent:
        """Freeze a server (SIGSTOP): it holds its connections and answers nothing."""
        return self._inject(server, FaultKind.PAUSE)

    def resume(self, server: str) -> FaultEvent:
        """Let a paused server go on (SIGCONT)."""
        return self._inject(server, FaultKind.RESUME)

    def add_server(self) -> str:
        """Start one more server and put it behind the balancer; return its name."""
        return self.inject("", FaultKind.ADD).target

    def drain(self, server: str) -> FaultEvent:
        """Take a server out of the balancer, let it finish its requests, then stop it."""
        return self._inject(server, FaultKind.DRAIN)

    def kill_store(self) -> FaultEvent:
        """End the session store's process at once."""
        return self.inject(STORE, FaultKind.KILL)

    def restart_store(self) -> FaultEvent:
        """Start the session store again."""
        return self.inject(STORE, FaultKind.RESTART)

    def pause_store(self) -> FaultEvent:
        """Freeze the session store: it accepts connections and answers nothing."""
        return self.inject(STORE, FaultKind.PAUSE)

    def resume_store(self) -> FaultEvent:
        """Let a paused session store go on."""
        return self.inject(STORE, FaultKind.RESUME)

    def look_for_cart(self, customer: Shopper) -> Exchange:
        """Ask for a cart again and again through the balancer, then at each server by name.

        No customer could do the second part: with affinity a balancer may go on sending them
        to a dead server, while the cart still exists elsewhere.
        """
        seen = customer.view_cart(tries=len(self.servers))
        for server in self.servers:
            if seen.answered:
                break
            seen = customer.view_cart(server=server)
        return seen

    def closing_looks(self, record: Record) -> ClosingLooks:
        """Look at every owed cart at every live server: the lab's own looks, for its own record."""
        alive = [name for name, each in self._pool.servers.items() if each.state != "dead"]
        return look_everywhere(self.customers, alive, record, self._explain)

    def _explain(self, silence: Silence) -> str:
        from lab.stack.limits import with_limit

        return with_limit(str(silence), self._server(silence.server).log_tail())

    @cached_property
    def _faults(self) -> FaultInjector:
        from lab.stack.faults import FaultInjector

        faults = FaultInjector(self._pool, lambda: self._store, self._record.now_s)
        faults.subscribe(self._note)
        return faults

    def _note(self, event: FaultEvent) -> None:
        self._record.append(event)
        for customer in self.customers:
            customer.tracker.doubt()


def _name(number: int) -> str:
    first = _PEOPLE[number % len(_PEOPLE)]
    return first if number < len(_PEOPLE) else f"{first} {number // len(_PEOPLE) + 1}"
