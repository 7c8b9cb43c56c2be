"""The instructor's routes: commands for servers, store and stage."""

import re
from collections.abc import Callable, Mapping

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import NotFound, UnprocessableEntity

from lab.console import settings
from lab.console.events import LessonEvent
from lab.console.lesson import questions
from lab.console.request_bodies import Rule, any_text, one_of, read, table, whole
from lab.console.routes_customer import find_customer
from lab.console.script_steps import StepPerformer
from lab.console.services import Services
from lab.console.stack_state import MOST_PAGE_SERVERS, FaultsDone, StackState
from lab.core.errors import LabError
from lab.core.faults import STORE, STORE_FAULTS, FaultKind
from lab.experiments import CONFIDENCE
from lab.shop.desks import DESKS

TARGETED = tuple(kind for kind in FaultKind if kind is not FaultKind.ADD)
MOST_CHOICES = 100
MOST_SCRIPT_STEPS = 100
LESSON_STATES = ("asking", "running", "done", "stopped", "over")
LESSON_SCENES = ("ask", "watch", "so")
CROWD_SHOPPERS = 10, 200
_WHO = re.compile(r"(?:c[0-9]{1,9})?")
_LESSON: Mapping[str, Rule] = {
    **{name: whole(0, MOST_CHOICES) for name in ("act", "step", "of")},
    "scene": one_of(*LESSON_SCENES),
    "since": whole(0, 10**12),
    "who": any_text(20),
    "second": any_text(20),
    "third": any_text(20),
}
_SETTING_RULES: Mapping[str, Rule] = {
    name: one_of(*allowed) for name, allowed in settings.ALL_SETTINGS.items()
}

_STAGE: Mapping[str, Rule] = {"servers": whole(1, MOST_PAGE_SERVERS), **_SETTING_RULES}


def routes(services: Services) -> Blueprint:
    """Return the routes that change the running stack, and report its state."""
    routes = Blueprint("instructor", __name__)

    @routes.before_request
    def only_the_instructor() -> None:
        # First check that something runs: `lab play` has no instructor.
        _ = services.live
        services.guard.admit_instructor(request)

    stage_routes(routes, services)
    _beside_the_stage(routes, services)
    return routes


def stage_routes(routes: Blueprint, services: Services) -> None:
    """Add the routes that change the stage of `services`."""
    _do_steps(routes, services)
    for kind in TARGETED:
        routes.add_url_rule(f"/lab/{kind}", kind, _fault(services, kind), methods=["POST"])
    _change_the_stage(routes, services)


def _fault(services: Services, kind: FaultKind) -> Callable[[], Response]:
    def obey() -> Response:
        target = read({"server": any_text(100)})["server"]
        playground = services.live.playground
        try:
            return jsonify(FaultsDone(playground.inject(kind, target)))
        except LabError as error:
            if target == STORE or _is_there(playground.status(), target):
                raise
            raise NotFound(str(error)) from None

    return obey


def _is_there(status: StackState, target: str) -> bool:
    desk, _, name = target.rpartition("/")
    chosen = [servers for each, servers in status.desks.items() if desk in ("", each)]
    return any(server.name == name for servers in chosen for server in servers)


def _do_steps(routes: Blueprint, services: Services) -> None:
    scripts = services.lesson.scripts()

    @routes.post("/lab/step")
    def step() -> Response:
        body = read(
            {"script": any_text(80), "step": whole(0, MOST_SCRIPT_STEPS), "customer": any_text(64)},
            {"settings": table({}, _STAGE)},
        )
        steps = scripts.get(body["script"], [])
        if body["step"] >= len(steps):
            raise UnprocessableEntity("the lesson has no such step: /lab/chapters has its scripts")
        customer = find_customer(services, body["customer"])
        client = services.guard.watcher_of(request)
        settings = body.get("settings", {})
        performer = StepPerformer(services.live, body["script"], customer, settings, client)
        return jsonify(performer.perform(steps[body["step"]]))


def _change_the_stage(routes: Blueprint, services: Services) -> None:
    @routes.post("/lab/add")
    def add() -> Response:
        desk = read({}, {"desk": one_of("", *DESKS)}).get("desk", "")
        return jsonify(FaultsDone(services.live.playground.add(desk)))

    @routes.post("/lab/store")
    def store() -> Response:
        kind = FaultKind(read({"do": one_of(*STORE_FAULTS)})["do"])
        return jsonify(FaultsDone(services.live.playground.inject(kind, STORE)))

    @routes.post("/lab/settings")
    def change() -> Response:
        return jsonify(services.live.playground.change(**read({}, _SETTING_RULES)))

    @routes.post("/lab/stage")
    def anew() -> Response:
        return jsonify(services.live.playground.reset(**read({}, _STAGE)))

    @routes.get("/lab/status")
    def status() -> Response:
        return jsonify(services.live.playground.status(ask=True))


def _beside_the_stage(routes: Blueprint, services: Services) -> None:
    @routes.post("/lab/crowd")
    def crowd() -> Response:
        shoppers = read({"shoppers": whole(*CROWD_SHOPPERS)})["shoppers"]
        return jsonify(run=services.live.experiment_run.start_crowd(shoppers))

    @routes.post("/lab/run")
    def run() -> Response:
        body = read(
            {"experiment": any_text(60)},
            {
                "predicted": whole(0, MOST_CHOICES),
                "confidence": one_of(*CONFIDENCE),
            },
        )
        name = body.pop("experiment")
        if questions.bundled(name) is None:
            raise NotFound("no bundled experiment has this name: `lab list` shows all")
        return jsonify(run=services.live.experiment_run.start(name, **body))

    @routes.post("/lab/lesson")
    def lesson() -> Response:
        chapters = [each.slug for each in services.lesson.chapters]
        where = read({"chapter": one_of(*chapters), "state": one_of(*LESSON_STATES)}, _LESSON)
        for name in ("who", "second", "third"):
            if not _WHO.fullmatch(where.get(name, "")):
                raise UnprocessableEntity(f'{name}: a customer of this page, such as "c1", or ""')
        event = LessonEvent(**where)
        services.on_lesson(event, services.guard.watcher_of(request).id)
        return jsonify(id=services.live.feed.publish(event).id)

    @routes.post("/lab/ticket")
    def ticket() -> Response:
        read({})
        return jsonify(ticket=services.guard.tickets.issue())
