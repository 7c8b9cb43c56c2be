"""`lab class`: phones join, shop, vote and lose their carts; hostile ones change nothing.

The lab stands in a network of its own, as a lecturer's laptop does, and the phones in another.
"""

import csv
import json
import re
import signal
from io import StringIO

import pytest
import requests
from conftest import LabHere, wait_for

POST = {"X-Room": "1", "Content-Type": "application/json"}


class Room:
    """A running `lab class`: what it printed, and the instructor's calls."""

    def __init__(self, here, *options):
        self.here = here
        self.process = here.start(
            "class",
            "--listen",
            "127.0.0.1",
            "--port",
            "0",
            "--phone-port",
            "0",
            "--no-open",
            *options,
        )
        wait_for(self._ready)
        printed = self.process.out_path.read_text()
        self.phones_at, self.code = re.search(r"join at  (\S+)   code  (\S+)", printed).groups()
        control = json.loads((here.runs / "up.json").read_text())
        self.origin, self._secret = control["origin"], control["secret"]
        self.web = requests.Session()
        self.web.trust_env = False

    def order(self, path, **body):
        headers = {"X-Lab-Secret": self._secret}
        answer = self.web.post(self.origin + path, json=body, headers=headers, timeout=60)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def wall(self):
        headers = {"X-Lab-Secret": self._secret}
        return self.web.get(f"{self.origin}/lab/room", headers=headers, timeout=60).json()["state"]

    def marks(self, desk="stateful"):
        return self.wall()["desks"][desk]["marks"]

    def phone(self, name="Zoë"):
        return Phone(self.phones_at, self.code, name)

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        return self.here.finish(self.process)

    def _ready(self):
        assert self.process.poll() is None, self.process.err_path.read_text()
        return "Ctrl-C stops" in self.process.out_path.read_text()


class Phone:
    """A phone's browser."""

    def __init__(self, origin, code, name):
        self.web = requests.Session()
        self.web.trust_env = False
        self.origin, self.code, self.name = origin, code, name
        self.web.get(f"{origin}/", timeout=60)
        self.joined = self.post("join", code=code, name=name)

    def post(self, route, **body):
        headers = {**POST, "X-Room-Code": self.code}
        return self.web.post(f"{self.origin}/room/{route}", json=body, headers=headers, timeout=60)

    def state(self):
        return self.web.get(f"{self.origin}/room/state", timeout=60)

    def me(self):
        return self.post("me").json()

    @property
    def number(self):
        return self.joined.json()["number"]


@pytest.fixture
def here(tmp_path):
    lab = LabHere(tmp_path)
    yield lab
    lab.end_started()
    lab.assert_nothing_left()


def test_class_from_joining_to_the_export(here):
    votes = here.folder / "votes.csv"
    room = Room(here, "--servers", "2", "--votes", str(votes))
    phones = [room.phone(f"Phone {number}") for number in range(4)]
    for phone in phones:
        desks = phone.post("cart", sku="laptop", by=1).json()["desks"]
        assert [desk["lines"][0]["quantity"] for desk in desks.values()] == [1, 1]
        assert all(desk["credential"] for desk in desks.values())
    assert sorted(room.marks()) == ["A", "A", "B", "B"], "affinity: half of them at each server"
    room.order("/lab/room/ask", chapter="the-crash")
    room.order("/lab/room/vote", do="open")
    for number, phone in enumerate(phones):
        assert phone.post("vote", choice=number % 2, round=1).status_code == 200
    hidden = wait_for(lambda: (s := phones[0].state().json())["vote"]["voted"] == 4 and s)
    assert hidden["vote"]["histogram"] is None
    room.order("/lab/room/vote", do="close")
    room.order("/lab/room/vote", do="show")
    assert wait_for(lambda: phones[0].state().json()["vote"]["histogram"]) == [[2, 2, 0, 0]]

    room.order("/lab/kill", server="B")
    wait_for(lambda: sorted(room.marks()) == ["A", "A", "x", "x"])
    assert room.marks("stateless") == "hhhh", "what is in the hand is kept"
    gone = next(phone for phone in phones if room.marks()[phone.number - 1] == "x")
    assert "the memory of server B, and is lost" in gone.me()["desks"]["stateful"]["news"]
    room.order("/lab/room/decide", seen=1)
    assert room.wall()["vote"]["said_so"] == [2, 4]

    room.order("/lab/stage", servers=2)
    assert set(room.marks()) == {"A", "B"}, "a new stage has the carts of the room"
    gone.web.close()
    ended = room.stop()
    assert "Stopped; nothing is left running." in ended.out
    rows = list(csv.reader(StringIO(votes.read_text("utf-8-sig"))))
    assert len(rows) == 5 and {row[1] for row in rows[1:]} == {f"Phone {n}" for n in range(4)}
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", votes.read_text("utf-8"))
