"""Flask-Session, wired to one of three stores: this process's memory, a directory, or Redis."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import msgspec
from cachelib import FileSystemCache, SimpleCache
from flask import Flask, Response, current_app, request, session
from flask_session.base import ServerSideSession, ServerSideSessionInterface
from flask_session.cachelib import CacheLibSessionInterface
from werkzeug.http import dump_cookie

from lab.shop.cart import JsonObject
from lab.shop.errors import NotLoggedIn, StoreUnavailable
from lab.shop.http import ConfigError

SESSION_COOKIE = "desk_session"
NEVER_EVICT = 1_000_000  # cachelib drops sessions past 500 by default, which would look like a loss


class ProcessMemory(SimpleCache):
    """A dict in this process. It is lost when the process ends."""

    def __len__(self) -> int:
        return len(self._cache)


class SessionFormat:
    """Sessions as MessagePack, outside this process.

    In place of pickle, which cachelib uses for files and Flask-Session tries on what it cannot
    read from Redis: who can write a pickle where it is read runs code there.
    """

    def encode(self, session: JsonObject) -> bytes:
        """Return the bytes to keep."""
        return msgspec.msgpack.encode(dict(session))

    def decode(self, kept: bytes) -> JsonObject | None:
        """Return the session, or None if these bytes are not one."""
        try:
            return msgspec.msgpack.decode(kept, type=JsonObject)
        except (msgspec.DecodeError, RecursionError):
            return None

    def dump(self, session: JsonObject, file: BinaryIO) -> None:
        """Write a session to a file, for cachelib."""
        file.write(self.encode(session))

    def load(self, file: BinaryIO) -> JsonObject | None:
        """Read a session from a file, for cachelib."""
        return self.decode(file.read())


class SessionFiles(FileSystemCache):
    """A directory with a file for each session."""

    serializer = SessionFormat()  # type: ignore[assignment]

    def set(self, *of: Any, **how: Any) -> bool:
        """Write a session, or raise StoreUnavailable, where cachelib would only log."""
        if not super().set(*of, **how):
            raise StoreUnavailable("the directory of the sessions cannot be written: try later")
        return True


class QuickSave:
    """Mixin of Flask-Session's interfaces: saves as they do, with fewer questions on the way.

    Flask-Session looks up each attribute of the cookie, also where it sets none, and parses the
    Vary header twice: an eighth of the time of a request.
    """

    def save_session(self, app: Flask, session: ServerSideSession, response: Response) -> None:
        """Save a session that was changed and renew its cookie; the answer varies by it."""
        if session.modified and not session:  # a logout
            super().save_session(app, session, response)  # type: ignore[misc]
            return
        if session.modified:
            lifetime = app.permanent_session_lifetime
            self._upsert_session(lifetime, session, self._get_store_id(session.sid))  # type: ignore[attr-defined]
            cookie = dump_cookie(
                SESSION_COOKIE,
                session.sid,
                expires=datetime.now(UTC) + lifetime,
                secure=app.config["SESSION_COOKIE_SECURE"],
                httponly=True,
                samesite="Lax",
            )
            response.headers.add("Set-Cookie", cookie)
        if session.accessed:
            response.headers.add("Vary", "Cookie")


class LocalSessionInterface(QuickSave, CacheLibSessionInterface):  # type: ignore[misc]
    """Sessions in this process's memory, or in files."""


def install(app: Flask, store: str, key_prefix: str, max_age_s: int) -> None:
    """Let `app` keep sessions in `store`, each for `max_age_s` after its last change.

    `store` is "memory", "file:DIR" or a Redis URL. Raise ConfigError if it cannot be used.
    """
    app.config.update(
        SESSION_COOKIE_NAME=SESSION_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Otherwise a slow read writes back what it read: it erases a concurrent change, and
        # it restores a session after its logout.
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=max_age_s),
    )
    app.config["LOGIN_CHALLENGE"] = f'Cookie realm="two-desks", cookie-name="{SESSION_COOKIE}"'
    app.session_interface = _interface(app, store, key_prefix)


def regenerate() -> None:
    """Empty the session of this request and give it a fresh id."""
    # In this order: Flask-Session does not give an empty session a new id.
    current_app.session_interface.regenerate(session)  # type: ignore[attr-defined]
    session.clear()


def not_found() -> NotLoggedIn:
    """Return the error for a request without a session: with an unknown id, or with no id."""
    if SESSION_COOKIE in request.cookies:
        detail = "no session with that id on this server: POST /api/login to start one"
    else:
        detail = "no session: POST /api/login to start one"
    return NotLoggedIn(detail)


def count_in_memory() -> int:
    """Count the sessions in this process's memory; 0 if they are in a directory or Redis."""
    memory = getattr(current_app.session_interface, "cache", None)
    return len(memory) if isinstance(memory, ProcessMemory) else 0


def _interface(app: Flask, store: str, key_prefix: str) -> ServerSideSessionInterface:
    if store == "memory":
        memory = ProcessMemory(threshold=NEVER_EVICT)
        return LocalSessionInterface(app, memory, key_prefix)
    if store.startswith("file:"):
        files = _directory(store.removeprefix("file:"))
        return LocalSessionInterface(app, files, key_prefix)
    # Imported only if needed: these double the time that a server takes to start.
    from lab.shop.redis.sessions import StoreSessionInterface
    from lab.shop.redis.store import connect

    return StoreSessionInterface(app, connect(store, "STATEFUL_STORE"), key_prefix)


def _directory(path: str) -> SessionFiles:
    try:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        about = Path(path).stat()
        # Try it now, rather than refuse each customer's change.
        TemporaryFile(dir=path).close()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"STATEFUL_STORE names a directory that cannot be used ({why}): name another"
        ) from None
    if os.name == "posix" and (
        _others_reach(path) or about.st_uid != os.geteuid() or about.st_mode & 0o022
    ):
        raise ConfigError(
            f"STATEFUL_STORE names {path}, where others may write: who writes a session is "
            f"logged in. Choose a directory of your own, or chmod 700 {path}"
        )
    # Threshold 0 is "no limit", and avoids the counter file that processes would fight over.
    return SessionFiles(path, threshold=0, mode=0o600)


def _others_reach(path: str) -> bool:
    """Return True if another user may replace a folder above `path`."""
    above = [folder.stat() for folder in Path(path).resolve().parents]
    shared = [each for each in above if each.st_mode & 0o002 and not each.st_mode & stat.S_ISVTX]
    return bool(shared) or any(each.st_uid not in (0, os.geteuid()) for each in above)
