"""What phones can reach: a web app of its own, in which no route of the instructor exists."""

import time
from functools import partial
from importlib.resources import files

import msgspec
from flask import Blueprint, Flask, Response, jsonify, make_response, request
from werkzeug.exceptions import Forbidden, NotFound, UnsupportedMediaType

from lab.console.guard import SECURITY_HEADERS
from lab.console.problems import problem_of
from lab.console.request_bodies import any_text, one_of, read, whole
from lab.console.room.phone import PHONE_SHELF
from lab.console.room.room import NotInRoom, Room
from lab.console.room.votes import VOTE_ROUNDS
from lab.console.words import phone_script
from lab.shop.http import PROBLEM

PHONE_COOKIE = "room_phone"
PHONE_HEADER = "X-Room"
ADDRESS_HEADER = "X-Phone-Address"
"""nginx sets it, whatever a phone sends under this name."""
MOST_PHONE_BYTES = 2048
COOKIE_LIFE_S = 24 * 3600
STATE_PATH = "/room/state"
POSTS = ("join", "me", "vote", "cart", "leave")
ROOM_STATIC = files("lab.console.room").joinpath("static")
PHONE_FILES = {
    "phone.js": ("text/javascript", ROOM_STATIC),
    "phone.css": ("text/css", ROOM_STATIC),
    "desk.svg": ("image/svg+xml", files("lab.console").joinpath("static")),
}
"""What the page loads: its type, and the folder that it is in."""


def phone_app(room: Room) -> Flask:
    """Return the app behind the phones' listener."""
    app = Flask("lab.console.room", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MOST_PHONE_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.default = msgspec.to_builtins  # type: ignore[attr-defined]
    app.before_request(_admit)
    app.after_request(_add_headers)
    app.register_error_handler(Exception, _answered)
    app.register_blueprint(_pages(room))
    app.register_blueprint(_posts(room))
    return app


def _id(room: Room) -> str:
    """Return the id in this request's cookie; "" for none that was made here."""
    return room.ids.read(request.cookies.get(PHONE_COOKIE, ""))


def _address() -> str:
    """Return where this request comes from, as nginx says."""
    return request.headers.get(ADDRESS_HEADER, "")


def _pages(room: Room) -> Blueprint:
    routes = Blueprint("phone pages", __name__)

    @routes.get("/")
    def page() -> Response:
        response = make_response(ROOM_STATIC.joinpath("phone.html").read_text(encoding="utf-8"))
        if not _id(room) or room.is_elsewhere(_id(room), _address()):
            response.set_cookie(
                PHONE_COOKIE, room.ids.new(), COOKIE_LIFE_S, httponly=True, samesite="Strict"
            )
        return response

    @routes.get(STATE_PATH)
    def state() -> Response:
        response = _public(msgspec.json.encode(room.state()), "application/json", 1)
        # To nginx: until the end of this second, since it counts in whole ones. Its own reading
        # of max-age=1 is up to two.
        response.headers["X-Accel-Expires"] = f"@{int(time.time())}"
        return response

    for name, (kind, _) in PHONE_FILES.items():
        routes.add_url_rule(f"/room/{name}", kind, partial(_file, name))

    return routes


def _posts(room: Room) -> Blueprint:
    routes = Blueprint("phone posts", __name__)

    @routes.post("/room/join")
    def join() -> Response:
        body = read({"code": any_text(40), "name": any_text(200)})
        if not _id(room):
            raise Forbidden("this page needs its cookie: allow cookies, then load it again")
        room.join(_id(room), body["code"], body["name"], _address())
        return jsonify(room.view(_id(room), _address()))

    @routes.post("/room/me")
    def me() -> Response:
        read({})
        return jsonify(room.view(_id(room), _address()))

    @routes.post("/room/vote")
    def vote() -> Response:
        body = read({"choice": whole(0, 100), "round": whole(1, VOTE_ROUNDS)})
        room.vote(_id(room), body["choice"], body["round"], _address())
        return jsonify(body)

    @routes.post("/room/cart")
    def cart() -> Response:
        body = read({"sku": one_of(*PHONE_SHELF), "by": whole(-1, 1)})
        return jsonify(room.click(_id(room), body["sku"], body["by"], _address()))

    @routes.post("/room/leave")
    def leave() -> tuple[str, int]:
        read({})
        room.leave(_id(room), _address())
        return "", 204

    return routes


def _admit() -> None:
    """Refuse what another page could send: it can add neither the header nor this type."""
    if request.method in ("GET", "HEAD"):
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Forbidden("the room takes no orders from other pages: open its own page")
    if request.headers.get(PHONE_HEADER) != "1":
        raise Forbidden(f"send the header {PHONE_HEADER}: 1 with every order")
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send JSON, Content-Type: application/json")


def _add_headers(response: Response) -> Response:
    response.headers.update(SECURITY_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _answered(error: Exception) -> Response:
    problem = problem_of(NotFound(str(error)) if isinstance(error, NotInRoom) else error)
    return Response(problem.body, problem.status, dict(problem.headers), mimetype=PROBLEM)


def _file(name: str) -> Response:
    kind, folder = PHONE_FILES[name]
    body = folder.joinpath(name).read_bytes()
    return _public(phone_script().encode() + body if name == "phone.js" else body, kind, 60)


def _public(body: bytes, kind: str, age_s: int) -> Response:
    response = Response(body, mimetype=kind)
    response.headers["Cache-Control"] = f"public, max-age={age_s}"
    return response
