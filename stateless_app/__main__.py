"""Run this desk alone: `python -m stateless_app --port 5002`."""

from lab.shop import serve

from .app import create_app

serve.main(create_app, "stateless_app", default_port=5002)
