"""The console as a Flask app: access control, common headers, errors as problem details."""

import msgspec
from flask import Blueprint, Flask, Response, request

from lab.console import routes_customer, routes_docs, routes_instructor, routes_own, routes_public
from lab.console.guard import SECURITY_HEADERS
from lab.console.own_stages import OwnStages
from lab.console.problems import problem_of
from lab.console.request_bodies import MOST_REQUEST_BYTES
from lab.console.services import Services
from lab.shop.http import PROBLEM


def create_app(services: Services, stages: OwnStages | None = None, *more: Blueprint) -> Flask:
    """Return the app, which works with `services`, with the learners' own `stages`, and `more`."""
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
    for routes in (*_all_routes(services), *more):
        app.register_blueprint(routes)
    for routes in routes_own.routes(services, stages) if stages else ():
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
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    # The state of a running lab is soon outdated, and some of it belongs to one customer.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _handle_errors(app: Flask) -> None:
    @app.errorhandler(Exception)
    def answered(error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status == 500:
            app.logger.error(
                "unexpected error at %s %s", request.method, request.path, exc_info=error
            )
        return Response(problem.body, problem.status, dict(problem.headers), mimetype=PROBLEM)
