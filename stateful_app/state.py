"""Where the stateful desk keeps a cart: in a session on the server.

The client carries an opaque session id in a cookie. The server finds the session under that id
in its own memory, in a directory, or in Redis.
"""

import flask
from flask import Flask

from lab.shop import sessions
from lab.shop.cart import SessionState

from .config import Config


def init_state(app: Flask, config: Config) -> None:
    """Give `app` the store of its sessions: servers with the same store have the same carts."""
    sessions.install(app, config.store, config.key_prefix, config.max_age_s)


def current_session() -> SessionState:
    """Return the session stored under the id that this request carries, else raise 401."""
    stored = flask.session.get("state")
    if stored is None:
        raise sessions.not_found()
    return SessionState.from_dict(stored)


def start_session(session: SessionState) -> None:
    """Store a new session under a fresh id: an id known before login opens nothing."""
    sessions.regenerate()
    store_session(session)


def store_session(session: SessionState) -> None:
    """Keep the session on the server until the next request."""
    flask.session["state"] = session.to_dict()


def end_session() -> None:
    """Delete the session: its id opens nothing any more."""
    flask.session.clear()


def carts_remembered() -> int:
    """Count the carts in the memory of this process."""
    return sessions.count_in_memory()
