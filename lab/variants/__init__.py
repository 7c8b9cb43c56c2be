"""Desks that are changed in one way: a remedy, another design, or the next version.

`python -m lab.variants.NAME --port N` serves one, as a process of its own. Each module takes the
real desk and changes one thing, so the two apps need no line for it. The lab starts variants as
processes and never imports them.
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


def main(desk: str, change: Callable[[Flask], None], module: str) -> None:
    """Serve `desk` ("stateless_app" or "stateful_app") after `change(app)`, until stopped."""

    def create_app() -> Flask:
        app: Flask = importlib.import_module(desk).create_app()
        change(app)
        return app

    serve.main(create_app, module, default_port=5003)


def store() -> "tuple[Redis, str]":
    """Return a client of the store in VARIANT_STORE, and the prefix for its keys."""
    url = os.environ.get("VARIANT_STORE")
    if not url:
        raise ConfigError(f"VARIANT_STORE must be set to the URL of a store: {FORMS}")
    from lab.shop.redis.store import connect  # imported only if needed: it is slow to import

    return connect(url, "VARIANT_STORE"), os.environ.get("VARIANT_KEY_PREFIX", "variant:")
