"""A desk that calls a supplier before it shows a cart: simulated, 20 ms of waiting.

DESK names the desk ("stateful_app" or "stateless_app"). A server makes one call at a time, so
it shows at most 50 carts a second on any machine: waiting, not computing, is the limit.
"""

import os
import threading
import time

from flask import Flask, request

from lab.variants import main

CALL_S = 0.020


def change(app: Flask) -> None:
    """Let `GET /api/cart` wait for its turn, and then for the simulated call."""
    turn = threading.Lock()

    @app.before_request
    def call_supplier() -> None:
        if (request.method, request.path) == ("GET", "/api/cart"):
            with turn:
                time.sleep(CALL_S)  # no condition to wait for: the call is this long


if __name__ == "__main__":
    main(os.environ.get("DESK", "stateless_app"), change, "lab.variants.slow_supplier")
