"""The stack as two kept variants have it: its servers, and what the lab did to them.

Nothing is made up: a port is never known, a process only where an answer or a fault names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.console.stack_state import DeskSettings, ServerState, StackState, StoreState
from lab.core.faults import STORE, FaultEvent, FaultKind
from lab.evidence.run_document import UsedSettings, VariantResult
from lab.shop.desks import MOST_SERVERS

_NAME_CHARS = 2  # servers are letters


@dataclass
class Life:
    """One process of a server, from its start to its end; None for what is not known."""

    instance: str | None = None
    pid: int | None = None


@dataclass
class _Server:
    name: str
    lives: list[Life] = field(default_factory=lambda: [Life()])
    state: str = "up"
    past: int = 0  # lives that have ended

    @property
    def life(self) -> Life:
        return Life() if self.state == "dead" else self.lives[min(self.past, len(self.lives) - 1)]

    def undergo(self, kind: FaultKind) -> None:
        self.state = kind.state_after
        self.past += kind is FaultKind.RESTART


class RecordedStack:
    """The stack of two variants, by desk (None for an empty desk), as time goes on.

    `program` says what the session store was: "Valkey 8.1.8".
    """

    def __init__(self, variants: Mapping[str, VariantResult | None], program: str = "") -> None:
        self._settings = {desk: _settings(variant) for desk, variant in variants.items()}
        self._program = program
        self._lives = {desk: _lives(each) if each else {} for desk, each in variants.items()}
        self._servers = {
            desk: {name: _Server(name, lives[name]) for name in _present(variants[desk], lives)}
            for desk, lives in self._lives.items()
        }
        # Each variant broke a store of its own time: the process is known for one only.
        broke = [lives[STORE] for lives in self._lives.values() if STORE in lives]
        self._store = _Server(STORE, broke[0] if len(broke) == 1 else [Life()])
        self._external = any("://" in each.store for each in self._settings.values())
        shared = [each.store for each in self._settings.values()]
        self._has_store = bool(broke) or self._external or "redis" in shared

    def undergo(self, desk: str, fault: FaultEvent) -> None:
        """Change the stack as a fault of a variant's record did."""
        servers, kind, target = self._servers[desk], fault.kind, fault.target
        if target == STORE:
            self._store.undergo(kind)
        elif kind is FaultKind.ADD and target in self._lives[desk]:
            servers[target] = _Server(target, self._lives[desk][target])
        elif kind is FaultKind.DRAIN:
            servers.pop(target, None)
        elif target in servers:
            servers[target].undergo(kind)

    def stack(self) -> StackState:
        """Return the stack as it is now, in the form the page has it."""
        return StackState(
            "",
            {
                desk: [_server(server) for server in servers.values()]
                for desk, servers in self._servers.items()
            },
            dict(self._settings),
            self._store_now() if self._has_store else None,
        )

    def _store_now(self) -> StoreState:
        state = "external" if self._external else self._store.state
        return StoreState(state, self._store.life.pid, self._program)


def _server(server: _Server) -> ServerState:
    return ServerState(
        server.name, server.state, pid=server.life.pid, instance=server.life.instance
    )


def _settings(variant: VariantResult | None) -> DeskSettings:
    used = variant.settings if variant else UsedSettings()
    return DeskSettings(variant.keeps if variant else "token", used.affinity, used.retry)


def _present(variant: VariantResult | None, lives: dict[str, list[Life]]) -> list[str]:
    """Return the servers a variant began with: all but those that were added later."""
    if variant is None:
        return []
    later = {fault.target for fault in variant.faults if fault.kind is FaultKind.ADD}
    return sorted(lives.keys() - later - {STORE})[:MOST_SERVERS]


def _lives(variant: VariantResult) -> dict[str, list[Life]]:
    """Return the lives of every server a variant names, and of the store if it was broken."""
    count = min(MOST_SERVERS, variant.settings.servers)
    lives = {chr(ord("A") + number): [Life()] for number in range(count)}
    for event in variant.events:
        if isinstance(event, FaultEvent):
            _live_on(lives, event)
        elif event.served_by and len(event.served_by) <= _NAME_CHARS:
            life = lives.setdefault(event.served_by, [Life()])[-1]
            life.instance = life.instance or event.instance
    return lives


def _live_on(lives: dict[str, list[Life]], fault: FaultEvent) -> None:
    name, seen = fault.target, fault.evidence
    if len(name) > _NAME_CHARS and name != STORE:
        return
    last = lives.setdefault(name, [Life()])[-1]
    if fault.kind is FaultKind.KILL:
        last.pid = seen.pid
        last.instance = last.instance or seen.instance
    elif fault.kind is FaultKind.RESTART:
        last.instance = last.instance or seen.was
        lives[name].append(Life(seen.instance))
