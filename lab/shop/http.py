"""HTTP behaviour that both desks share: problem details, X-Served-By, caching, server info."""

from __future__ import annotations

import logging
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Flask, Response, current_app, jsonify, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException, InternalServerError

from lab.shop.catalogue import PRODUCTS, repriced
from lab.shop.desks import ServerInfo
from lab.shop.errors import ShopError, StoreUnavailable
from lab.shop.validation import MAX_BODY_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PROBLEM = "application/problem+json"
MAX_SECONDS = 10**9
_WHOLE_NUMBER = re.compile(r"[0-9]{1,10}")  # no sign, no other script's digits, no 5,000 of them
_REPLICA = re.compile(r"[A-Za-z0-9._-]{1,32}")


class ConfigError(Exception):
    """An environment variable has a wrong value; the message says how to correct it."""


@dataclass(frozen=True)
class InstanceInfo:
    """The name of this server, and a nonce of its process that a restart changes."""

    replica: str
    instance: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> InstanceInfo:
        """Read REPLICA (default "solo") and INSTANCE (default: a random nonce)."""
        names = [environ.get("REPLICA", "solo"), environ.get("INSTANCE") or secrets.token_hex(8)]
        for name in names:
            if not _REPLICA.fullmatch(name):
                raise ConfigError(
                    f"REPLICA or INSTANCE is {name!r}: use 1 to 32 of A-Z a-z 0-9 . _ -"
                )
        return cls(*names)


def whole_seconds(environ: Mapping[str, str], name: str, default_s: int) -> int:
    """Read a duration of at least 1 s, or raise ConfigError naming the variable."""
    text = environ.get(name, str(default_s))
    if not (_WHOLE_NUMBER.fullmatch(text) and 0 < int(text) <= MAX_SECONDS):
        raise ConfigError(f"{name} is {text!r}: use whole seconds, 1 to {MAX_SECONDS}")
    return int(text)


def set_prices(environ: Mapping[str, str]) -> None:
    """Set the prices in SHOP_PRICES, if set; raise ConfigError if it is wrong."""
    if (text := environ.get("SHOP_PRICES")) is None:
        return
    try:
        PRODUCTS.update(repriced(text))
    except ValueError as error:
        raise ConfigError(f"SHOP_PRICES {error}") from None


class _ServerStats:
    """What this process knows about itself (never about a customer)."""

    def __init__(self, app_name: str, info: InstanceInfo) -> None:
        self.app_name = app_name
        self.info = info
        self.arrivals = count(1)
        self.requests_served = 0
        self.vary = ""
        """The request header that an answer depends on, unless it is public."""


class _Json(DefaultJSONProvider):
    """JSON by msgspec: the standard library's takes several times as long."""

    def response(self, *args: Any, **kwargs: Any) -> Response:
        body = msgspec.json.encode(self._prepare_response_obj(args, kwargs)) + b"\n"
        return Response(body, mimetype=self.mimetype)

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return msgspec.json.encode(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return msgspec.json.decode(s)


def install(app: Flask, info: InstanceInfo) -> None:
    """Let `app` count requests, name itself in headers, and answer errors as problem details."""
    set_prices(os.environ)
    stats = app.extensions["server"] = _ServerStats(app.name.removesuffix("_app"), info)
    # One more than allowed: Werkzeug silently cuts off a body of unknown length here, so
    # `read_json` notices a longer body only by the extra byte.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    app.logger.addFilter(_one_line)
    app.json = _Json(app)
    # Every route and hook is a plain function: Flask need not look, several times a request.
    app.ensure_sync = _as_it_is  # type: ignore[method-assign, assignment]
    app.url_map.merge_slashes = False  # /api//cart is no such path, not a redirect

    app.wsgi_app = _counted_and_named(app.wsgi_app, stats)  # type: ignore[method-assign, assignment]
    app.register_error_handler(ShopError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(InternalServerError, _refuse_unexpected)


def _counted_and_named(app: WSGIApplication, stats: _ServerStats) -> WSGIApplication:
    """Return `app` with each request counted, and each answer with the server's own headers.

    Outside of Flask, whose hooks take four times as long for it.
    """
    own = [("X-Served-By", stats.info.replica), ("X-Instance", stats.info.instance)]

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        stats.requests_served = next(stats.arrivals)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            cache = next((value for name, value in headers if name == "Cache-Control"), "")
            more = own if cache else [*own, ("Cache-Control", "no-store")]
            if stats.vary and "public" not in cache:
                more = [*more, ("Vary", stats.vary)]
            return start_response(status, headers + more, *error)

        return app(environ, start)

    return serve


def vary_by(app: Flask, header: str) -> None:
    """Say in every answer of `app` that is not public that it depends on that request header."""
    app.extensions["server"].vary = header


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def products() -> Response:
    """Return the catalogue, which any cache may keep for a minute."""
    response = jsonify(products=[vars(product) for product in PRODUCTS.values()])
    response.headers["Cache-Control"] = "public, max-age=60"
    response.add_etag()
    response.make_conditional(request)
    return response


def server_info(carts_remembered: int) -> ServerInfo:
    """Return the body of GET /api/server."""
    stats: _ServerStats = current_app.extensions["server"]
    return {
        "app": stats.app_name,
        "replica": stats.info.replica,
        "pid": os.getpid(),
        "instance": stats.info.instance,
        "requests_served": stats.requests_served,
        "carts_remembered": carts_remembered,
    }


def problem(status: int, slug: str, title: str, detail: str) -> bytes:
    """Return the body of a refusal: problem details of RFC 9457, as JSON."""
    body = {"type": f"urn:problem:two-desks:{slug}", "title": title, "status": status}
    return msgspec.json.encode(body | {"detail": detail})


def _problem(status: int, slug: str, title: str, detail: str) -> Response:
    return Response(problem(status, slug, title, detail), status, mimetype=PROBLEM)


def _refuse(error: ShopError) -> Response:
    response = _problem(error.status, error.slug, error.title, str(error))
    if error.status == 401:
        response.headers["WWW-Authenticate"] = current_app.config["LOGIN_CHALLENGE"]
    response.headers.update(error.headers)
    return response


def _refuse_http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error  # a redirect, say
    response = _problem(
        error.code, f"http-{error.code}", error.name, _NEXT_STEP.get(error.code, str(error.name))
    )
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _refuse_unexpected(error: InternalServerError) -> Response | HTTPException:
    # Flask opens the session before its own error handling, so a store's failure arrives here.
    if isinstance(error.original_exception, StoreUnavailable):
        return _refuse(error.original_exception)
    return _refuse_http(error)


def _one_line(record: logging.LogRecord) -> bool:
    # A store that is down is not a bug: log its cause in one line, without a traceback.
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, StoreUnavailable):
        record.msg, record.args, record.exc_info = f"503: {error.__cause__}", (), None
    return True


_NEXT_STEP = {
    404: "no such path: lab/shop/openapi.yaml lists all paths",
    405: "use one of the methods that the Allow header names",
    413: f"send at most {MAX_BODY_BYTES} bytes",
    500: "a bug in the server: its log has the traceback",
}
