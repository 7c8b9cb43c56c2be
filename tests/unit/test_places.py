"""Places for open pages: nobody takes another's, and the instructor always has one."""

import pytest

from lab.console.places import (
    MOST_OF_INSTRUCTOR,
    MOST_OF_ONE_CLIENT,
    MOST_OF_STRANGERS,
    Full,
    Places,
    Watcher,
)
from lab.core.errors import LabError

INSTRUCTOR = Watcher(instructor=True)


def filled(places, client, count):
    """Take `count` places for a client; the streams."""
    streams = [object() for _ in range(count)]
    for stream in streams:
        assert places.take(stream, client) is None
    return streams


@pytest.mark.parametrize(
    ("client", "most"),
    [
        (Watcher(), MOST_OF_STRANGERS),
        (Watcher("a"), MOST_OF_ONE_CLIENT),
        (INSTRUCTOR, MOST_OF_INSTRUCTOR),
        (Watcher("a", instructor=True), MOST_OF_INSTRUCTOR),
    ],
)
def test_client_has_a_limit_of_its_own_and_a_freed_place_is_free(client, most):
    places = Places()
    streams = filled(places, client, most)
    with pytest.raises(Full, match=f"{most} pages are open: close one"):
        places.take(object(), client)
    places.leave(streams[0])
    places.leave(streams[0])
    places.leave(object())
    filled(places, client, 1)
    assert len(places) == most
    assert issubclass(Full, LabError)


def test_strangers_take_no_place_of_a_page_and_none_of_the_instructors():
    places = Places(most=20)
    filled(places, Watcher(), MOST_OF_STRANGERS)
    filled(places, Watcher("a"), 4)
    filled(places, Watcher("b"), 4)
    assert places.take(object(), Watcher("c")) is not None  # one of the strangers'
    filled(places, INSTRUCTOR, MOST_OF_INSTRUCTOR)


def test_newest_stream_of_the_client_with_most_gives_way_to_a_new_client():
    places = Places(most=6)
    filled(places, Watcher("greedy"), 2)
    modest = filled(places, Watcher("modest"), 1)
    newest = filled(places, Watcher("greedy"), 3)[-1]
    assert places.take(object(), Watcher("new")) is newest
    assert len(places) == 6
    assert modest[0] not in [places.take(object(), Watcher(name)) for name in "xyz"]
    with pytest.raises(Full, match="6 pages watch"):
        places.take(object(), Watcher("late"))  # each has one: nobody gives way


def test_stranger_and_greedy_page_displace_no_one():
    places = Places(most=4)
    filled(places, Watcher("a"), 2)
    filled(places, Watcher("b"), 2)
    for client in (Watcher(), Watcher("a"), Watcher("b")):
        with pytest.raises(Full):
            places.take(object(), client)
    assert len(places) == 4


def test_six_hundred_pages_watch():
    places = Places()
    for number in range(600):
        assert places.take(object(), Watcher(str(number))) is None
    with pytest.raises(Full, match="600"):
        places.take(object(), Watcher("600"))
    assert places.take(object(), INSTRUCTOR) is None
