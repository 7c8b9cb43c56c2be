"""The desk that remembers you: between two requests the cart lives on the server."""

from typing import Any

from flask import Blueprint, Flask, Response

from lab.shop import http
from lab.shop.cart import SessionState
from lab.shop.validation import ADDRESS, ITEM, LOGIN, QUANTITY, read_json

from . import state
from .config import Config

desk = Blueprint("desk", __name__, url_prefix="/api")

Json = dict[str, Any]


@desk.get("/products")
def products() -> Response:
    return http.products()


@desk.post("/login")
def login() -> Json:
    visit = SessionState.begin(**read_json(LOGIN))
    state.start_session(visit)
    return visit.view()


@desk.get("/cart")
def view_cart() -> Json:
    visit = state.current_visit()
    return visit.view()


@desk.post("/cart/items")
def add_item() -> tuple[Json, int]:
    visit = state.current_visit().add(**read_json(ITEM))
    state.store_cart(visit)
    return visit.view(), 201


@desk.patch("/cart/items/<sku>")
def change_item(sku: str) -> Json:
    visit = state.current_visit().change(sku, **read_json(QUANTITY))
    state.store_cart(visit)
    return visit.view()


@desk.delete("/cart/items/<sku>")
def remove_item(sku: str) -> Json:
    visit = state.current_visit().remove(sku)
    state.store_cart(visit)
    return visit.view()


@desk.delete("/cart")
def clear_cart() -> Json:
    visit = state.current_visit().clear()
    state.store_cart(visit)
    return visit.view()


@desk.put("/shipping-address")
def ship_to() -> Json:
    visit = state.current_visit().ship_to(**read_json(ADDRESS))
    state.store_cart(visit)
    return visit.view() | {"shipping_address": visit.shipping_address}


@desk.post("/checkout")
def check_out() -> tuple[Json, int]:
    order, visit = state.current_visit().check_out()
    state.store_cart(visit)
    return {"order": order}, 201


@desk.post("/logout")
def logout() -> tuple[str, int]:
    state.current_visit()
    state.end_session()
    return "", 204


@desk.get("/server")
def server() -> Json:
    return http.server_info(state.carts_remembered())


def create_app(config: Config | None = None) -> Flask:
    """Open one desk of the shop; `state` says where it keeps a cart."""
    config = config or Config.from_environ()
    app = Flask(__package__)
    http.install(app, config.plate)
    state.init_state(app, config)
    app.register_blueprint(desk)
    return app
