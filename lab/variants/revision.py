"""A desk that accepts one change of each revision of a cart, as If-Match does, with a store.

Each write first reserves its login and revision in the store, which only one request can do;
a refused write releases the reservation. So a token is good for one change: a replayed checkout
is 409 "stale-cart", and so is the second of two tabs with the same token.

A write costs one store operation (two if it is refused), a read none. An old token can still
read until it expires, even after logout; logout is a write, so it ends all changes. If a server
dies between reservation and response, the token is used up without a change.

The same check works at the stateful desk (DESK=stateful_app, with its own store).
"""

import importlib
import os

from flask import Flask, Response, g, request

from lab.shop.errors import ShopError
from lab.shop.redis.store import must_answer
from lab.variants import main, store
from lab.variants.session_of import lifetime_s, session_of_request

NAMED_DESK = os.environ.get("DESK", "stateless_app")
SAFE = {"GET", "HEAD"}


class StaleCart(ShopError):
    """Another request has already changed this revision of the cart."""

    status, slug, title = 409, "stale-cart", "This cart has been changed by another request"


def change(app: Flask) -> None:
    """Reserve the revision before each write; release it if nothing was written."""
    state = importlib.import_module(f"{NAMED_DESK}.state")
    client, prefix = store()

    @app.before_request
    def reserve() -> None:
        session = session_of_request(state)
        if session is None or request.method in SAFE:
            return
        key = f"{prefix}used:{session.login_id}:{session.revision}"
        with must_answer():
            if not client.set(key, "1", nx=True, ex=lifetime_s(app)):
                raise StaleCart("GET /api/cart for the newest cart you can see, then try again")
        g.reserved = key

    @app.after_request
    def release(response: Response) -> Response:
        if "reserved" in g and response.status_code >= 400:
            with must_answer():
                client.delete(g.reserved)
        return response


def _use_the_session_store() -> None:
    for ours, theirs in (("STORE", "STATEFUL_STORE"), ("KEY_PREFIX", "STATEFUL_KEY_PREFIX")):
        if theirs in os.environ:
            os.environ.setdefault(f"VARIANT_{ours}", os.environ[theirs])


if __name__ == "__main__":
    _use_the_session_store()
    main(NAMED_DESK, change, "lab.variants.revision")
