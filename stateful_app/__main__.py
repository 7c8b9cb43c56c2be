"""Run this desk alone: `python -m stateful_app --port 5001`."""

from lab.shop import serve

from .app import create_app

serve.main(create_app, "stateful_app", default_port=5001)
