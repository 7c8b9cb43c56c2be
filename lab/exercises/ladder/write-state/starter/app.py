"""A desk. `state` says where the cart is between two requests; leave this file as it is."""

import os

import state
from flask import Blueprint, Flask, Response

from lab.shop import http, serve
from lab.shop.cart import SessionState
from lab.shop.validation import ADDRESS, ITEM, LOGIN, QUANTITY, read_json

desk = Blueprint("desk", __name__, url_prefix="/api")

Json = dict[str, object]


@desk.get("/products")
def products() -> Response:
    return http.products()


@desk.post("/login")
def login() -> Json:
    session = SessionState.begin(**read_json(LOGIN))
    token = state.token_for(session)
    return session.view() | {"token": token}


@desk.get("/cart")
def view_cart() -> Json:
    return state.current_session().view()


@desk.post("/cart/items")
def add_item() -> tuple[Json, int]:
    session = state.current_session().add(**read_json(ITEM))
    token = state.token_for(session)
    return session.view() | {"token": token}, 201


@desk.patch("/cart/items/<sku>")
def change_item(sku: str) -> Json:
    session = state.current_session().change(sku, **read_json(QUANTITY))
    token = state.token_for(session)
    return session.view() | {"token": token}


@desk.delete("/cart/items/<sku>")
def remove_item(sku: str) -> Json:
    session = state.current_session().remove(sku)
    token = state.token_for(session)
    return session.view() | {"token": token}


@desk.delete("/cart")
def clear_cart() -> Json:
    session = state.current_session().clear()
    token = state.token_for(session)
    return session.view() | {"token": token}


@desk.put("/shipping-address")
def ship_to() -> Json:
    session = state.current_session().ship_to(**read_json(ADDRESS))
    token = state.token_for(session)
    return session.view() | {"shipping_address": session.shipping_address, "token": token}


@desk.post("/checkout")
def check_out() -> tuple[Json, int]:
    order, session = state.current_session().check_out()
    token = state.token_for(session)
    return {"order": order, "token": token}, 201


@desk.post("/logout")
def logout() -> tuple[str, int]:
    state.current_session()
    return "", 204


def create_app() -> Flask:
    """Return the app of this desk."""
    app = Flask("desk_app")
    app.config["LOGIN_CHALLENGE"] = 'Bearer realm="two-desks"'
    http.install(app, http.InstanceInfo.from_environ(os.environ))
    app.register_blueprint(desk)
    return app


if __name__ == "__main__":
    serve.main(create_app, "app", default_port=5003)
