"""Public routes: the page, its lesson, the desks' code, the kept runs."""

import re
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Response,
    jsonify,
    make_response,
    render_template,
    request,
    send_from_directory,
)
from werkzeug.exceptions import NotFound

from lab.console import code_view, words
from lab.console.guard import RECORDED_POLICY
from lab.console.page_files import TYPES, revalidated, tagged
from lab.console.services import Services
from lab.core.errors import LabError
from lab.report.drawing import colours_css, sequence_css

STATIC = Path(__file__).parent / "static"
OFFLINE = Path(__file__).parent / "offline"
_PLAYED = {"source.js": "played.js", "recorded.js": "recorded.js"}
"""Modules of a page that plays a recording, and the file in OFFLINE that each is."""


def routes(services: Services) -> Blueprint:
    """Return the read-only routes, which need no servers."""
    routes = Blueprint("public", __name__)

    @routes.get("/")
    def page() -> str:
        lesson = services.lesson.chapters
        return render_template("index.html", chapters=lesson, recording=services.played)

    @routes.get("/lab/static/<file>")
    def static_file(file: str) -> Response:
        kind = TYPES.get(Path(file).suffix)
        if kind is None:
            raise NotFound(f"the page has no file {file[:60]!r}")
        if services.played and file in _PLAYED:
            return revalidated(send_from_directory(OFFLINE, _PLAYED[file], mimetype=kind))
        return revalidated(send_from_directory(STATIC, file, mimetype=kind))

    @routes.get("/speaker")
    def speaker() -> str:
        return render_template("speaker.html")

    @routes.get("/recorded")
    def recorded() -> Response:
        if services.recorded is None:
            raise NotFound("no recorded lesson is served here")
        try:
            response = make_response(services.recorded.page())
        except LabError as error:
            raise NotFound(str(error)) from None
        response.headers["Content-Security-Policy"] = RECORDED_POLICY
        return response

    @routes.get("/lab/chapters")
    def chapters() -> Response:
        return jsonify(services.lesson)

    @routes.get("/lab/code")
    def code_that_serves() -> Response:
        method, path = (request.args.get(name, "")[:200] for name in ("method", "path"))
        passages = code_view.serving(method, path)
        if passages is None:
            raise NotFound("the desks have no such route: send ?method=GET&path=/api/cart")
        return jsonify(passages)

    sheets = {"colours": colours_css(), "code": code_view.style(), "sequence": sequence_css()}
    for name, text in sheets.items():
        sheet = _generated(name, text, "text/css")
        routes.add_url_rule(f"/lab/{name}.css", view_func=sheet)
    script = _generated("words", words.script(), "text/javascript")
    routes.add_url_rule("/lab/static/words.js", view_func=script)
    _show_runs(routes, services)
    return routes


def _show_runs(routes: Blueprint, services: Services) -> None:
    @routes.get("/lab/runs")
    def runs() -> Response:
        return jsonify(services.runs.list())

    @routes.get("/lab/runs/<name>")
    def run(name: str) -> Response:
        try:
            return jsonify(services.runs.outline(name))
        except LabError as error:
            raise NotFound(str(error)) from None

    @routes.get("/lab/runs/<name>/<index>")
    def playback(name: str, index: str) -> Response:
        if not re.fullmatch("[0-9]{1,4}", index):
            raise NotFound("the experiments of a run are numbered from 0")
        left, right = request.args.get("left"), request.args.get("right")
        try:
            return jsonify(services.runs.playback(name, int(index), left, right))
        except LabError as error:
            raise NotFound(str(error)) from None


def _generated(name: str, text: str, kind: str) -> Any:
    def generated() -> Response:
        response = make_response(text)
        response.mimetype = kind
        return tagged(response)

    generated.__name__ = f"generated_{name}"  # Flask knows views by it
    return generated
