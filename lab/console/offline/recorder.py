"""Performs the lesson's scripts on a running console, as the page does, and keeps what happens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

from lab.console.lesson.plan import ChapterStep, Lesson
from lab.console.offline.recording import Answered, RecordedScript, RecordedStep
from lab.console.playback import shortened
from lab.console.script_steps import SCRIPT_CUSTOMERS
from lab.console.settings import CHOICES
from lab.core.errors import LabError
from lab.core.json_object import JsonObject
from lab.core.redaction import shorten
from lab.processes.waiting import wait_until
from lab.shop.desks import DESKS

LOGGED_S = 1.0  # nginx sends its log line as a datagram, which may be lost
PLAIN_SETTINGS = {name: values[0] for name, values in CHOICES.items()} | {"cache": "off"}
Events = list[JsonObject]
Chosen = dict[str, str]


class ConsoleClient(Protocol):
    """A running console as its page sees it."""

    def post(self, path: str, body: Mapping[str, object]) -> tuple[int, object]:
        """Return status and answer of an order."""

    def get(self, path: str) -> Answered:
        """Return the answer to GET."""

    def events(self) -> Events:
        """Return the events of the stage so far."""

    def refresh(self) -> None:
        """Publish the changes at the servers now."""


class NotRecorded(LabError):
    """A script did not come to its end."""


def runs(lesson: Lesson) -> Iterator[tuple[str, Chosen]]:
    """Yield every script of the lesson with the settings it is to be recorded with.

    A chapter's script is recorded as it is, and with each choice that changes what it shows.
    Affinity and store are chosen together, too, where a server is killed: a customer then
    sticks to a server that is gone, and the store has the cart.
    """
    for name, steps in lesson.scripts().items():
        yield name, {}
        if not name.startswith("scenes/"):
            yield from ((name, chosen) for chosen in _choices(steps))


def _choices(steps: list[ChapterStep]) -> list[Chosen]:
    """Return the other choices of a script's settings."""
    stage, done = steps[0], {step["do"] for step in steps}
    others = {
        name: [{name: value} for value in values if value != stage[name]]
        for name, values in CHOICES.items()
        if name != "store" or "store" not in done  # it breaks the store, and needs it
    }
    alone = [each for found in others.values() for each in found]
    if "kill" not in done or "store" not in others:
        return alone
    return alone + [one | other for one, other in product(others["affinity"], others["store"])]


@dataclass
class LessonRecorder:
    """Records one script after the other on one console."""

    console: ConsoleClient
    lesson: Lesson
    _customers: dict[str, JsonObject] = field(default_factory=dict, init=False)

    def enter(self) -> dict[str, JsonObject]:
        """Let the page's customers enter; return them by name, as they are kept."""
        for each, name in SCRIPT_CUSTOMERS.items():
            status, answer = self.console.post("/lab/customer", {"name": name})
            if status != 200 or not isinstance(answer, dict):
                raise LabError(f"the console did not let {name} enter: {answer}")
            self._customers[each] = answer
        return {each["name"]: {**each, "id": each["who"]} for each in self._customers.values()}

    def record(self, name: str, settings: Chosen) -> RecordedScript:
        """Perform a script from its beginning to its end; NotRecorded if a step is refused."""
        self._post("/lab/stage", PLAIN_SETTINGS)  # not the settings of the script before it
        steps = self.lesson.scripts()[name]
        played = [self._perform(name, settings, n, step) for n, step in enumerate(steps)]
        drawings = {path: self.console.get(path) for path in (f"/lab/sequence/{d}" for d in DESKS)}
        return RecordedScript(name, settings, played, drawings)

    def _perform(self, name: str, settings: Chosen, number: int, step: ChapterStep) -> RecordedStep:
        events = self.console.events()
        last = int(events[-1]["id"]) if events else 0
        customer = self._customers[str(step.get("as", "me"))]["id"]
        order = {"script": name, "step": number, "customer": customer, "settings": settings}
        answer = self._post("/lab/step", order)
        ops = set(answer["ops"])
        wait_until(lambda: ops <= self._logged(last), LOGGED_S)
        self.console.refresh()
        return RecordedStep(_kept(answer), [_event(each) for each in self._since(last)])

    def _post(self, path: str, body: Mapping[str, object]) -> JsonObject:
        status, answer = self.console.post(path, body)
        if status != 200 or not isinstance(answer, dict):
            why = answer.get("detail") if isinstance(answer, dict) else answer
            raise NotRecorded(f"{path} was answered with {status}: {why}")
        return answer

    def _logged(self, last: int) -> set[str]:
        return {each["op"] for each in self._since(last) if each["kind"] == "request"}

    def _since(self, last: int) -> Events:
        return [event for event in self.console.events() if event["id"] > last]


def _event(event: JsonObject) -> JsonObject:
    """Return an event without what makes a recording large, and its page does not need.

    The catalogue alone is 50 kB each time; nginx's id of a request is random, and says nothing
    where the request has an op.
    """
    if event["kind"] == "request" and event["op"]:
        return {**event, "request_id": ""}
    if event["kind"] != "exchange" or "response" not in event:
        return event
    response = event["response"]
    return {**event, "response": {**response, "body": shortened(response["body"])}}


def _kept(answer: JsonObject) -> JsonObject:
    """Return an answer with session ids shortened; tokens stay: their key no longer exists."""
    shown = {
        desk: {**each, "cookie": shorten(each["cookie"]) if each["cookie"] else each["cookie"]}
        for desk, each in answer["credentials"].items()
    }
    return {"ops": answer["ops"], "credentials": shown}
