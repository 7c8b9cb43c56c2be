"""How phones join: codes, ids, places, addresses, and the picture of the room."""

import json
from xml.etree import ElementTree

import psutil
import pytest
from page_modules import needs_node, printed

from lab.console.allowance import Allowance
from lab.console.room import addresses
from lab.console.room.addresses import OwnAddress, chosen_address
from lab.console.room.joining import CODE_LETTERS, PhoneIds, code_of, qr_svg, typed_code
from lab.console.room.listener import conf
from lab.console.room.phone_app import POSTS
from lab.console.room.places_of_phones import PhonePlaces
from lab.console.room.routes_room import WALL_FILES
from lab.core.errors import LabError


class JoinedPhone:
    def __init__(self, id, number, address, acted_at=0.0, has_cart=False):
        self.id, self.number, self.address = id, number, address
        self.acted_at, self.has_cart = acted_at, has_cart


def admit(places, id, address="a", **how):
    return places.admit(lambda number: JoinedPhone(id, number, address, **how), address)


def test_code_is_the_same_after_a_restart_and_has_no_letter_that_looks_like_another():
    assert code_of("secret") == code_of("secret")
    assert len({code_of(str(number)) for number in range(50)}) > 45
    assert not set("IO01LS5") & set(CODE_LETTERS)


@pytest.mark.parametrize("typed", ["k7qx", " K7-QX ", "k 7 q x", "K7QX"])
def test_code_is_read_as_it_was_meant(typed):
    assert typed_code(typed) == "K7QX"


@pytest.mark.parametrize(
    "typed", ["", "K7Q", "K7QXX", "K7Q0", "K7QÄ", "Ｋ7QX", "K" * 10_000, "\u202eK7QX"]
)
def test_code_that_can_be_none_is_refused(typed):
    with pytest.raises(LabError, match="read it from the wall"):
        typed_code(typed)


def test_id_is_known_after_a_restart_with_the_same_secret_only():
    cookie = PhoneIds("secret").new()
    assert PhoneIds("secret").read(cookie) == cookie.partition(".")[0]
    assert PhoneIds("another").read(cookie) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c[:-1] + ("0" if c[-1] != "0" else "1"),
        lambda c: "A" * 16 + c[16:],
        lambda c: c.partition(".")[0],
        lambda c: "",
        lambda c: c + "0",
        lambda c: c.upper() + "\n",
    ],
)
def test_id_that_was_not_made_here_is_none(change):
    ids = PhoneIds("secret")
    assert ids.read(change(ids.new())) == ""


def test_places_give_each_number_once():
    places = PhonePlaces(10)
    first = admit(places, "one")
    places.remove(first)
    assert admit(places, "two").number == 2
    assert places.find("one") is None


def test_address_that_fills_the_room_gives_way_to_others():
    places = PhonePlaces(10)
    for number in range(9):
        admit(places, f"evil{number}", "evil", acted_at=number, has_cart=number == 0)
    honest = admit(places, "honest", "good")
    assert honest is not None
    assert admit(places, "honest2", "good2") is not None
    assert places.find("evil1") is None, "the one idle longest that has no cart"
    assert places.find("evil0") is not None
    assert admit(places, "evil9", "evil") is None, "and takes nobody's place"
    assert {each.id for each in places if each.address != "evil"} == {"honest", "honest2"}


def test_allowance_lets_a_burst_pass_and_then_a_rate():
    allowance = Allowance(rate=2.0, burst=3.0)
    assert [allowance.take(100.0) for _ in range(5)] == [True, True, True, False, False]
    assert [allowance.take(100.6), allowance.take(100.6)] == [True, False]
    assert not allowance.take(50.0), "a clock that goes back gives nothing"


HOME = OwnAddress("192.168.1.7", "192.168.1.0/24", "wlan0")
OTHER = OwnAddress("10.0.0.2", "10.0.0.0/8", "eth0")


def test_address_is_taken_if_it_is_the_only_one_and_chosen_among_several():
    assert chosen_address(None, [HOME]) == "192.168.1.7"
    assert chosen_address("10.0.0.2", [HOME, OTHER]) == "10.0.0.2"
    assert chosen_address("127.0.0.1", []) == "127.0.0.1"
    with pytest.raises(LabError, match=r"192.168.1.7 \(wlan0\), 10.0.0.2 \(eth0\)"):
        chosen_address(None, [HOME, OTHER])
    with pytest.raises(LabError, match="not an address of this machine"):
        chosen_address("192.168.1.8", [HOME])
    with pytest.raises(LabError, match="0 addresses"):
        chosen_address(None, [])


