"""A crowd on the variant of a script: where it goes, and how its timetable breaks things."""

from functools import partial
from pathlib import Path

from lab.core.errors import LabError
from lab.core.faults import STORE, FaultEvent, FaultKind
from lab.crowd.crowd_run import CrowdTarget
from lab.crowd.loss_audit import DiesWith
from lab.crowd.result import CrowdSetup
from lab.crowd.timetable import PlannedFault
from lab.evidence.result import Variant
from lab.experiments.script_stack import ScriptContext
from lab.stack.access_log import AccessEntry
from lab.stack.faults import FaultInjector
from lab.stack.lives import strangers
from lab.stack.local_store import LocalStore
from lab.stack.server_pool import ServerPool
from lab.stack.session_store import Store


def crowd_target(context: ScriptContext, faults: FaultInjector) -> CrowdTarget:
    """Return this variant as the target of a crowd; `faults` carries out the timetable."""
    variant, pool, balancer = context.variant, context.pool, context.stack.balancer
    return CrowdTarget(
        variant=pool.name,
        url=pool.url,
        servers=tuple(pool.servers),
        has_store=variant.uses_store,
        folder=Path(context.fill("{folder}")),
        access=context.stack.access,
        inject=partial(inject_planned, faults),
        dies_with=_carts_die_with(variant, context.store),
        setup=CrowdSetup(
            desk=variant.app,
            store=variant.keeps,
            servers=variant.settings.servers,
            affinity=variant.settings.affinity,
            retry=variant.settings.retry,
        ),
        quick=context.quick,
        log_of=lambda server: pool.server(server).log_tail(),
        dead=tuple(name for name, server in pool.servers.items() if server.state == "dead"),
        is_strange=partial(_is_strange, pool),
        breakage=partial(balancer.breakage, balancer.mark()),
    )


def _is_strange(pool: ServerPool, entry: AccessEntry) -> bool:
    lives = pool.lives()
    return lives is not None and bool(strangers([entry], lives))


def inject_planned(faults: FaultInjector, planned: PlannedFault) -> str | None:
    """Inject a planned fault; return the instance that ended by it (`STORE` of the store).

    LabError if its effect was not seen.
    """
    heard: list[FaultEvent] = []
    stop = faults.subscribe(heard.append)
    try:
        event = faults.inject(planned.target, planned.kind)
    finally:
        stop()
    if event.confirmed is False:
        raise LabError(f"the {event.kind} was not confirmed")
    ended = [each.evidence.instance for each in heard if each.kind is FaultKind.KILL]
    return STORE if ended and planned.target == STORE else next(iter(ended), None)


def _carts_die_with(variant: Variant, store: Store | None) -> DiesWith | None:
    if variant.app == "stateful" and variant.uses_store and not variant.persistence:
        return STORE if isinstance(store, LocalStore) else None
    return "process" if variant.keeps == "memory" else None
