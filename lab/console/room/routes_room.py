"""The instructor's routes of the room: ask, open, close, show, decide; the wall, and the export."""

import msgspec
from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import NotFound

from lab.console.request_bodies import Rule, any_text, one_of, read, refuse, whole
from lab.console.room.joining import qr_svg
from lab.console.room.phone_app import ROOM_STATIC
from lab.console.room.room import MOST_CAPTION_CHARS, Room
from lab.console.room.room_state import RoomState
from lab.console.room.votes import MOST_HANDS, RoomQuestion
from lab.console.services import Services

WALL_FILES = {
    **dict.fromkeys(("wall.js", "wall-parts.js", "dots.js"), "text/javascript"),
    "wall.css": "text/css",
}
NO_ANSWER_FITS = -1


class WallState(msgspec.Struct, frozen=True):
    """What the wall shows: the public state, and how to join."""

    address: str
    code: str
    state: RoomState


def routes(services: Services, room: Room, address: str) -> Blueprint:
    """Return the routes of the wall; phones join at `address`."""
    routes = Blueprint("room", __name__, url_prefix="/lab/room")

    @routes.before_request
    def only_the_instructor() -> None:
        services.guard.admit_instructor(request)

    @routes.get("")
    def wall() -> Response:
        return jsonify(WallState(address, room.code, room.state()))

    @routes.get("/join.svg")
    def join() -> Response:
        return Response(qr_svg(f"{address}/#{room.code}"), mimetype="image/svg+xml")

    @routes.get("/<file>")
    def file(file: str) -> Response:
        if file not in WALL_FILES:
            raise NotFound(f"the wall has no file {file[:60]!r}")
        return Response(ROOM_STATIC.joinpath(file).read_bytes(), mimetype=WALL_FILES[file])

    @routes.get("/votes.csv")
    def votes() -> Response:
        kept = {"Content-Disposition": 'attachment; filename="votes.csv"'}
        return Response("\ufeff" + room.csv(), mimetype="text/csv", headers=kept)

    _vote(routes, services, room)
    _watch(routes, room)
    return routes


def _vote(routes: Blueprint, services: Services, room: Room) -> None:
    chapters = {each.slug: each for each in services.lesson.chapters}

    @routes.post("/ask")
    def ask() -> Response:
        chapter = chapters[read({"chapter": one_of(*chapters)})["chapter"]]
        choices = [each.text for each in chapter.predict.choices]
        room.ask(RoomQuestion(chapter.slug, chapter.title, chapter.predict.question, choices))
        return jsonify(room.state())

    @routes.post("/vote")
    def change() -> Response:
        do = read({"do": one_of("open", "close", "show")})["do"]
        room.change_vote(lambda vote: getattr(vote, do)())
        return jsonify(room.state())

    @routes.post("/hands")
    def hands() -> Response:
        counts = read({"counts": _counts})["counts"]
        room.change_vote(lambda vote: vote.count_hands(counts))
        return jsonify(room.state())

    @routes.post("/decide")
    def decide() -> Response:
        seen = read({"seen": whole(NO_ANSWER_FITS, 100)})["seen"]
        room.change_vote(lambda vote: vote.decide(None if seen == NO_ANSWER_FITS else seen))
        return jsonify(room.state())


def _watch(routes: Blueprint, room: Room) -> None:
    @routes.post("/say")
    def say() -> tuple[str, int]:
        body = read({"caption": any_text(MOST_CAPTION_CHARS), "running": one_of("yes", "no")})
        room.say(body["caption"], body["running"] == "yes")
        return "", 204

    @routes.post("/look")
    def look() -> tuple[str, int]:
        read({})
        room.visit()
        return "", 204


def _counts(where: str, value: object) -> list[int]:
    if not isinstance(value, list) or len(value) > 100:
        refuse(where, "must be a list of numbers, one for each answer")
    number: Rule = whole(0, MOST_HANDS)
    return [number(f"{where}[{at}]", each) for at, each in enumerate(value)]
