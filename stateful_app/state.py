"""Where the stateful desk keeps a cart: in a session on the server, found by its id.

The client holds an opaque id in the cookie `desk_session`; Flask-Session finds the visit
under that id in one of three stores: this process's memory, a directory, or Redis.
"""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile

from cachelib import FileSystemCache, SimpleCache
from flask import Flask, current_app, request, session
from flask_session.base import ServerSideSessionInterface
from flask_session.cachelib import CacheLibSessionInterface

from lab.shop.cart import SessionState
from lab.shop.errors import NotLoggedIn
from lab.shop.http import ConfigError

from .config import Config

COOKIE = "desk_session"
NEVER_EVICT = 1_000_000  # cachelib drops sessions past 500 by default, which would look like a loss
LOGIN_FIRST = {"WWW-Authenticate": f'Cookie realm="two-desks", cookie-name="{COOKIE}"'}


class ProcessMemory(SimpleCache):
    """A dict in this process. It goes when the process goes."""

    def __len__(self) -> int:
        return len(self._cache)


def init_state(app: Flask, config: Config) -> None:
    """Connect `app` to the store that the configuration names."""
    app.config.update(
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Otherwise a slow read writes back what it read: it erases the change of another
        # request and brings a session back to life after its logout.
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=config.max_age_s),
    )
    app.session_interface = _interface(app, config)


def current_visit() -> SessionState:
    """Return the visit remembered under the session id this request carries, else raise 401."""
    if "visit" in session:
        return SessionState.from_dict(session["visit"])
    if COOKIE in request.cookies:
        detail = "no session with that id on this server: POST /api/login to start one"
    else:
        detail = "no session: POST /api/login to start one"
    raise NotLoggedIn(detail, LOGIN_FIRST)


def start_session(visit: SessionState) -> None:
    """Remember a new customer under a fresh id, so that an id known before login is worthless."""
    # In this order: an empty session would keep its id.
    current_app.session_interface.regenerate(session)  # type: ignore[attr-defined]
    session.clear()
    store_cart(visit)


def store_cart(visit: SessionState) -> None:
    """Keep the visit on the server until the next request."""
    session["visit"] = visit.to_dict()


def end_session() -> None:
    """Forget the visit: from now on its session id opens nothing."""
    session.clear()


def carts_remembered() -> int:
    """Count the carts held by this very process; a file or Redis holds them elsewhere."""
    memory = getattr(current_app.session_interface, "cache", None)
    return len(memory) if isinstance(memory, ProcessMemory) else 0


def _interface(app: Flask, config: Config) -> ServerSideSessionInterface:
    if config.store == "memory":
        memory = ProcessMemory(threshold=NEVER_EVICT)
        return CacheLibSessionInterface(app, memory, config.key_prefix)
    if config.store.startswith("file:"):
        files = _directory(config.store.removeprefix("file:"))
        return CacheLibSessionInterface(app, files, config.key_prefix)
    # Only where they are wanted: they double the time that a server takes to start.
    from lab.shop.redis.sessions import StoreSessionInterface
    from lab.shop.redis.store import connect

    client = connect(config.store, "STATEFUL_STORE")
    return StoreSessionInterface(app, client, config.key_prefix)


def _directory(path: str) -> FileSystemCache:
    try:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        # Now, because cachelib only logs a write that fails, and the answer would be a lie.
        TemporaryFile(dir=path).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"STATEFUL_STORE names a directory that cannot be used: {error}"
        ) from None
    # Threshold 0 is "no limit", and spares the counter file that processes would fight over.
    return FileSystemCache(path, threshold=0, mode=0o600)
