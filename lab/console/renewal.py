"""Servers that remember nothing: who does is ended and started again, all at the same time."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from lab.console.stack_status import ASK_TIMEOUT_S
from lab.evidence.result import Variant
from lab.experiments.provision import ProvisionedStack
from lab.processes.waiting import at_once, server_info
from lab.stack.server import Server, await_ready

MayStay = Callable[[Server], bool]


def renew(
    bench: ProvisionedStack,
    stateful: Variant,
    env: Mapping[str, str],
    names: Mapping[str, Sequence[str]],
    store_before: str,
) -> None:
    """Have the servers of these names at these desks, all up, and nothing remembered anywhere.

    The stateful desk becomes the variant `stateful`, of which `env` tells its servers. Returns
    when all of them answer; nginx is for the caller to tell. LabError where one does not come
    up: the next time it is tried again.
    """
    same = stateful.knobs.store == store_before == "memory"
    # A stateless server holds nothing: that is the point. Neither does one without a cart.
    may_stay: dict[str, MayStay] = {
        "stateful": _remembers_nothing if same else lambda _: False,
        "stateless": _answers,
    }
    lanes = [bench.stack.lanes[name] for name in names]
    to_launch = at_once(lambda lane: lane.clear(names[lane.name], may_stay[lane.name]), lanes)
    bench.forget(stateful)  # now that nobody is left who could write something
    for lane, launched in zip(lanes, to_launch, strict=True):
        lane.launch(launched, env if lane.name == "stateful" else {})
    await_ready(chain(*to_launch))


def _answers(replica: Server) -> bool:
    return _asked(replica) is not None


def _remembers_nothing(replica: Server) -> bool:
    info = _asked(replica)
    return info is not None and info["carts_remembered"] == 0


def _asked(replica: Server) -> dict[str, Any] | None:
    """Return what a server says of itself, soon; None if it does not (it may stand still)."""
    if replica.state != "up":
        return None
    info = server_info(replica.port, timeout_s=ASK_TIMEOUT_S)
    return info if info is not None and info.get("instance") == replica.instance else None
