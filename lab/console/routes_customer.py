"""Routes of every open page: enter, be a customer, receive events."""

from flask import Blueprint, Response, jsonify, make_response, request
from werkzeug.exceptions import Forbidden, NotFound, UnprocessableEntity

from lab.console.customers import PageCustomer
from lab.console.diagram import sequence_of
from lab.console.request_bodies import any_text, read, read_object
from lab.console.services import Services
from lab.shop.desks import DESKS

_KEY = any_text(64)


def routes(services: Services) -> Blueprint:
    """Return the routes of the running lab that every page on this machine may use."""
    routes = Blueprint("customer", __name__)
    _admit(routes, services)
    _serve_customers(routes, services)
    _stream_events(routes, services)
    return routes


def _admit(routes: Blueprint, services: Services) -> None:
    @routes.post("/lab/enter")
    def enter() -> Response:
        guard = services.guard
        if not guard.tickets.take(read({"ticket": _KEY})["ticket"]):
            raise Forbidden("this ticket is used or unknown: run `lab open` for a new one")
        response = make_response("", 204)
        # Until the browser closes; not readable by scripts, not sent with requests of other pages.
        response.set_cookie(
            guard.cookie_name, guard.cookie_value, path="/lab", httponly=True, samesite="Strict"
        )
        return response

    @routes.get("/lab/whoami")
    def whoami() -> dict[str, str | bool]:
        running = services.running
        return {
            "instructor": services.guard.is_instructor(request),
            "live": running is not None,
            "epoch": running.feed.epoch if running else "",
        }


def _serve_customers(routes: Blueprint, services: Services) -> None:
    @routes.post("/lab/customer")
    def customer() -> Response:
        customers = services.live.customers
        body = read({}, {"name": any_text(200), "id": _KEY})
        if len(body) != 1:
            raise UnprocessableEntity('send {"name": …} to enter, or {"id": …} to come back')
        if "name" in body:
            return jsonify(customers.enter(body["name"]).introduce())
        return jsonify(_find(services, body["id"]).introduce(again=True))

    @routes.post("/lab/act")
    def act() -> Response:
        customers = services.live.customers
        body = read_object()
        return jsonify(customers.act(_find(services, body.get("customer")), body))


def _stream_events(routes: Blueprint, services: Services) -> None:
    @routes.get("/lab/events")
    def events() -> Response:
        stream = services.live.feed.stream(
            request.headers.get("Last-Event-ID"),
            instructor=services.guard.is_instructor(request),
        )
        # Without this header nginx would buffer the events.
        unbuffered = {"X-Accel-Buffering": "no"}
        return Response(stream, mimetype="text/event-stream", headers=unbuffered)

    @routes.get("/lab/sequence/<desk>")
    def sequence(desk: str) -> Response:
        if desk not in DESKS:
            raise NotFound(f"there is no such desk: use {' or '.join(DESKS)}")
        drawing = sequence_of(services.live.feed.history(), desk)
        return Response(drawing, mimetype="text/html")


def _find(services: Services, key: object) -> PageCustomer:
    customer = services.live.customers.find(key) if isinstance(key, str) else None
    if customer is None:
        raise NotFound("no customer has this id: enter again with a name")
    return customer
