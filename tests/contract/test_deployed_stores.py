"""The stateful desk on a cluster of three nodes, and on a primary that sentinels watch."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from conftest import wait_for
from deployments import PASSWORD, Deployment, running_cluster, running_sentinels

import stateful_app
from lab.shop.http import InstanceInfo
from stateful_app.config import Config

from .conftest import Customer, Desk, stateful
from .test_store_down import assert_unavailable, timed
from .test_store_operations import HEADER, WAYS

KINDS = {"cluster": running_cluster, "sentinel": running_sentinels}
AT_ONCE = 8  # as many threads as a server has

needs_sigstop = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")


@pytest.fixture(scope="module", params=KINDS)
def deployed(request, tmp_path_factory) -> Iterator[Deployment]:
    """A deployment that every test leaves as it was."""
    with KINDS[request.param](tmp_path_factory.mktemp(request.param), wait_for) as running:
        yield running


@pytest.fixture
def paused(deployed: Deployment) -> Iterator[Deployment]:
    """The same with every process stopped; it goes on when the test has ended."""
    for each in deployed.processes:
        each.pause()
    yield deployed
    deployed.resume()


_prefixes = count()


def two_replicas(url: str) -> list[Desk]:
    """Open two desks that share their keys, as two servers do."""
    prefix = f"shared{next(_prefixes)}:"
    configs = [Config(InstanceInfo(name), url, key_prefix=prefix) for name in "AB"]
    return [found(Desk(stateful_app.create_app(config), "redis")) for config in configs]


def found(desk: Desk) -> Desk:
    """The same when it has found its store: a cluster's client refuses before it has a map."""
    wait_for(lambda: desk.visitor().login().status_code == 200)
    return desk


def test_cart_is_found_at_another_replica(deployed: Deployment) -> None:
    ours, other = two_replicas(deployed.url)
    for number in range(9):  # enough that every node of a cluster keeps some of them
        john, there = ours.customer(str(number)), other.visitor()
        john.add("mouse", number + 1)
        there.client = other.app.test_client()
        there.client.set_cookie("desk_session", john.client.get_cookie("desk_session").value)
        assert there.view().json["cart"]["item_count"] == number + 1
        assert there.logout().status_code == 204
        assert john.view().status_code == 401


@pytest.fixture(scope="module")
def desk(deployed: Deployment) -> Desk:
    """A desk of the module."""
    return found(stateful(deployed.url))


@pytest.mark.parametrize(("act", "operations"), [it[1:] for it in WAYS], ids=[it[0] for it in WAYS])
def test_operations_are_what_the_servers_have_counted(deployed, desk, act, operations) -> None:
    for number in range(4):
        john = desk.customer(str(number))
        before = deployed.commands()
        answer = act(john)
        assert int(answer.headers[HEADER]) == deployed.commands() - before == operations


@needs_sigstop
def test_requests_at_once_are_refused_in_time_and_served_again(deployed, desk) -> None:
    customers = [desk.customer(str(number)) for number in range(AT_ONCE)]
    for each in deployed.processes:
        each.pause()
    try:
        with ThreadPoolExecutor(AT_ONCE) as hands:
            for answer in hands.map(lambda one: timed(one.view), customers):
                assert_unavailable(answer)
                assert answer.headers[HEADER] == "0"
    finally:
        deployed.resume()
    wait_for(lambda: all(one.view().status_code == 200 for one in customers))


@needs_sigstop
def test_server_that_starts_while_its_store_is_paused(paused: Deployment) -> None:
    desk = stateful(paused.url)
    visitors = [desk.visitor() for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as hands:
        answers = list(hands.map(lambda one: timed(one.login), visitors))
    for answer in answers:
        assert_unavailable(answer)
    paused.resume()
    wait_for(lambda: desk.visitor().login().status_code == 200)


@needs_sigstop
def test_node_of_a_cluster_takes_only_its_own_keys_along(deployed, desk) -> None:
    if deployed.sentinels:
        pytest.skip("this is about a cluster")
    customers = [desk.customer(str(number)) for number in range(12)]
    late = stateful(deployed.url)  # does not know the nodes yet
    late.app.session_interface.key_prefix = desk.app.session_interface.key_prefix
    deployed.servers[0].pause()
    try:
        for each in (desk, late):
            wait_for(lambda d=each: statuses(d, customers) == {200, 503})
    finally:
        deployed.resume()
    wait_for(lambda: statuses(desk, customers) == {200})


def statuses(desk: Desk, customers: list[Customer]) -> set[int]:
    """Return what this desk answers to customers who logged in at another replica."""

    def view(cookie: str) -> int:
        client = desk.app.test_client()
        client.set_cookie("desk_session", cookie)
        return timed(lambda: client.get("/api/cart")).status_code

    cookies = [one.client.get_cookie("desk_session").value for one in customers]
    with ThreadPoolExecutor(AT_ONCE) as hands:
        return set(hands.map(view, cookies))


def test_failover_keeps_the_carts(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    with running_sentinels(tmp_path, wait_for, replicas=1) as deployed:
        desk = stateful(deployed.url)
        john = desk.customer()
        john.add()
        primary, replica = deployed.servers
        wait_for(lambda: replica.keys() == primary.keys() == 1)
        primary.kill()
        assert_unavailable(timed(john.view))
        wait_for(lambda: timed(john.view).status_code == 200)
        assert john.view().json["cart"]["item_count"] == 1
        assert john.add().status_code == 201
        deployed.sentinels[0].kill()
        assert john.view().status_code == 200, "a connection to the primary needs no sentinel"
        replica.kill()
        assert_refused(john, desk, deployed)
    for record in caplog.records:
        assert record.exc_info is None and len(record.getMessage()) < 120
        assert PASSWORD not in record.getMessage()


def test_log_says_why_there_is_no_cluster(caplog: pytest.LogCaptureFixture) -> None:
    visitor = stateful("redis+cluster://:s3cret@127.0.0.1:1").visitor()
    assert_unavailable(timed(visitor.login))
    assert "connecting to 127.0.0.1:1" in caplog.text
    assert "s3cret" not in caplog.text


def test_every_node_of_a_cluster_dead(tmp_path) -> None:
    with running_cluster(tmp_path, wait_for) as deployed:
        desk = stateful(deployed.url)
        john = desk.customer()
        for each in deployed.processes:
            each.kill()
        assert_refused(john, desk, deployed)


def assert_refused(john: Customer, desk: Desk, deployed: Deployment) -> None:
    """See every request refused in time, by the desk and by one that has just started."""
    for act in (john.view, john.add, john.login, john.logout, desk.visitor().login):
        assert_unavailable(timed(act))
    assert_unavailable(timed(stateful(deployed.url).visitor().login))
