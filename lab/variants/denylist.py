"""The stateless desk with a denylist: logout takes effect, and every request asks a store.

Logout puts the login's nonce into the store until its last token has expired, and each request
with a token costs one store operation. Logging out works, and the servers share state again:
when the store does not answer, they answer 503.
"""

import importlib

from flask import Flask, request

from lab.shop import tokens
from lab.shop.redis.store import must_answer
from lab.variants import main, store
from lab.variants.session_of import lifetime_s, session_of_request

CHANGED_DESK = "stateless_app"


def change(app: Flask) -> None:
    """Ask the denylist before each view that needs a session."""
    state = importlib.import_module(f"{CHANGED_DESK}.state")
    client, prefix = store()

    @app.before_request
    def refuse_logged_out() -> None:
        if (session := session_of_request(state)) is None:
            return
        key = f"{prefix}out:{session.login_id}"
        with must_answer():
            if request.endpoint == "desk.logout":  # one operation both asks and sets
                is_out = not client.set(key, "1", nx=True, ex=lifetime_s(app))
            else:
                is_out = bool(client.exists(key))
        if is_out:
            raise tokens.invalid("this token was logged out")


if __name__ == "__main__":
    main(CHANGED_DESK, change, "lab.variants.denylist")
