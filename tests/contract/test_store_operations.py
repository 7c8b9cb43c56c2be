"""X-Store-Operations: what a request cost the store, as the store itself has counted it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from .conftest import Customer, Desk, Valkey, running_valkey, stateful, stateless

HEADER = "X-Store-Operations"
GREETINGS = ("client|", "hello", "select", "info")  # a new connection's, and our own question


def carried_out(store: Valkey) -> int:
    """Return how many commands the store has carried out for its clients' own sake."""
    with Redis.from_url(store.url) as client:
        info = client.info("commandstats")
    names = {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in info.items()}
    return sum(calls for name, calls in names.items() if not name.startswith(GREETINGS))


@pytest.fixture(scope="module")
def store():
    """A store of this module's own."""
    with running_valkey() as server:
        yield server


WAYS: list[tuple[str, Callable[[Customer], TestResponse], int]] = [
    ("login", Customer.login, 3),  # asks for the session it had, ends it, begins another
    ("add", Customer.add, 2),
    ("view", Customer.view, 1),
    ("products", lambda it: it.request("GET", "/api/products"), 1),
    ("unknown product", lambda it: it.add("no-such-thing"), 1),
    ("no JSON", lambda it: it.request("POST", "/api/cart/items", data="x"), 1),
    ("no such address", lambda it: it.request("GET", "/nowhere"), 1),
    ("logout", Customer.logout, 2),
]


@pytest.mark.parametrize(("act", "operations"), [it[1:] for it in WAYS], ids=[it[0] for it in WAYS])
def test_header_is_what_the_store_has_counted(store: Valkey, act, operations: int) -> None:
    john = stateful(store.url).customer()
    before = carried_out(store)
    answer = act(john)
    assert int(answer.headers[HEADER]) == carried_out(store) - before == operations


def test_request_without_a_session_costs_the_store_nothing(store: Valkey) -> None:
    visitor = stateful(store.url).visitor()
    before = carried_out(store)
    for answer in (visitor.view(), visitor.request("GET", "/api/products")):
        assert answer.headers[HEADER] == "0"
    assert carried_out(store) == before


def test_requests_at_the_same_time_are_counted_each_for_itself(store: Valkey) -> None:
    desk = stateful(store.url)
    customers = [desk.customer(str(number)) for number in range(8)]
    before = carried_out(store)
    with ThreadPoolExecutor(len(customers)) as hands:
        counts = [
            int(answer.headers[HEADER])
            for _ in range(20)
            for answer in hands.map(lambda one: (one.add if id(one) % 3 else one.view)(), customers)
        ]
    assert set(counts) <= {1, 2}
    assert sum(counts) == carried_out(store) - before


def test_desk_without_a_store_says_nothing(desk: Desk) -> None:
    john = desk.customer()
    answers = [john.add(), john.view(), desk.visitor().view(), john.logout()]
    assert [HEADER in answer.headers for answer in answers] == [desk.keeps == "redis"] * 4


def test_store_that_is_away_has_carried_out_nothing() -> None:
    with running_valkey() as own:
        john = stateful(own.url).customer()
        assert john.view().headers[HEADER] == "1"
    answer = john.view()
    assert (answer.status_code, answer.headers[HEADER]) == (503, "0")
    assert HEADER not in stateless().customer().view().headers
