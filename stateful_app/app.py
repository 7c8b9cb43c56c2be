"""The stateful desk: between two requests the cart lives on the server."""

from flask import Blueprint, Flask, Response

from lab.shop import http
from lab.shop.cart import SessionState
from lab.shop.desks import ServerInfo
from lab.shop.validation import ADDRESS, ITEM, LOGIN, QUANTITY, read_json

from . import state
from .config import Config

desk = Blueprint("desk", __name__, url_prefix="/api")

Json = dict[str, object]


@desk.get("/products")
def products() -> Response:
    return http.products()


@desk.post("/login")
def login() -> Json:
    session = SessionState.begin(**read_json(LOGIN))
    state.start_session(session)
    return session.view()


@desk.get("/cart")
def view_cart() -> Json:
    return state.current_session().view()


@desk.post("/cart/items")
def add_item() -> tuple[Json, int]:
    session = state.current_session().add(**read_json(ITEM))
    state.store_session(session)
    return session.view(), 201


@desk.patch("/cart/items/<sku>")
def change_item(sku: str) -> Json:
    session = state.current_session().change(sku, **read_json(QUANTITY))
    state.store_session(session)
    return session.view()


@desk.delete("/cart/items/<sku>")
def remove_item(sku: str) -> Json:
    session = state.current_session().remove(sku)
    state.store_session(session)
    return session.view()


@desk.delete("/cart")
def clear_cart() -> Json:
    session = state.current_session().clear()
    state.store_session(session)
    return session.view()


@desk.put("/shipping-address")
def ship_to() -> Json:
    session = state.current_session().ship_to(**read_json(ADDRESS))
    state.store_session(session)
    return session.view() | {"shipping_address": session.shipping_address}


@desk.post("/checkout")
def check_out() -> tuple[Json, int]:
    order, session = state.current_session().check_out()
    state.store_session(session)
    return {"order": order}, 201


@desk.post("/logout")
def logout() -> tuple[str, int]:
    state.current_session()
    state.end_session()
    return "", 204


@desk.get("/server")
def server() -> ServerInfo:
    return http.server_info(state.carts_remembered())


def create_app(config: Config | None = None) -> Flask:
    """Return the app of this desk; `state` says where it keeps a cart."""
    config = config or Config.from_environ()
    app = Flask(__package__)
    http.install(app, config.instance_info)
    state.init_state(app, config)
    app.register_blueprint(desk)
    return app
