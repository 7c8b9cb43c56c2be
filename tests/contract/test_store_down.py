"""A dead or paused store costs a 503 within a second; the stateless desk does not notice."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from .conftest import Customer, Desk, Valkey, running_valkey, stateful, stateless

# The promise is 1 s; a busy machine adds some, and the client's defaults take 3 s or more.
DEADLINE_S = 2.8


@pytest.fixture
def store() -> Iterator[Valkey]:
    """A store of this test's own, to be broken."""
    with running_valkey() as server:
        yield server


def pause(store: Valkey) -> None:
    os.kill(store.process.pid, signal.SIGSTOP)


def kill(store: Valkey) -> None:
    store.process.kill()
    store.process.wait()


FAULTS = [
    kill,
    pytest.param(pause, marks=pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")),
]


def timed(act: Callable[[], TestResponse]) -> TestResponse:
    """Do it, and wait for it no longer than until the deadline."""
    with ThreadPoolExecutor(1) as hands:
        return hands.submit(act).result(DEADLINE_S)


def assert_unavailable(answer: TestResponse) -> None:
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.json["type"] == "urn:problem:two-desks:store-unavailable"
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["X-Served-By"] == "A"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("fault", FAULTS)
def test_every_request_of_a_customer_is_refused_in_time(store: Valkey, fault) -> None:
    desk = stateful(store.url)
    john = desk.customer()
    fault(store)
    for act in (john.view, john.add, john.login, john.logout, desk.visitor().login):
        assert_unavailable(timed(act))


@pytest.mark.parametrize("fault", FAULTS)
def test_request_without_a_session_is_served_while_the_store_is_down(store: Valkey, fault) -> None:
    desk = stateful(store.url)
    fault(store)
    stranger = desk.visitor()
    assert timed(lambda: stranger.request("GET", "/api/products")).status_code == 200
    assert timed(stranger.view).status_code == 401


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "act", [Customer.add, Customer.login, Customer.logout], ids=["add", "login", "logout"]
)
def test_store_that_fails_between_reading_and_writing(
    store: Valkey, fault, act, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = stateful(store.url)
    john = desk.customer()
    view = desk.app.preprocess_request  # runs after the session is read, before it is saved

    def fails_now() -> object:
        fault(store)
        return view()

    monkeypatch.setattr(desk.app, "preprocess_request", fails_now)
    assert_unavailable(timed(lambda: act(john)))


def test_paused_store_that_goes_on_has_kept_the_cart(store: Valkey) -> None:
    if os.name == "nt":
        pytest.skip("Windows has no SIGSTOP")
    john = stateful(store.url).customer()
    john.add()
    pause(store)
    assert_unavailable(timed(john.view))
    os.kill(store.process.pid, signal.SIGCONT)
    assert timed(john.view).json["cart"]["item_count"] == 1


def test_dead_store_that_comes_back_has_kept_nothing(store: Valkey) -> None:
    john = stateful(store.url).customer()
    kill(store)
    assert_unavailable(timed(john.view))
    port = int(store.url.split(":")[2].split("/")[0])
    with running_valkey(port):
        assert timed(john.view).status_code == 401, "it was in the memory of the dead process"
        assert timed(john.login).status_code == 200


def test_outage_is_a_line_in_the_log_and_not_a_trace(
    store: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    john = stateful(store.url).customer()
    kill(store)
    john.view()
    [record] = caplog.records
    assert "503" in record.getMessage() and record.exc_info is None


def test_desks_without_that_store_do_not_notice(store: Valkey, tmp_path: Path) -> None:
    unmoved: list[Desk] = [stateless(), stateful("memory"), stateful(f"file:{tmp_path}")]
    customers = [desk.customer() for desk in unmoved]
    kill(store)
    assert [timed(john.add).status_code for john in customers] == [201, 201, 201]
