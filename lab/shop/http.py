"""The HTTP manners that both desks share: problem details, names in headers, caching."""

import logging
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flask import Flask, Response, current_app, json, jsonify, request
from werkzeug.exceptions import HTTPException, InternalServerError

from lab.shop.catalogue import PRODUCTS, repriced
from lab.shop.errors import ShopError, StoreUnavailable
from lab.shop.validation import MAX_BODY_BYTES

PROBLEM = "application/problem+json"
MAX_SECONDS = 10**9
_WHOLE = re.compile(r"[0-9]{1,10}")  # no sign, no other script's digits, no 5,000 of them
_REPLICA = re.compile(r"[A-Za-z0-9._-]{1,32}")


class ConfigError(Exception):
    """The environment asks for something that cannot be; the text says how to put it right."""


@dataclass(frozen=True)
class InstanceInfo:
    """Who answers: the replica's name, and a nonce of this process that a restart changes."""

    replica: str
    instance: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "InstanceInfo":
        """Read REPLICA (default "solo") and INSTANCE (default: made now)."""
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
    if not (_WHOLE.fullmatch(text) and 0 < int(text) <= MAX_SECONDS):
        raise ConfigError(f"{name} is {text!r}: use whole seconds, 1 to {MAX_SECONDS}")
    return int(text)


def set_prices(environ: Mapping[str, str]) -> None:
    """Sell at the prices in SHOP_PRICES, if it is there; raise ConfigError where it is wrong."""
    if (text := environ.get("SHOP_PRICES")) is None:
        return
    try:
        PRODUCTS.update(repriced(text))
    except ValueError as error:
        raise ConfigError(f"SHOP_PRICES {error}") from None


class _Desk:
    """What one process knows about itself (never about a customer)."""

    def __init__(self, app_name: str, plate: InstanceInfo) -> None:
        self.app_name = app_name
        self.plate = plate
        self.arrivals = count(1)
        self.requests_served = 0


def install(app: Flask, plate: InstanceInfo) -> None:
    """Give `app` the shop's manners; errors leave as RFC 9457 problem details."""
    set_prices(os.environ)
    desk = app.extensions["desk"] = _Desk(app.name.removesuffix("_app"), plate)
    # One more than is allowed: Werkzeug cuts a body of unknown length off there without a word,
    # so only a byte too many shows `reading` that there was more.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    app.logger.addFilter(_one_line)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # keep the contract's order

    @app.before_request
    def count_request() -> None:
        desk.requests_served = next(desk.arrivals)

    @app.after_request
    def sign_answer(response: Response) -> Response:
        response.headers["X-Served-By"] = plate.replica
        response.headers["X-Instance"] = plate.instance
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.register_error_handler(ShopError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(InternalServerError, _refuse_unexpected)


def products() -> Response:
    """Answer the catalogue: the same for everybody, so anybody may cache it for a minute."""
    response = jsonify(products=[vars(product) for product in PRODUCTS.values()])
    response.headers["Cache-Control"] = "public, max-age=60"
    response.add_etag()
    response.make_conditional(request)
    return response


def server_info(carts_remembered: int) -> dict[str, Any]:
    """Answer who is serving, and how many carts this process itself holds."""
    desk: _Desk = current_app.extensions["desk"]
    return {
        "app": desk.app_name,
        "replica": desk.plate.replica,
        "pid": os.getpid(),
        "instance": desk.plate.instance,
        "requests_served": desk.requests_served,
        "carts_remembered": carts_remembered,
    }


def _problem(status: int, slug: str, title: str, detail: str) -> Response:
    body = {"type": f"urn:problem:two-desks:{slug}", "title": title, "status": status}
    return Response(json.dumps(body | {"detail": detail}), status, mimetype=PROBLEM)


def _refuse(error: ShopError) -> Response:
    response = _problem(error.status, error.slug, error.title, str(error))
    response.headers.update(error.headers)
    return response


def _refuse_http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error  # a redirect is no mistake
    response = _problem(
        error.code, f"http-{error.code}", error.name, _NEXT_STEP.get(error.code, str(error.name))
    )
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _refuse_unexpected(error: InternalServerError) -> Response | HTTPException:
    # A session is opened before any view runs, so its store's failure arrives here.
    if isinstance(error.original_exception, StoreUnavailable):
        return _refuse(error.original_exception)
    return _refuse_http(error)


def _one_line(record: logging.LogRecord) -> bool:
    # A store that is down is no mistake in the code: its cause is worth a line, not a trace.
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, StoreUnavailable):
        record.msg, record.args, record.exc_info = f"503: {error.__cause__}", (), None
    return True


_NEXT_STEP = {
    404: "no such address: the contract is lab/shop/openapi.yaml",
    405: "use one of the methods that the Allow header names",
    413: f"send at most {MAX_BODY_BYTES} bytes",
    500: "a mistake of ours; the server's log has the trace",
}
