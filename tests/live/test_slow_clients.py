"""Many connections that never finish a request: a server goes on serving customers."""

import http.client
import os
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from lab.processes.ports import free_ports
from lab.processes.spawn import Children, clean_environment, module_command
from lab.processes.waiting import wait_until
from lab.shop.bounded_server import ARRIVES_WITHIN_S, MOST_CONNECTIONS
from lab.stack.server import server_info

resource = pytest.importorskip("resource")
CROWD = MOST_CONNECTIONS + 100
DEADLINE_S = 60
HALF = b"GET /api/products HTTP/1.1\r\nHost: a\r\nX-Half: "


@pytest.fixture
def open_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CROWD + 500
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip("this system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def port(tmp_path):
    (port,) = free_ports(1)
    children = Children()
    try:
        children.spawn(
            "desk",
            module_command("stateless_app", "--port", str(port)),
            log_path=tmp_path / "desk.log",
            env=clean_environment({"LAB_RUN_DIR": str(tmp_path)}),
        )
        assert wait_until(lambda: server_info(port), DEADLINE_S)
        yield port
    finally:
        children.close()


def buy(port):
    """Be answered by the server; return the status."""
    customer = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S / 2)
    try:
        customer.request("GET", "/api/products")
        answer = customer.getresponse()
        answer.read()
        return answer.status
    finally:
        customer.close()


def half_a_request(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
    connection.sendall(HALF)
    return connection


@pytest.mark.skipif(os.name != "posix", reason="limits of open files")
def test_server_is_not_stopped_by_connections_that_trickle_half_a_request(open_files, port):
    with ExitStack() as slow:
        crowd = [slow.enter_context(half_a_request(port)) for _ in range(CROWD)]
        for _ in range(3):
            for connection in crowd:
                with suppress(OSError):  # it had to give way
                    connection.sendall(b"x")
            assert buy(port) == 200


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="limits of open files")
def test_request_that_takes_too_long_to_arrive_is_ended_though_its_bytes_come(port):
    began = time.monotonic()
    with half_a_request(port) as slow:
        slow.settimeout(0.5)
        with suppress(ConnectionError):
            while time.monotonic() < began + DEADLINE_S:
                slow.sendall(b"x")
                with suppress(TimeoutError):
                    assert slow.recv(1) == b""
                    break
            else:
                pytest.fail("the server waits for ever")
    assert time.monotonic() - began > ARRIVES_WITHIN_S - 1
    assert buy(port) == 200
