"""The votes of a room outlive a crash of the lab, in a file of its own user; nothing else does."""

import os
from contextlib import suppress

import pytest
from clocks import Clock

from lab.console.room.kept_votes import MOST_VOTES_BYTES, VOTES_FILE, VotesFile
from lab.console.room.room import Room
from lab.console.room.votes import Phase, RoomQuestion
from lab.core.errors import LabError
from lab.core.run_folder import KEPT_S, write_private

QUESTION = RoomQuestion("the-crash", "The crash", "What is lost?", ["A", "B"])


def a_room(tmp_path, secret="a secret"):
    return Room(secret, {}, Clock(), root=tmp_path)


def join(room, phone):
    """Give the phone its place; no desk is open, so that it cannot log in yet."""
    with suppress(LabError):
        room.join(phone, room.code, "Zoë")


def voted(room, *choices):
    """Ask the room, and have a phone for each choice vote."""
    room.ask(QUESTION)
    room.change_vote(lambda vote: vote.open())
    for number, choice in enumerate(choices):
        join(room, f"phone-{number}")
        room.vote(f"phone-{number}", choice, 1)


@pytest.fixture
def rooms():
    """Rooms whose threads end with the test."""
    opened = []
    yield opened
    for room in opened:
        room.close()


def test_votes_of_a_lab_that_crashed_are_there_again_and_go_on(tmp_path, rooms):
    first = a_room(tmp_path)
    rooms.append(first)
    voted(first, 0, 1, 1)
    first.change_vote(lambda vote: vote.close())

    second = a_room(tmp_path)
    rooms.append(second)
    now = second.votes.now
    assert (now.question, now.phase, now.round) == (QUESTION, Phase.CLOSED, 1)
    assert now.rounds[0].by_phone == {"phone-0": 0, "phone-1": 1, "phone-2": 1}
    second.change_vote(lambda vote: vote.open())
    join(second, "phone-0")
    second.vote("phone-0", 1, 2)
    second.change_vote(lambda vote: vote.decide(1))
    assert second.state().vote.said_so == (1, 1)


def test_votes_are_gone_with_an_end_as_usual(tmp_path):
    room = a_room(tmp_path)
    voted(room, 0)
    assert (tmp_path / VOTES_FILE).exists()
    if os.name == "posix":
        assert (tmp_path / VOTES_FILE).stat().st_mode & 0o777 == 0o600
    room.close()
    assert list(tmp_path.iterdir()) == []


def test_votes_of_another_room_or_another_day_are_none(tmp_path, rooms):
    room = a_room(tmp_path)
    rooms.append(room)
    voted(room, 0)
    other = a_room(tmp_path, "another secret")
    rooms.append(other)
    assert other.votes.asked == []
    written_s = (tmp_path / VOTES_FILE).lstat().st_mtime
    file = VotesFile(tmp_path, room.code)
    assert file.read(written_s + 1).asked
    assert not file.read(written_s + KEPT_S + 1).asked
    assert not file.read(written_s - 10).asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"code": "K7QX"}',
        '{"code": "K7QX", "votes": {"asked": [1]}}',
        '{"code": "K7QX", "votes": {"asked": [{"phase": "open"}]}}',
        '{"code": 7, "votes": {"asked": []}}',
        "[" * 100_000,
        '{"code": "K7QX", "votes": {"asked": []}, "x": "' + "x" * MOST_VOTES_BYTES + '"}',
    ],
)
def test_file_that_is_no_votes_is_none(tmp_path, text):
    write_private(tmp_path / VOTES_FILE, text)
    assert VotesFile(tmp_path, "K7QX").read().asked == []


def test_file_that_others_can_read_is_none(tmp_path, rooms):
    room = a_room(tmp_path)
    rooms.append(room)
    voted(room, 0)
    if os.name == "posix":
        (tmp_path / VOTES_FILE).chmod(0o644)
        assert VotesFile(tmp_path, room.code).read().asked == []


def test_votes_are_written_once_a_second(tmp_path):
    clock = Clock()
    file = VotesFile(tmp_path, "K7QX", clock)
    room = a_room(tmp_path)
    voted(room, 0, 1)
    votes = room.votes
    room.close()
    for _ in range(3):
        (tmp_path / VOTES_FILE).unlink(missing_ok=True)
        file.save(votes, soon=True)
    assert not (tmp_path / VOTES_FILE).exists()
    clock.now_s += 1
    file.save(votes, soon=True)
    assert (tmp_path / VOTES_FILE).exists()


def test_full_disk_does_not_end_the_class(tmp_path, caplog):
    room = a_room(tmp_path / "not there")
    voted(room, 1)
    assert room.state().vote.voted == 1
    assert "not kept over a crash" in caplog.text
    room.close()
