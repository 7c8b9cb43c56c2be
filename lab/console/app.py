"""The console as a Flask app: access control, common headers, errors as problem details."""

import msgspec
from flask import Blueprint, Flask, Response, json, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from lab.console import routes_customer, routes_docs, routes_instructor, routes_public
from lab.console.feed import Full
from lab.console.guard import SECURITY_HEADERS
from lab.console.orders import BadOrder
from lab.console.request_bodies import MOST_REQUEST_BYTES
from lab.console.services import Services
from lab.core.errors import LabError

RETRY_AFTER_S = 5
UNEXPECTED = "the console failed: reload the page; the terminal of `lab up` shows why"


def create_app(services: Services) -> Flask:
    """Return the app, which works with `services`."""
    app = Flask("lab.console", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MOST_REQUEST_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # keep the order of desks and servers
    app.json.default = msgspec.to_builtins  # type: ignore[attr-defined]  # what routes return is typed
    app.url_map.merge_slashes = False  # one path for each resource, no redirects

    @app.before_request
    def admit() -> None:
        services.guard.admit(request)

    app.after_request(_add_headers)
    _handle_errors(app)
    for routes in _all_routes(services):
        app.register_blueprint(routes)
    return app


def _all_routes(services: Services) -> tuple[Blueprint, ...]:
    return (
        routes_public.routes(services),
        routes_customer.routes(services),
        routes_instructor.routes(services),
        routes_docs.routes(),
    )


def _add_headers(response: Response) -> Response:
    response.headers.update(SECURITY_HEADERS)
    # The state of a running lab is soon outdated, and some of it belongs to one customer.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _handle_errors(app: Flask) -> None:
    """Answer every error with problem details (RFC 9457): title, status, what to do next."""

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        response = _problem(error.code or 500, error.name, _detail(error))
        if isinstance(error, MethodNotAllowed):
            response.allow.update(error.valid_methods or ())
        return response

    @app.errorhandler(Full)
    def full(error: Full) -> Response:
        response = _problem(503, "Too many pages", str(error))
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    @app.errorhandler(BadOrder)
    def bad_order(error: BadOrder) -> Response:
        return _problem(422, "Unprocessable order", str(error))

    @app.errorhandler(LabError)
    def cannot(error: LabError) -> Response:
        return _problem(409, "Not possible now", str(error))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        app.logger.error("unexpected error at %s %s", request.method, request.path, exc_info=error)
        return _problem(500, "Unexpected", UNEXPECTED)


def _detail(error: HTTPException) -> str:
    if isinstance(error, NotFound) and error.description == NotFound.description:
        return "there is nothing at this path: the page is at /"
    return error.description or ""


def _problem(status: int, title: str, detail: str) -> Response:
    body = {"title": title, "status": status, "detail": detail}
    return Response(json.dumps(body), status, mimetype="application/problem+json")
