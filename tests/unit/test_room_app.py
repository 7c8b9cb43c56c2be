"""What phones can reach, over HTTP: no desks run here, so that only the room answers."""

import json

import pytest

from lab.console.app import create_app
from lab.console.guard import Guard
from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.room import routes_room
from lab.console.room.phone_app import MOST_PHONE_BYTES, PHONE_COOKIE, phone_app
from lab.console.room.places_of_phones import MOST_PHONES
from lab.console.room.room import Room
from lab.console.room.votes import RoomQuestion
from lab.console.services import Services
from lab.console.words import phone_script

ORDER = {"X-Room": "1"}


@pytest.fixture
def room():
    room = Room("a secret", {})
    room.ask(RoomQuestion("the-crash", "The crash", "What is lost?", ["A", "B", "C", "D"]))
    room.change_vote(lambda vote: vote.open())
    yield room
    room.close()


def opened(room, name="Zoë", code=None):
    """A phone that has opened the page and joined."""
    phone = phone_app(room).test_client()
    phone.get("/")
    post(phone, "join", {"code": code or room.code, "name": name})
    return phone


def post(phone, name, body, headers=ORDER):
    return phone.post(f"/room/{name}", json=body, headers=headers)


def voted(phone, choice, round=1):
    return post(phone, "vote", {"choice": choice, "round": round}).status_code


def test_phone_that_votes_200_times_is_counted_once(room):
    phone = opened(room)
    assert {voted(phone, number % 4) for number in range(200)} == {200}
    assert room.state().vote.voted == 1


def test_tabs_of_a_phone_are_one_phone_and_a_phone_that_comes_back_has_its_number(room):
    phone = opened(room)
    tab = phone_app(room).test_client()
    tab.set_cookie(PHONE_COOKIE, phone.get_cookie(PHONE_COOKIE).value)
    assert voted(phone, 0) == voted(tab, 1) == 200
    assert room.state().vote.voted == 1
    assert post(tab, "join", {"code": room.code, "name": "Other"}).json["number"] == 1
    assert room.state().phones == 1


def test_cookie_that_was_not_made_here_is_no_phone(room):
    cookie = opened(room).get_cookie(PHONE_COOKIE).value
    thief = phone_app(room).test_client()
    for forged in ("", "A" * 16, "A" * 16 + cookie[16:], cookie[:-1] + "xy", "\u202e", cookie * 50):
        thief.set_cookie(PHONE_COOKIE, forged)
        assert voted(thief, 1) == 404
    assert room.state().vote.voted == 0


def test_phone_has_to_have_the_code(room):
    phone = opened(room, code="AAAA" if room.code != "AAAA" else "BBBB")
    assert voted(phone, 1) == 404
    assert room.state().phones == 0


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "x" * 25, "x" * 150, "a\u202eb", "\u2066x", "a\x00b", "a\nb", "\u3164"),
        *("e" + "\u0301" * 9, None, 7, ["x"]),
    ],
)
def test_nickname_that_hides_or_reorders_text_is_refused(room, name):
    phone = phone_app(room).test_client()
    phone.get("/")
    refused = post(phone, "join", {"code": room.code, "name": name})
    assert refused.status_code == 422, refused.text
    assert room.state().phones == 0


def test_script_of_a_phone_has_the_signs_before_it(room):
    script = phone_app(room).test_client().get("/room/phone.js").text
    assert script.startswith(phone_script()) and "function" in script


def test_nickname_with_markup_stays_text_and_is_nowhere_in_what_is_public(room):
    phone = opened(room, "<img src=x onerror=a>")
    assert post(phone, "me", {}).json["name"] == "<img src=x onerror=a>"
    assert "onerror" not in phone.get("/room/state").text
    assert voted(phone, 2) == 200
    assert "<img src=x onerror=a>,C," in room.csv()


@pytest.mark.parametrize(
    "body",
    [
        *({"choice": choice, "round": 1} for choice in (4, -1, 1.0, True, "1", None)),
        *({"choice": 1, "round": round} for round in (0, 2, 10**30)),
        *({"choice": 1}, {"choice": 1, "round": 1, "phone": "x"}, [], "x", 10**400),
    ],
)
def test_vote_that_cannot_be_is_refused_and_counts_nothing(room, body):
    phone = opened(room)
    refused = post(phone, "vote", body)
    assert 400 <= refused.status_code < 500
    assert refused.json["detail"]
    assert room.state().vote.voted == 0