def test_own_addresses_are_listed_without_loopback(monkeypatch):
    def family(name):
        return type("F", (), {"name": name})()

    def entry(kind, address, mask):
        return type("E", (), {"family": family(kind), "address": address, "netmask": mask})()

    found = {
        "lo": [entry("AF_INET", "127.0.0.1", "255.0.0.0")],
        "ppp0": [entry("AF_INET", "8.8.4.4", None), entry("AF_INET6", "fe80::1", None)],
        "wlan0": [entry("AF_INET", "192.168.1.7", "255.255.255.0")],
        "usb0": [entry("AF_INET", "169.254.3.4", "255.255.0.0")],
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    assert [each.address for each in addresses.own_addresses()] == [
        "192.168.1.7",
        "169.254.3.4",
        "8.8.4.4",
    ]
    assert addresses.own_addresses()[0].network == "192.168.1.0/24"
    assert [each.is_private for each in addresses.own_addresses()] == [True, True, False]


def test_qr_code_is_a_picture_without_script():
    drawn = ElementTree.fromstring(qr_svg("http://192.168.1.7:8080/#K7QX"))
    assert {each.tag.rpartition("}")[2] for each in drawn.iter()} == {"svg", "path"}


def test_listener_knows_the_phones_paths_and_no_other():
    text = conf(
        address="192.0.2.1",
        port=8080,
        code="K7QX",
        upstream="unix:/run/phones:",
        version="v",
        user="",
    )
    exact = [
        line.split()[2] for line in text.splitlines() if line.strip().startswith("location = ")
    ]
    assert sorted(exact) == sorted(
        [
            "/lab-config",
            "/",
            "/room/state",
            "/room/phone.js",
            "/room/phone.css",
            "/room/desk.svg",
            *(f"/room/{name}" for name in POSTS),
        ]
    )
    assert "location / { return 404; }" in text
    assert "/stateful" not in text and "/lab/" not in text
    assert "listen 127.0.0.1:8080" in text and "listen 192.0.2.1:8080" in text
    assert "server unix:/run/phones;" in text


def test_listener_at_loopback_listens_once():
    text = conf(
        address="127.0.0.1",
        port=80,
        code="K7QX",
        upstream="127.0.0.1:1",
        version="v",
        user="root root",
    )
    assert text.count("listen ") == 1 and '"127.0.0.1" 1;' in text and "user root root;" in text


DOTS = """
import { countsOf, dotsOf, placesOf } from "%s";
const desk = { servers: [["A", "up"], ["B", "dead"], ["C", "up"]], store: "memory", marks: %s };
const places = placesOf(%s, desk);
const counts = countsOf(desk.marks);
console.log(JSON.stringify({ dots: dotsOf(desk.marks, places), boxes: places.boxes, counts }));
"""


def picture(marks, desk="stateful"):
    from lab.console.room import routes_room

    module = routes_room.ROOM_STATIC.joinpath("dots.js")
    return printed(DOTS % (module.as_uri(), json.dumps(marks), json.dumps(desk)))


@needs_node
def test_dots_stand_in_the_place_that_holds_their_cart():
    seen = picture("AAx-.C?w")
    assert [dot["number"] for dot in seen["dots"]] == [1, 2, 3, 4, 6, 7, 8]
    boxes = {box["key"]: box for box in seen["boxes"]}
    for dot in seen["dots"]:
        box = boxes[dot["mark"]]
        assert (
            box["x"] < dot["x"] < box["x"] + box["w"] and box["y"] < dot["y"] < box["y"] + box["h"]
        )
    assert seen["counts"] == {
        "all": 7,
        "lost": 1,
        "unanswered": 1,
        "foreign": 1,
        "none": 1,
        "kept": 3,
    }


@needs_node
@pytest.mark.parametrize(
    ("marks", "desk"),
    [
        ("A" * 600, "stateful"),
        ("h" * 600, "stateless"),
        ("x" * 600, "stateful"),
        ("ABC" * 200, "stateful"),
    ],
)
def test_600_dots_have_room_and_do_not_cover_each_other_or_a_label(marks, desk):
    seen = picture(marks, desk)
    boxes = {box["key"]: box for box in seen["boxes"]}
    assert len({(round(dot["x"], 1), round(dot["y"], 1)) for dot in seen["dots"]}) == 600
    for dot in seen["dots"]:
        box = boxes[dot["mark"]]
        assert box["x"] <= dot["x"] - dot["r"] and dot["x"] + dot["r"] <= box["x"] + box["w"]
        assert box["y"] + 40 <= dot["y"] - dot["r"] and dot["y"] + dot["r"] <= box["y"] + box["h"]


def test_every_file_of_the_wall_is_there():
    from lab.console.room import routes_room

    assert all(routes_room.ROOM_STATIC.joinpath(name).is_file() for name in WALL_FILES)
