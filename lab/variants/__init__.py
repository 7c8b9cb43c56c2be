"""Desks that differ from the book's in one way: a remedy, another design, the next version.

Each module runs like a desk, `python -m lab.variants.NAME --port N`, as a process of its own.
It takes the real desk, whichever it alters, and changes one thing; so the two apps of the
book stay a page each. The lab itself never imports these.
"""

import importlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask

from lab.shop import serve
from lab.shop.http import ConfigError
from lab.shop.redis.store_url import FORMS

if TYPE_CHECKING:
    from redis import Redis


def main(desk: str, alter: Callable[[Flask], None], module: str) -> None:
    """Serve `desk` ("stateless_app" or "stateful_app") altered by `alter`, until it is stopped."""

    def create_app() -> Flask:
        app: Flask = importlib.import_module(desk).create_app()
        alter(app)
        return app

    serve.main(create_app, module, default_port=5003)


def store() -> "tuple[Redis, str]":
    """Return a client of the store in ALTERED_STORE, and the prefix for every key in it."""
    url = os.environ.get("ALTERED_STORE")
    if not url:
        raise ConfigError(f"ALTERED_STORE must name a store: {FORMS}")
    from lab.shop.redis.store import connect  # only where it is wanted: it is slow to import

    return connect(url, "ALTERED_STORE"), os.environ.get("ALTERED_KEY_PREFIX", "altered:")
