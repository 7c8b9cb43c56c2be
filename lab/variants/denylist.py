"""The stateless desk with a denylist: logout means something, and every request asks a store.

Logout puts the visit into the store until its last token has expired; each request that
brings a token costs one operation there. So logging out works, and what the desk no longer
had is back: something all servers share, without which nobody is served (503).
"""

import importlib

from flask import Flask, request

from lab.shop.errors import NotLoggedIn
from lab.shop.redis.store import must_answer
from lab.variants import main, store
from lab.variants.current_session import life_s, visit_of

DESK = "stateless_app"


def alter(app: Flask) -> None:
    """Ask the denylist before each view that needs a visit."""
    state = importlib.import_module(f"{DESK}.state")
    client, prefix = store()

    @app.before_request
    def refuse_logged_out() -> None:
        if (visit := visit_of(state)) is None:
            return
        key = f"{prefix}out:{visit.visit_id}"
        with must_answer():
            if request.endpoint == "desk.logout":  # one operation too: it asks and puts
                is_out = not client.set(key, "1", nx=True, ex=life_s(app))
            else:
                is_out = bool(client.exists(key))
        if is_out:
            detail = "this token was logged out: POST /api/login to get a new one"
            raise NotLoggedIn(detail, state.INVALID_TOKEN)


if __name__ == "__main__":
    main(DESK, alter, "lab.variants.denylist")
