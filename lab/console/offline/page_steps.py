"""What the page orders for each step of a script, and when it goes on: steps.js in Python."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lab.console.lesson.plan import Step
from lab.console.offline.recording import RecordedOrder
from lab.core.errors import LabError
from lab.core.faults import FaultKind
from lab.core.json_object import JsonObject
from lab.shop.desks import DESKS

Events = list[JsonObject]
Order = tuple[str, JsonObject]
"""Path and body of a POST."""

SEATS: Mapping[str, str] = {"me": "John", "second": "Bob", "third": "Carol"}
_FAULTS = frozenset(kind.value for kind in FaultKind if kind is not FaultKind.ADD)


@dataclass
class PageSteps:
    """The page's memory while a script runs; `customers` are its own, by seat."""

    customers: Mapping[str, JsonObject]
    _sent: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict, init=False)

    def orders(self, step: Step, events: Events) -> list[Order]:
        """Return what the page orders for a step; `events` are those so far."""
        verb = str(step["do"])
        wanted: JsonObject = {name: step[name] for name in step if name not in ("do", "say")}
        match verb:
            case "say":
                return []
            case "stage" | "knobs":
                return [(f"/lab/{verb}", wanted)]
            case "store":
                return [("/lab/store", {"do": step["what"]})]
            case "add-server":
                desks = _desks(step)
                return [("/lab/add", {"desk": desks[0] if len(desks) == 1 else ""})]
            case "replay":
                return self._replays(step)
        if verb in _FAULTS:
            return [(f"/lab/{verb}", {"server": at}) for at in self._targets(step, events)]
        return [("/lab/act", self._act(step))]

    def take(self, step: Step, answered: list[RecordedOrder]) -> None:
        """Remember what was sent, so that it can be repeated."""
        if answered and answered[0].path == "/lab/act" and step["do"] != "replay":
            self._sent[_seat(step), str(step["do"])] = ops_of(answered)

    def _act(self, step: Step) -> JsonObject:
        order = {name: step[name] for name in step if name not in ("say", "as")}
        return {**order, "customer": self.customers[_seat(step)]["id"]}

    def _replays(self, step: Step) -> list[Order]:
        sent = self._sent[_seat(step), str(step["of"])]
        order = {name: value for name, value in self._act(step).items() if name != "of"}
        return [("/lab/act", {**order, "op": sent[desk], "desks": [desk]}) for desk in _desks(step)]

    def _targets(self, step: Step, events: Events) -> list[str]:
        if step["target"] != "served":
            return [f"{desk}/{step['target']}" for desk in _desks(step)]
        who = self.customers["me"]["who"]
        return [f"{desk}/{_served(events, desk, who)}" for desk in _desks(step)]


def ops_of(answered: list[RecordedOrder]) -> dict[str, str]:
    """Return the operations that these answers name, by desk."""
    found: dict[str, str] = {}
    for each in answered:
        if isinstance(each.answer, dict):
            found |= each.answer.get("ops", {})
    return found


def has_arrived(step: Step, answered: list[RecordedOrder]) -> Callable[[Events], bool]:
    """Return what says whether the page has seen all of a step, by the events since then."""
    verb, ops = str(step["do"]), set(ops_of(answered).values())
    if ops:
        return lambda events: ops <= {each["op"] for each in events if each["kind"] == "exchange"}
    counts = {
        "say": lambda events: True,
        "stage": lambda events: any(each["kind"] == "stage" for each in events),
        "knobs": _faults("knob", len([name for name in step if name not in ("do", "say")])),
        "store": _faults(str(step.get("what")), 1),
        "add-server": _faults("add", len(_desks(step))),
    }
    return counts.get(verb) or _faults(verb, len(answered))


def is_logged(answered: list[RecordedOrder]) -> Callable[[Events], bool]:
    """Return what says whether nginx has logged every request of a step."""
    ops = set(ops_of(answered).values())
    return lambda events: ops <= {each["op"] for each in events if each["kind"] == "request"}


def _faults(kind: str, count: int) -> Callable[[Events], bool]:
    return lambda events: (
        count <= sum(each["kind"] == "fault" and each["fault"] == kind for each in events)
    )


def _served(events: Events, desk: str, who: str) -> str:
    own = [
        str(each["served_by"])
        for each in events
        if (each["kind"], each.get("desk"), each.get("who")) == ("exchange", desk, who)
        and each["served_by"]
    ]
    if not own:
        raise LabError(f"no server of the {desk} desk has served the customer yet")
    return own[-1]


def _seat(step: Step) -> str:
    return str(step.get("as", "me"))


def _desks(step: Step) -> list[str]:
    desks = step.get("desks")
    return list(desks) if isinstance(desks, list) else list(DESKS)
