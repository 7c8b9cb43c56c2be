"""A remedy: a cart is sold once."""

import importlib

from flask import Flask, request

from lab.shop.errors import ShopError
from lab.shop.redis.store import must_answer
from lab.variants import store
from lab.variants.session_of import session_of_request


class SoldAlready(ShopError):
    """This cart has been sold already: answered 409."""

    status, slug, title = 409, "sold-already", "This cart has been sold already"


def change(app: Flask) -> None:
    """Remember each cart that is sold, in the store."""
    state = importlib.import_module("stateless_app.state")
    client, prefix = store()

    @app.before_request
    def remember() -> None:
        if request.endpoint != "desk.check_out":
            return
        session = session_of_request(state)
        key = f"{prefix}{session.login_id}:{session.revision}"
        with must_answer():
            is_new = client.set(key, "1", nx=True)
        if not is_new:
            raise SoldAlready("look at your cart: GET /api/cart")
