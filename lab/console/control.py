"""The control calls of a running lab: kill, restart, status, for whoever holds the secret."""

import hmac
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, json, request
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)

from lab.errors import LabError
from lab.stack import Lane, Replica, Stack

SECRET_HEADER = "X-Lab-Secret"
Json = dict[str, Any]


class Control:
    """What may be done to a running stack, one thing at a time."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._one_at_a_time = threading.Lock()

    def kill(self, target: str) -> list[Json]:
        """Kill "B" at every desk, or "stateful/B" at one; return the evidence of each death."""

        def end(lane: str, replica: Replica) -> Json:
            death = replica.kill()
            told = {**vars(death), "name": replica.name}
            return {"desk": lane, "confirmed": death.confirmed, **told}

        return self._each(target, end, act_needs_life=True)

    def restart(self, target: str) -> list[Json]:
        """Start "B" (or "stateful/B") again, killing it first if it runs."""

        def again(lane: str, replica: Replica) -> Json:
            was = replica.instance
            return {"desk": lane, "name": replica.name, "was": was, "instance": replica.restart()}

        return self._each(target, again)

    def status(self) -> Json:
        """Return every server with its state, and what it says of itself if it is up."""
        return {
            "origin": self._stack.origin,
            "desks": {name: _lane_status(lane) for name, lane in self._stack.lanes.items()},
        }

    def _each(
        self, target: str, act: Callable[[str, Replica], Json], act_needs_life: bool = False
    ) -> list[Json]:
        desk, _, name = target.rpartition("/")
        lanes = self._stack.lanes
        chosen = [lane for lane in lanes if desk in ("", lane) and name in lanes[lane].replicas]
        if not chosen:
            known = ", ".join(
                f"{lane}/{server}" for lane in lanes for server in lanes[lane].replicas
            )
            raise LabError(
                f"no server {target!r}: there are {known}; a letter alone means both desks"
            )
        with self._one_at_a_time:
            living = [lane for lane in chosen if lanes[lane].replicas[name].state != "dead"]
            # Already dead at one desk is no reason to spare the other.
            if act_needs_life and living:
                chosen = living
            return [act(lane, lanes[lane].replicas[name]) for lane in chosen]


def create_app(control: Control, secret: str, allowed_hosts: frozenset[str]) -> Flask:
    """Return the control service; only requests to `allowed_hosts` with the secret are obeyed."""
    app = Flask("lab.console")
    app.config["MAX_CONTENT_LENGTH"] = 4096

    @app.before_request
    def guard() -> None:
        # Whoever can kill processes is asked for more than a browser would send by itself:
        # the right Host (a rebound name is not it), no foreign Origin, a header of our own.
        if request.host not in allowed_hosts:
            raise Forbidden("this lab answers only to its own address")
        if request.origin and request.origin.removeprefix("http://") not in allowed_hosts:
            raise Forbidden("this lab takes no orders from other pages")
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), secret.encode()):
            raise Forbidden(f"the header {SECRET_HEADER} must carry the secret of `lab up`")

    @app.post("/lab/kill")
    def kill() -> Json:
        return {"killed": control.kill(_target())}

    @app.post("/lab/restart")
    def restart() -> Json:
        return {"restarted": control.restart(_target())}

    @app.get("/lab/status")
    def status() -> Json:
        return control.status()

    app.register_error_handler(HTTPException, _problem)
    app.register_error_handler(LabError, lambda error: _problem(NotFound(str(error))))
    return app


def _target() -> str:
    if not request.is_json:
        raise UnsupportedMediaType('send JSON: {"server": "B"}')
    body = request.get_json()
    if (
        not isinstance(body, dict)
        or body.keys() != {"server"}
        or not isinstance(body["server"], str)
    ):
        raise BadRequest('send one field: {"server": "B"}')
    return body["server"]


def _problem(error: HTTPException) -> Response:
    body = {"title": error.name, "status": error.code, "detail": error.description}
    response = Response(json.dumps(body), error.code, mimetype="application/problem+json")
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or ())
    return response


def _lane_status(lane: Lane) -> list[Json]:
    return [
        {
            "name": replica.name,
            "state": replica.state,
            "port": replica.port,
            "pid": replica.pid if replica.state != "dead" else None,
            "instance": replica.instance if replica.state != "dead" else None,
            "carts_remembered": replica.server_info()["carts_remembered"]
            if replica.state == "up"
            else None,
        }
        for replica in lane.replicas.values()
    ]