@pytest.mark.parametrize(
    "headers",
    [
        *({}, {"X-Room": "2"}),
        *({**ORDER, "Sec-Fetch-Site": site} for site in ("cross-site", "same-site")),
    ],
)
def test_order_that_another_page_could_send_is_refused(room, headers):
    assert post(opened(room), "vote", {"choice": 1, "round": 1}, headers).status_code == 403
    assert room.state().vote.voted == 0


def test_body_that_is_no_json_or_too_long_is_refused(room):
    phone = opened(room)
    plain = phone.post("/room/vote", data='{"choice":1,"round":1}', headers=ORDER)
    assert plain.status_code == 415
    long = post(phone, "vote", {"choice": 1, "round": 1, "x": "y" * MOST_PHONE_BYTES})
    assert long.status_code == 413
    assert room.state().vote.voted == 0


def test_instructors_routes_do_not_exist_for_phones(room):
    phone = opened(room)
    services = Services(Guard("http://127.0.0.1:8000", "the secret"), KeptRuns(None), plan.load())
    page = create_app(services, None, routes_room.routes(services, room, "http://192.0.2.1"))
    rules = [each for each in page.url_map.iter_rules() if each.rule != "/"]
    assert len(rules) > 25
    headers = {
        **ORDER,
        "X-Lab-Console": "1",
        "X-Lab-Secret": "the secret",
        "Host": "127.0.0.1:8000",
    }
    for rule in rules:
        for method in rule.methods - {"OPTIONS"}:
            path = rule.rule.replace("<", "").replace(">", "")
            answer = phone.open(path, method=method, json={}, headers=headers)
            assert answer.status_code in (404, 405), (method, path)


def test_wall_is_the_instructors(room):
    services = Services(Guard("http://127.0.0.1:8000", "the secret"), KeptRuns(None), plan.load())
    page = create_app(services, None, routes_room.routes(services, room, "http://192.0.2.1"))
    web = page.test_client()
    rules = [each for each in page.url_map.iter_rules() if each.rule.startswith("/lab/room")]
    assert len(rules) >= 10
    for rule in rules:
        how = {"headers": {"Host": "127.0.0.1:8000", "X-Lab-Console": "1"}, "json": {}}
        method = "POST" if "POST" in rule.methods else "GET"
        assert web.open(rule.rule, method=method, **how).status_code == 403
        how["headers"]["X-Lab-Secret"] = "the secret"
        assert web.open(rule.rule, method=method, **how).status_code != 403


def test_wall_asks_opens_closes_shows_and_decides(room):
    services = Services(Guard("http://127.0.0.1:8000", "the secret"), KeptRuns(None), plan.load())
    web = create_app(
        services, None, routes_room.routes(services, room, "http://192.0.2.1")
    ).test_client()
    headers = {"Host": "127.0.0.1:8000", "X-Lab-Secret": "the secret"}

    def order(path, **body):
        return web.post(f"/lab/room/{path}", json=body, headers=headers)

    assert order("ask", chapter="nonsense").status_code == 422
    assert order("ask", chapter="caching").json["vote"]["phase"] == "asked"
    assert order("vote", do="close").status_code == 409
    order("vote", do="open")
    assert voted(opened(room), 3) == 200
    order("vote", do="close")
    assert order("vote", do="show").json["vote"]["histogram"] == [[0, 0, 0, 1]]
    order("vote", do="open")
    assert order("hands", counts=[1, 2, "3", 4]).status_code == 422
    assert order("hands", counts=[1, 2, 3, 4]).json["vote"]["phase"] == "closed"
    assert order("decide", seen=3).json["vote"]["said_so"] == [4, 10]
    wall = web.get("/lab/room", headers=headers).json
    assert (wall["address"], wall["code"]) == ("http://192.0.2.1", room.code)
    assert web.get("/lab/room/votes.csv", headers=headers).text.count("\r\n") == 6


def test_room_has_a_place_for_600_and_says_when_it_is_full(room):
    for number in range(MOST_PHONES):
        room._phones.admit(lambda n: _Phone(str(n), n), f"address {number}")
    phone = phone_app(room).test_client()
    phone.get("/")
    full = post(phone, "join", {"code": room.code, "name": "Late"})
    assert (full.status_code, full.headers["Retry-After"]) == (503, "60")
    assert "the room is full" in full.json["detail"]


class _Phone:
    address, acted_at, has_cart = "", 0.0, False

    def __init__(self, id, number):
        self.id, self.number = id, number
        self.address = f"address {number}"


def test_state_is_public_and_cacheable_for_a_second(room):
    answer = opened(room).get("/room/state")
    assert answer.headers["Cache-Control"] == "public, max-age=1"
    assert "Set-Cookie" not in answer.headers
    state = json.loads(answer.text)
    assert state["phones"] == 1 and state["vote"]["histogram"] is None
