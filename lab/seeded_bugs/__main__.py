"""Run a desk with a seeded bug: see the package's docstring."""

import importlib
import os

from flask import Flask

from lab.shop import serve

from .bugs import chosen


def create_app() -> Flask:
    """Return the app named in DESK, with the bug named in SEEDED_BUG."""
    bug, desk = chosen(os.environ)
    app: Flask = importlib.import_module(desk).create_app()
    bug.seed(app)
    return app


serve.main(create_app, "lab.seeded_bugs", default_port=5004)
