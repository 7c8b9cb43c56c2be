"""The stack as two kept lanes remember it: who was there, and what the lab did to them.

Nothing is made up: a port is never known, a process only where an answer or a fault names it.
"""

from dataclasses import dataclass, field
from typing import Any

from lab.core.faults import STATE_AFTER, STORE, FaultKind
from lab.report.plain import events, is_fault

Json = dict[str, Any]

_LETTERS = 26
_NAME_CHARS = 2  # servers are letters


@dataclass
class Life:
    """One process of a server, from its start to its end; None for what nobody told."""

    instance: str | None = None
    pid: int | None = None


@dataclass
class _Server:
    name: str
    lives: list[Life] = field(default_factory=lambda: [Life()])
    state: str = "up"
    past: int = 0  # lives that are over

    @property
    def life(self) -> Life:
        return Life() if self.state == "dead" else self.lives[min(self.past, len(self.lives) - 1)]

    def undergo(self, kind: str) -> None:
        self.state = STATE_AFTER.get(kind, self.state)
        self.past += kind == FaultKind.RESTART


class RecordedStack:
    """The stack of two lanes, by desk (None for an empty desk), as time goes on.

    `program` says what the session store was: "Valkey 8.1.8".
    """

    def __init__(self, lanes: dict[str, Json | None], program: str = "") -> None:
        self._knobs = {desk: _knobs(lane) for desk, lane in lanes.items()}
        self._program = program
        self._lives = {desk: _lives(lane) if lane else {} for desk, lane in lanes.items()}
        self._servers = {
            desk: {name: _Server(name, lives[name]) for name in _present(lanes[desk], lives)}
            for desk, lives in self._lives.items()
        }
        # Each lane broke a store of its own time: whose process it was is told of one only.
        broke = [lives[STORE] for lives in self._lives.values() if STORE in lives]
        self._store = _Server(STORE, broke[0] if len(broke) == 1 else [Life()])
        self._external = any("://" in knobs["store"] for knobs in self._knobs.values())
        shared = [knobs["store"] for knobs in self._knobs.values()]
        self._has_store = bool(broke) or self._external or "redis" in shared

    def undergo(self, desk: str, kind: str, target: str) -> None:
        """Go on to the moment after a fault of a lane's record."""
        servers = self._servers[desk]
        if target == STORE:
            self._store.undergo(kind)
        elif kind == FaultKind.ADD and target in self._lives[desk]:
            servers[target] = _Server(target, self._lives[desk][target])
        elif kind == FaultKind.DRAIN:
            servers.pop(target, None)
        elif target in servers:
            servers[target].undergo(kind)

    def stack(self) -> Json:
        """Return the stack as it is now, in the form the page has it."""
        return {
            "origin": "",
            "desks": {
                desk: [_told(server) for server in servers.values()]
                for desk, servers in self._servers.items()
            },
            "knobs": {desk: dict(knobs) for desk, knobs in self._knobs.items()},
            "store": self._told_store() if self._has_store else None,
        }

    def _told_store(self) -> Json:
        state = "external" if self._external else self._store.state
        return {"state": state, "pid": self._store.life.pid, "program": self._program}


def _told(server: _Server) -> Json:
    return {
        "name": server.name,
        "state": server.state,
        "port": None,
        "pid": server.life.pid,
        "instance": server.life.instance,
        "carts_remembered": None,
    }


def _knobs(lane: Json | None) -> Json:
    knobs = lane["knobs"] if lane else {}
    store = "token" if not lane or lane["app"] == "stateless" else knobs.get("store") or "?"
    return {
        "store": str(store),
        "affinity": str(knobs.get("affinity", "none")),
        "retry": str(knobs.get("retry", "off")),
        "cache": None,  # a record does not say
    }


def _present(lane: Json | None, lives: dict[str, list[Life]]) -> list[str]:
    """Return the servers a lane began with: by its knobs, and whoever was not added later."""
    if lane is None:
        return []
    later = {str(fault["target"]) for fault in lane["faults"] if fault["kind"] == FaultKind.ADD}
    return sorted(lives.keys() - later - {STORE})[:_LETTERS]


def _lives(lane: Json) -> dict[str, list[Life]]:
    """Return the lives of every server a lane names, and of the store if it was broken."""
    count = min(_LETTERS, int(lane["knobs"].get("servers") or 0))
    lives = {chr(ord("A") + number): [Life()] for number in range(count)}
    for event in events(lane):
        if is_fault(event):
            _live_on(lives, event)
            continue
        name = event["replica"]
        if isinstance(name, str) and 0 < len(name) <= _NAME_CHARS:
            life = lives.setdefault(name, [Life()])[-1]
            life.instance = life.instance or event["instance"]
    return lives


def _live_on(lives: dict[str, list[Life]], fault: Json) -> None:
    name, evidence = str(fault["target"]), fault["evidence"]
    if len(name) > _NAME_CHARS and name != STORE:
        return
    last = lives.setdefault(name, [Life()])[-1]
    if fault["kind"] == FaultKind.KILL:
        last.pid = evidence.get("pid")
        last.instance = last.instance or evidence.get("instance")
    elif fault["kind"] == FaultKind.RESTART:
        last.instance = last.instance or evidence.get("was")
        lives[name].append(Life(evidence.get("instance")))
