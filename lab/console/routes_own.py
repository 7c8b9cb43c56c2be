"""The routes of a learner's own stage: the same as those of the stage, below /lab/own."""

from dataclasses import dataclass

import msgspec
from flask import Blueprint, Response, jsonify, request

from lab.console.own_stages import OwnStages
from lab.console.request_bodies import read
from lab.console.routes_customer import shop_routes
from lab.console.routes_instructor import stage_routes
from lab.console.services import LiveConsole, Services

OWN = "/lab/own"
OWN_EVENTS = f"{OWN}/lab/events"


@dataclass(frozen=True, kw_only=True)
class OwnServices(Services):
    """The console as its own browser sees it: `live` is that browser's stage."""

    stages: OwnStages

    @property
    def live(self) -> LiveConsole:
        """Return the stage of the browser that sends this request; LabError if it has none."""
        return self.stages.live(self.guard.watcher_of(request).id)


def routes(services: Services, stages: OwnStages) -> tuple[Blueprint, Blueprint]:
    """Return the routes that ask for a stage, and those of the stage itself.

    Every browser may do everything on its own stage, except run experiments beside it.
    """
    asking = Blueprint("asking", __name__)

    @asking.post(OWN)
    def ask() -> Response:
        read({})
        answer = stages.ask(services.guard.watcher_of(request).id)
        if answer.state == "waiting" and services.recorded and services.recorded.is_at_hand():
            answer = msgspec.structs.replace(answer, recorded=True)
        return jsonify(answer)

    @asking.post(f"{OWN}/leave")
    def leave() -> tuple[str, int]:
        read({})
        stages.leave(services.guard.watcher_of(request).id)
        return "", 204

    own = OwnServices(services.guard, services.runs, services.lesson, stages=stages)
    stage = Blueprint("own", __name__, url_prefix=OWN)
    shop_routes(stage, own)
    stage_routes(stage, own)
    return asking, stage
