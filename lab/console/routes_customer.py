"""Routes of every open page: enter, be a customer, see the drawing."""

from flask import Blueprint, Response, jsonify, make_response, request
from werkzeug.exceptions import Forbidden, NotFound, UnprocessableEntity

from lab.console.diagram import sequence_of
from lab.console.page_customer import PageCustomer
from lab.console.request_bodies import any_text, read, read_object
from lab.console.services import Services
from lab.shop.desks import DESKS

_KEY = any_text(64)


def routes(services: Services) -> Blueprint:
    """Return the routes that every page on this machine may use."""
    routes = Blueprint("customer", __name__)
    _admit(routes, services)
    shop_routes(routes, services)
    return routes


def shop_routes(routes: Blueprint, services: Services) -> None:
    """Add the routes of the customers on the stage of `services`."""
    _serve_customers(routes, services)
    _draw(routes, services)


def _admit(routes: Blueprint, services: Services) -> None:
    @routes.post("/lab/enter")
    def enter() -> Response:
        guard, given = services.guard, read({}, {"ticket": _KEY, "proof": _KEY})
        if len(given) != 1:
            raise UnprocessableEntity('send {"ticket": …} to enter, or {"proof": …} to come back')
        if "proof" in given:
            if not guard.proves(given["proof"]):
                raise Forbidden("this browser has no rights here: run `lab open` for a ticket")
            response = make_response("", 204)
        elif guard.tickets.take(given["ticket"]):
            response = jsonify(key=guard.key)
        else:
            raise Forbidden("this ticket is used or unknown: run `lab open` for a new one")
        _set_cookie(response, guard.cookie_name, guard.cookie_value)
        return response

    @routes.get("/lab/whoami")
    def whoami() -> Response:
        guard, running = services.guard, services.running
        client = guard.watcher_of(request)
        response = jsonify(
            instructor=client.instructor,
            live=running is not None,
            own_stages=services.own_stages,
            life=guard.life if running else "",
            **({"room": True} if services.has_room else {}),
            epoch=running.feed.epoch if running else "",
        )
        if running and not client.id:
            _set_cookie(response, guard.browser_cookie_name, guard.new_browser())
        return response


def _serve_customers(routes: Blueprint, services: Services) -> None:
    @routes.post("/lab/customer")
    def customer() -> Response:
        customers = services.live.customers
        body = read({}, {"name": any_text(200), "id": _KEY})
        if len(body) != 1:
            raise UnprocessableEntity('send {"name": …} to enter, or {"id": …} to come back')
        if "name" in body:
            client = services.guard.watcher_of(request)
            return jsonify(customers.enter(body["name"], client).introduce())
        return jsonify(find_customer(services, body["id"]).introduce(again=True))

    @routes.post("/lab/act")
    def act() -> Response:
        customers = services.live.customers
        body, client = read_object(), services.guard.watcher_of(request)
        customer = find_customer(services, body.get("customer"))
        return jsonify(customers.act(customer, body, client))


def _draw(routes: Blueprint, services: Services) -> None:
    @routes.get("/lab/sequence/<desk>")
    def sequence(desk: str) -> Response:
        if desk not in DESKS:
            raise NotFound(f"there is no such desk: use {' or '.join(DESKS)}")
        drawing = sequence_of(services.live.feed.history(), desk)
        return Response(drawing, mimetype="text/html")


def _set_cookie(response: Response, name: str, value: str) -> None:
    """Set a cookie until the browser closes, hidden from scripts and from other pages."""
    response.set_cookie(name, value, path="/lab", httponly=True, samesite="Strict")


def find_customer(services: Services, key: object) -> PageCustomer:
    """Return the customer with this key, for the browser that asks; raise NotFound."""
    client = services.guard.watcher_of(request)
    customer = services.live.customers.find(key, client) if isinstance(key, str) else None
    if customer is None:
        raise NotFound("no customer has this id: enter again with a name")
    return customer
