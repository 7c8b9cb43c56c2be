"""Gives servers a clean start: replaces those that remember something, all at the same time."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from lab.console.chapter_changes import ChapterChanges
from lab.console.stack_status import ASK_TIMEOUT_S
from lab.evidence.result import Variant
from lab.experiments.provision import ProvisionedStack
from lab.processes.waiting import at_once
from lab.shop.desks import Desk, ServerInfo
from lab.stack.local_pool import LocalPool
from lab.stack.local_server import LocalServer
from lab.stack.server import await_ready, server_info

MayStay = Callable[[LocalServer], bool]


def renew(
    provisioned: ProvisionedStack,
    pools: Mapping[str, LocalPool],
    stateful: Variant,
    env: Mapping[str, str],
    names: Mapping[str, Sequence[str]],
    store_before: str,
    changes: tuple[ChapterChanges, ChapterChanges],
) -> None:
    """Bring up exactly the servers of these names at these desks, with empty memories.

    The stateful desk becomes the variant `stateful`, whose servers get `env`; `changes` are what
    a chapter had changed before, and has from now on. Returns when all of them answer; the
    caller reloads nginx. LabError if one does not come up: the next call tries again.
    """
    before, after = changes
    same = stateful.settings.store == store_before == "memory" and before == after
    # A stateless server holds nothing: that is the point. Neither does one without a cart.
    may_stay: dict[str, MayStay] = {
        "stateful": _remembers_nothing if same else lambda _: False,
        "stateless": _answers if before == after else lambda _: False,
    }
    renewed = [pools[name] for name in names]
    to_launch = at_once(lambda pool: pool.clear(names[pool.name], may_stay[pool.name]), renewed)
    provisioned.forget(stateful)  # no server is left that could write anything
    for pool, launched in zip(renewed, to_launch, strict=True):
        own = {} if before == after else after.env(_desk(pool), provisioned.keys)
        app = after.app(_desk(pool))
        pool.launch(launched, {**own, **(env if pool.name == "stateful" else {})}, app)
    await_ready(chain(*to_launch))


def change_servers(
    provisioned: ProvisionedStack,
    pools: Mapping[str, LocalPool],
    before: ChapterChanges,
    after: ChapterChanges,
) -> None:
    """Restart the servers that a change concerns; state outside of them stays."""
    changed = [pools[desk] for desk in after.desks(before)]
    at_once(lambda pool: _launch_anew(pool, after, provisioned.keys), changed)
    await_ready(chain(*(pool.servers.values() for pool in changed)))


def _launch_anew(pool: LocalPool, changes: ChapterChanges, keys: tuple[str, str]) -> None:
    desk = _desk(pool)
    pool.launch(pool.servers.values(), changes.env(desk, keys), changes.app(desk))


def _desk(pool: LocalPool) -> Desk:
    return "stateless" if pool.name == "stateless" else "stateful"


def _answers(server: LocalServer) -> bool:
    return _asked(server) is not None


def _remembers_nothing(server: LocalServer) -> bool:
    info = _asked(server)
    return info is not None and info["carts_remembered"] == 0


def _asked(server: LocalServer) -> ServerInfo | None:
    """Return a server's answer about itself; None if there is none soon (it may stand still)."""
    if server.state != "up":
        return None
    info = server_info(server.port, timeout_s=ASK_TIMEOUT_S)
    return info if info is not None and info["instance"] == server.instance else None
