"""A desk that asks a supplier before it shows a cart: 20 ms of waiting, and simulated.

DESK names the desk ("stateful_app" or "stateless_app"). A server has one line to the
supplier, so it shows at most 50 carts a second however fast the machine is: work that
waits, where the waiting is the limit.
"""

import os
import threading
import time

from flask import Flask, request

from lab.variants import main

CALL_S = 0.020


def wait_for_supplier(app: Flask) -> None:
    """Let `GET /api/cart` wait for the line, and then for the simulated call."""
    line = threading.Lock()

    @app.before_request
    def call_supplier() -> None:
        if (request.method, request.path) == ("GET", "/api/cart"):
            with line:
                time.sleep(CALL_S)  # no condition to wait for: the call is this long


if __name__ == "__main__":
    main(os.environ.get("DESK", "stateless_app"), wait_for_supplier, "lab.variants.slow_supplier")
