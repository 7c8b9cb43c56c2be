"""A stage that runs: the feed, the customers and the playground over two desks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from lab.console.customers import Customers
from lab.console.event_making import from_log
from lab.console.experiment_run import ExperimentRun
from lab.console.feed import Feed
from lab.console.playground import Playground
from lab.console.room.phone import is_phones_op
from lab.console.room.room import Room
from lab.console.services import LiveConsole
from lab.console.settings import console_variants
from lab.console.stack_state import MOST_PAGE_SERVERS
from lab.evidence.result import Settings, Variant
from lab.experiments.provision import ProvisionedStack
from lab.stack.access_log import AccessEntry
from lab.stack.server import PROBE_OP
from lab.stack.stack import Stack

OWN_SERVERS = 2  # servers at each desk of a learner's stage
MOST_OWN_SERVERS = 4  # `add`, or a chapter, may raise it to this
MOST_LOGGED = 1000  # entries of nginx's log kept: the page has a history of its own


@contextmanager
def own_stage(root: Path, folder: Path) -> Iterator[LiveConsole]:
    """Run a small stage in `folder`; nothing of it is kept."""
    variants = console_variants(Settings(servers=OWN_SERVERS))
    provisioned = ProvisionedStack(folder)
    try:
        with (
            provisioned.open(variants, keep_log=MOST_LOGGED),
            live_console(provisioned, variants, root, MOST_OWN_SERVERS) as live,
        ):
            yield live
    finally:
        rmtree(folder, ignore_errors=True)


@contextmanager
def live_console(
    provisioned: ProvisionedStack,
    variants: tuple[Variant, ...],
    root: Path,
    most_servers: int = MOST_PAGE_SERVERS,
    room: Room | None = None,
) -> Iterator[LiveConsole]:
    """Connect the feed, the customers and the playground, and the room; stop them afterwards."""
    feed = Feed()
    leaked_keys = {"stateless": provisioned.keys[0]}
    customers = Customers(provisioned.stack.pools, feed.publish, leaked_keys=leaked_keys)

    def doubt(cents: Mapping[str, int]) -> None:
        customers.doubt(cents)
        if room:
            room.fault_happened(cents)

    def begin_anew() -> None:
        customers.reset()
        if room:
            room.stage_began()

    playground = Playground(
        provisioned,
        variants,
        feed.publish,
        feed.begin,
        on_fault=doubt,
        on_reload=feed.cut,
        on_reset=begin_anew,
        most_servers=most_servers,
    )
    if room:
        room.stack = playground.status
    experiment_run = ExperimentRun(root, feed.publish)
    stop = provisioned.stack.access.subscribe(
        _RequestLog(provisioned.stack, playground, feed, customers)
    )
    try:
        feed.begin(playground.status(ask=True))
        playground.watch.start()
        yield LiveConsole(playground, feed, customers, experiment_run)
    finally:
        stop()
        feed.close()
        if room:
            room.close()
        experiment_run.close()
        customers.close()
        playground.close()


class _RequestLog:
    """Publishes every request that nginx logged at a desk, from any client."""

    def __init__(
        self, stack: Stack, playground: Playground, feed: Feed, customers: Customers
    ) -> None:
        self._stack = stack
        self._playground = playground
        self._feed = feed
        self._customers = customers
        # Remembered: the last requests of a drained server arrive after it is gone.
        self._server_at: dict[str, dict[int, str]] = {name: {} for name in stack.pools}

    def __call__(self, entry: AccessEntry) -> None:
        pool = self._stack.pools.get(entry.pool)
        if pool is None or _is_the_labs_own(entry):
            return
        server_at = self._server_at[pool.name]
        server_at |= {server.port: name for name, server in list(pool.servers.items())}
        if not is_phones_op(entry.op):  # hundreds at once: the wall draws these, not the stage
            who = self._customers.who_of(entry.op)
            self._feed.publish(from_log(entry, pool.name, server_at, who))
        self._playground.watch.touch()


def _is_the_labs_own(entry: AccessEntry) -> bool:
    """Return True if the log entry is the lab's own probe of an added server."""
    return entry.op == PROBE_OP
