"""Desks that differ from the book's in one way: a remedy, another design, the next version.

Each module runs like a desk, `python -m lab.altered.NAME --port N`, as a process of its own.
It takes the real desk, whichever it alters, and changes one thing; so the two apps of the
book stay a page each. The lab itself never imports these.
"""

import importlib
import os
from collections.abc import Callable

from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lab.shop import serve
from lab.shop.wire import ConfigError

STORE_TIMEOUT_S = 0.3


def main(desk: str, alter: Callable[[Flask], None], module: str) -> None:
    """Serve `desk` ("stateless_app" or "stateful_app") altered by `alter`, until it is stopped."""

    def create_app() -> Flask:
        app: Flask = importlib.import_module(desk).create_app()
        alter(app)
        return app

    serve.main(create_app, module, default_port=5003)


def store() -> tuple[Redis, str]:
    """Return a client of the store in ALTERED_STORE, and the prefix for every key in it."""
    url = os.environ.get("ALTERED_STORE")
    if not url:
        raise ConfigError("ALTERED_STORE must name a store: redis://HOST:PORT/0")
    client = Redis.from_url(
        url,
        socket_timeout=STORE_TIMEOUT_S,
        socket_connect_timeout=STORE_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return client, os.environ.get("ALTERED_KEY_PREFIX", "altered:")
