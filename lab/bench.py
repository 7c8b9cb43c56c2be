"""What a script can do to the lane it runs on: meet customers, break things, look around."""

from collections.abc import Callable
from typing import Any

from lab.errors import LabError
from lab.evidence.exchange import Fault
from lab.evidence.record import Record
from lab.evidence.shopper import Shopper
from lab.stack import Death, Lane, Replica, Stack, Store

_NAMES = ("John", "Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi", "Ivan")


class Lab:
    """The `lab` of a script. Every fault is recorded with the evidence that it happened.

    `customers` are the shoppers of this run, the script's `shopper` first. The same object
    is offered whichever desk the lane runs; nothing here says which one it is.
    """

    def __init__(self, stack: Stack, lane: Lane, record: Record, customers: int = 1) -> None:
        self._stack = stack
        self._lane = lane
        self._record = record
        self.customers: list[Shopper] = []
        self.extra: dict[str, Any] = {}
        for _ in range(customers):
            self.shopper()

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of this lane's servers, dead ones too: ("A", "B", "C")."""
        return tuple(self._lane.replicas)

    def shopper(self, name: str | None = None, user_id: str | None = None) -> Shopper:
        """Return one more customer, with cookies and a token of their own."""
        number = len(self.customers)
        customer = Shopper(
            self._address,
            self._record,
            user_id=user_id or str(123 + number),
            name=name or _NAMES[number % len(_NAMES)],
        )
        self.customers.append(customer)
        return customer

    def measure(self, **values: Any) -> None:
        """Add measurements of your own to the result; a repeated name is overwritten."""
        self.extra.update(values)

    def kill(self, server: str | None) -> Death:
        """End a server's process at once (SIGKILL), as a crash does."""
        replica = self._replica(server)
        death = replica.kill()
        self._note("kill", replica.name, death.confirmed, vars(death))
        return death

    def restart(self, server: str) -> str:
        """Start a server again (killing it first if it runs); return its new instance."""
        replica = self._replica(server)
        before = replica.instance
        if replica.state != "dead":
            self.kill(server)
        after = replica.restart()
        self._note("restart", server, before != after, {"was": before, "instance": after})
        return after

    def pause(self, server: str) -> None:
        """Freeze a server (SIGSTOP): it holds its connections and answers nothing."""
        self._fault("pause", server, self._replica(server).pause)

    def resume(self, server: str) -> None:
        """Let a frozen server go on (SIGCONT)."""
        self._fault("resume", server, self._replica(server).resume)

    def add_server(self) -> str:
        """Start one more server and put it behind the balancer; return its name."""
        name = self._lane.add().name
        self._note("add", name, None, {})
        return name

    def drain(self, server: str) -> None:
        """Take a server out of the balancer, let it finish, then stop it."""
        self._replica(server)
        self._fault("drain", server, lambda: self._lane.drain(server))

    def kill_store(self) -> Death:
        """End the session store's process at once."""
        death = self._store.kill()
        self._note("kill", "store", death.confirmed, vars(death))
        return death

    def restart_store(self) -> None:
        """Start the session store again."""
        self._fault("restart", "store", self._store.restart)

    def hang_store(self) -> None:
        """Freeze the session store: it accepts connections and answers nothing."""
        self._fault("hang", "store", self._store.hang)

    def resume_store(self) -> None:
        """Let a frozen session store go on."""
        self._fault("resume", "store", self._store.resume)

    def settle(self) -> None:
        """Ask once more for every cart of which nothing is known yet: the closing read."""
        for customer in self.customers:
            if customer.ledger.needs_read:
                customer.view_cart(tries=len(self.servers))

    def _address(self, server: str | None) -> str:
        if server is None:
            return self._lane.url
        self._replica(server)
        return self._lane.url_of(server)

    def _replica(self, server: str | None) -> Replica:
        replicas = self._lane.replicas
        if server is None:
            raise LabError("no server named: the exchange that should have named one got no answer")
        if server not in replicas:
            raise LabError(f"no server {server!r} here: there are {', '.join(replicas)}")
        return replicas[server]

    @property
    def _store(self) -> Store:
        if self._stack.store is None:
            raise LabError("this run has no session store: run it with --store redis")
        return self._stack.store

    def _fault(self, kind: str, target: str, act: Callable[[], object]) -> None:
        act()
        self._note(kind, target, None, {})

    def _note(
        self, kind: str, target: str, confirmed: bool | None, evidence: dict[str, Any]
    ) -> None:
        self._record.append(Fault(kind, target, self._record.now_s(), confirmed, evidence))
        for customer in self.customers:
            customer.ledger.doubt()
