"""Places for open pages: nobody takes another's, and the instructor always has one."""

import pytest

from lab.console.places import (
    MOST_OF_INSTRUCTOR,
    MOST_OF_ONE_CLIENT,
    MOST_OF_STRANGERS,
    Client,
    Full,
    Places,
)
from lab.core.errors import LabError

INSTRUCTOR = Client(instructor=True)


def filled(places, client, count):
    """Take `count` places for a client; the streams."""
    streams = [object() for _ in range(count)]
    for stream in streams:
        assert places.take(stream, client) is None
    return streams


@pytest.mark.parametrize(
    ("client", "most"),
    [
        (Client(), MOST_OF_STRANGERS),
        (Client("a"), MOST_OF_ONE_CLIENT),
        (INSTRUCTOR, MOST_OF_INSTRUCTOR),
        (Client("a", instructor=True), MOST_OF_INSTRUCTOR),
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
    filled(places, Client(), MOST_OF_STRANGERS)
    filled(places, Client("a"), 4)
    filled(places, Client("b"), 4)
    assert places.take(object(), Client("c")) is not None  # one of the strangers'
    filled(places, INSTRUCTOR, MOST_OF_INSTRUCTOR)


def test_newest_stream_of_the_client_with_most_gives_way_to_a_new_client():
    places = Places(most=6)
    filled(places, Client("greedy"), 2)
    modest = filled(places, Client("modest"), 1)
    newest = filled(places, Client("greedy"), 3)[-1]
    assert places.take(object(), Client("new")) is newest
    assert len(places) == 6
    assert modest[0] not in [places.take(object(), Client(name)) for name in "xyz"]
    with pytest.raises(Full, match="6 pages watch"):
        places.take(object(), Client("late"))  # each has one: nobody gives way


def test_stranger_and_greedy_page_displace_nobody():
    places = Places(most=4)
    filled(places, Client("a"), 2)
    filled(places, Client("b"), 2)
    for client in (Client(), Client("a"), Client("b")):
        with pytest.raises(Full):
            places.take(object(), client)
    assert len(places) == 4


def test_six_hundred_pages_watch():
    places = Places()
    for number in range(600):
        assert places.take(object(), Client(str(number))) is None
    with pytest.raises(Full, match="600"):
        places.take(object(), Client("600"))
    assert places.take(object(), INSTRUCTOR) is None
