"""Performs the lesson's scripts on a running console, as the page does, and keeps what happens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, product
from typing import Protocol

import msgspec

from lab.console.lesson.plan import Lesson, Step
from lab.console.offline.page_steps import SEATS, Events, PageSteps, has_arrived, is_logged
from lab.console.offline.recording import (
    Answered,
    RecordedOrder,
    RecordedScript,
    RecordedStep,
    key_of,
)
from lab.core.errors import LabError
from lab.core.json_object import JsonObject
from lab.core.redaction import shorten
from lab.processes.waiting import wait_until
from lab.shop.desks import DESKS

SEEN_S = 15.0
LOGGED_S = 1.0  # nginx sends its log line as a datagram, which may be lost
CHOICES: Mapping[str, tuple[str, ...]] = {
    "affinity": ("none", "cookie"),
    "store": ("memory", "redis"),
    "retry": ("off", "on"),
}
"""The settings that change what a script shows, by name; the first value is the usual one."""
PLAIN = {name: values[0] for name, values in CHOICES.items()} | {"cache": "off"}


class ConsoleClient(Protocol):
    """A running console as its page sees it."""

    def post(self, path: str, body: Mapping[str, object]) -> tuple[int, object]:
        """Return status and answer of an order."""

    def get(self, path: str) -> Answered:
        """Return the answer to GET."""

    def events(self) -> Events:
        """Return the events of the stage so far."""

    def refresh(self) -> None:
        """Have what has changed at the servers published now."""


class NotRecorded(LabError):
    """A script did not come to its end."""


def scripts(lesson: Lesson) -> Iterator[tuple[str, list[Step]]]:
    """Yield every script of the lesson with a title, and its variants by the choices."""
    for chapter in lesson.chapters:
        for act in chapter.acts:
            if act.steps:
                title = f"{chapter.title}: {act.label}"
                yield title, act.steps
                yield from _variants(title, act.steps)
    for scene in lesson.scenes:
        yield scene.title, scene.steps


def _variants(title: str, steps: list[Step]) -> Iterator[tuple[str, list[Step]]]:
    first, *rest = steps
    if first["do"] != "stage":
        return
    for chosen in _choices(first):
        if _fits(rest, chosen):
            how = ", ".join(f"{name} {value}" for name, value in chosen.items())
            yield f"{title}, {how}", [{**first, **chosen}, *rest]


def _choices(stage: Step) -> list[dict[str, str]]:
    """Return what else can be chosen: one setting, or all together where the stage leaves them."""
    others = {
        name: [value for value in values if value != stage.get(name, values[0])]
        for name, values in CHOICES.items()
    }
    if all(name in stage for name in CHOICES):
        return [{name: value} for name, values in others.items() for value in values]
    combined = product(*([{}, *({name: value} for value in others[name])] for name in others))
    together = [dict(chain.from_iterable(each.items() for each in parts)) for parts in combined]
    return [each for each in together if each]


def _fits(rest: Sequence[Step], chosen: Mapping[str, str]) -> bool:
    """Return whether the script can run so: a store that it breaks must be there."""
    broken = any(step["do"] == "store" for step in rest)
    return not broken or chosen.get("store", "redis") == "redis"


@dataclass
class LessonRecorder:
    """Records one script after the other on one console."""

    console: ConsoleClient
    _customers: dict[str, JsonObject] = field(default_factory=dict, init=False)

    def enter(self) -> dict[str, JsonObject]:
        """Let the page's customers enter; return them by name, as they are kept."""
        for seat, name in SEATS.items():
            status, answer = self.console.post("/lab/customer", {"name": name})
            if status != 200 or not isinstance(answer, dict):
                raise LabError(f"the console did not let {name} enter: {answer}")
            self._customers[seat] = answer
        return {each["name"]: {**each, "id": each["who"]} for each in self._customers.values()}

    def record(self, steps: list[Step]) -> RecordedScript:
        """Perform a script from its beginning to its end; NotRecorded if a step is refused."""
        if steps[0]["do"] == "stage" and not CHOICES.keys() <= steps[0].keys():
            self._order("/lab/stage", dict(PLAIN))  # not what the script before it had
        memory = PageSteps(self._customers)
        played = [self._perform(step, memory) for step in steps]
        drawings = {path: self.console.get(path) for path in (f"/lab/sequence/{d}" for d in DESKS)}
        return RecordedScript(key_of(steps), played, drawings)

    def _perform(self, step: Step, memory: PageSteps) -> RecordedStep:
        events = self.console.events()
        last = int(events[-1]["id"]) if events else 0
        done = [self._order(*order) for order in memory.orders(step, events)]
        memory.take(step, done)
        arrived, logged = has_arrived(step, done), is_logged(done)
        if not wait_until(lambda: arrived(self._since(last)), SEEN_S):
            raise NotRecorded(f"{step['do']}: its events have not arrived")
        wait_until(lambda: logged(self._since(last)), LOGGED_S)
        self.console.refresh()
        return RecordedStep([self._kept(each) for each in done], self._since(last))

    def _order(self, path: str, body: JsonObject) -> RecordedOrder:
        status, answer = self.console.post(path, body)
        if status != 200:
            why = answer.get("detail") if isinstance(answer, dict) else answer
            raise NotRecorded(f"{path} was answered with {status}: {why}")
        return RecordedOrder(path, body, status, answer)

    def _since(self, last: int) -> Events:
        return [event for event in self.console.events() if event["id"] > last]

    def _kept(self, order: RecordedOrder) -> RecordedOrder:
        """Without keys of customers; of credentials the token only, whose key is thrown away."""
        names = {each["id"]: each["who"] for each in self._customers.values()}
        body, answer = dict(order.body), order.answer
        if "customer" in body:
            body["customer"] = names[body["customer"]]
        if isinstance(answer, dict) and "credentials" in answer:
            shown = {desk: _shown(each) for desk, each in answer["credentials"].items()}
            answer = {**answer, "credentials": shown}
        return msgspec.structs.replace(order, body=body, answer=answer)


def _shown(credentials: JsonObject) -> JsonObject:
    cookie = credentials["cookie"]
    return {**credentials, "cookie": shorten(cookie) if cookie else cookie}
