"""`lab class`: phones join, shop, vote, lose their carts, and come back."""

import csv
import re
import signal
from io import StringIO
from urllib.parse import urlsplit

import pytest
from conftest import LabHere, wait_for
from rooms import Room


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
    held = room.marks()
    assert set(held) <= {"A", "B"}, "each in the memory of a server"
    room.order("/lab/room/ask", chapter="the-crash")
    room.order("/lab/room/vote", do="open")
    for number, phone in enumerate(phones):
        assert phone.post("vote", choice=number % 2, round=1).status_code == 200
    hidden = wait_for(lambda: (s := phones[0].state().json())["vote"]["voted"] == 4 and s)
    assert hidden["vote"]["histogram"] is None
    room.order("/lab/room/vote", do="close")
    room.order("/lab/room/vote", do="show")
    assert wait_for(lambda: phones[0].state().json()["vote"]["histogram"]) == [[2, 2, 0, 0]]

    room.order("/lab/kill", server=held[0])
    wait_for(lambda: room.marks() == held.replace(held[0], "x"))
    assert room.marks("stateless") == "hhhh", "what is in the hand is kept"
    news = phones[0].me()["desks"]["stateful"]["news"]
    assert f"the memory of server {held[0]}, and is lost" in news
    room.order("/lab/room/decide", seen=1)
    assert room.wall()["vote"]["said_so"] == [2, 4]

    room.order("/lab/stage", servers=2)
    assert set(room.marks()) <= {"A", "B"}, "a new stage has the carts of the room"
    ended = room.stop()
    assert "Stopped; nothing is left running." in ended.out
    rows = list(csv.reader(StringIO(votes.read_text("utf-8-sig"))))
    assert len(rows) == 5 and {row[1] for row in rows[1:]} == {f"Phone {n}" for n in range(4)}
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", votes.read_text("utf-8"))


@pytest.mark.long
def test_vote_goes_on_after_a_crash_of_the_lab(here):
    first = Room(here)
    phone = first.phone()
    first.order("/lab/room/ask", chapter="the-crash")
    first.order("/lab/room/vote", do="open")
    assert phone.post("vote", choice=2, round=1).status_code == 200
    first.order("/lab/room/vote", do="close")
    first.stop(signal.SIGKILL)

    second = Room(here, "--phone-port", str(urlsplit(first.phones_at).port))
    vote = second.wall()["vote"]
    assert (vote["chapter"], vote["phase"], vote["voted"]) == ("the-crash", "closed", 1)
    second.order("/lab/room/vote", do="open")
    assert phone.post("join", code=second.code, name="Zoë").status_code == 200
    assert phone.post("vote", choice=1, round=2).status_code == 200
    second.order("/lab/room/vote", do="close")
    second.order("/lab/room/vote", do="show")
    assert second.wall()["vote"]["histogram"] == [[0, 0, 1, 0], [0, 1, 0, 0]]
    second.stop()
    assert not (here.runs / "room-votes.json").exists()
