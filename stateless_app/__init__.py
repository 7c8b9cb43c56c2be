"""The stateless desk. Its twin is the other app: `lab diff` shows where they differ."""

from .app import create_app

__all__ = ["create_app"]
