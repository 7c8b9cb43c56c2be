"""A desk that lets each revision of a cart be changed once: what If-Match does, with a store.

Each write first claims its visit and revision in the store, which only one request can; a
claim is given back if the write was refused. So a token is good for one change (a replayed
checkout is 409 "stale-slip"), and of two tabs with the same slip one is told so.

A write costs one operation (two if it was refused), a read none: an old slip can still be
read until it expires, after logout too, though logout, being a write, ends all changes. A
server that dies between claim and answer has used the slip up for nothing.

The same check fits the stateful desk (DESK=stateful_app, with its own store).
"""

import importlib
import os

from flask import Flask, Response, g, request

from lab.shop.errors import ShopError
from lab.shop.redis.store import must_answer
from lab.variants import main, store
from lab.variants.current_session import life_s, visit_of

DESK = os.environ.get("DESK", "stateless_app")
SAFE = {"GET", "HEAD"}


class StaleToken(ShopError):
    """The cart has gone on since this slip was written."""

    status, slug, title = 409, "stale-slip", "This cart has been changed by another request"


def alter(app: Flask) -> None:
    """Claim the revision before each write, and give it back if nothing was written."""
    state = importlib.import_module(f"{DESK}.state")
    client, prefix = store()

    @app.before_request
    def claim() -> None:
        visit = visit_of(state)
        if visit is None or request.method in SAFE:
            return
        key = f"{prefix}used:{visit.visit_id}:{visit.revision}"
        with must_answer():
            if not client.set(key, "1", nx=True, ex=life_s(app)):
                raise StaleToken("GET /api/cart for the newest cart you can see, then try again")
        g.claim = key

    @app.after_request
    def give_back(response: Response) -> Response:
        if "claim" in g and response.status_code >= 400:
            with must_answer():
                client.delete(g.claim)
        return response


def _share_the_sessions_store() -> None:
    for ours, theirs in (("STORE", "STATEFUL_STORE"), ("KEY_PREFIX", "STATEFUL_KEY_PREFIX")):
        if theirs in os.environ:
            os.environ.setdefault(f"ALTERED_{ours}", os.environ[theirs])


if __name__ == "__main__":
    _share_the_sessions_store()
    main(DESK, alter, "lab.variants.revision")
