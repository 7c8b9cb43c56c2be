"""The orders of a fork server, and the answers the lab makes of them."""

import os
import socket
from pathlib import Path

import msgspec
import pytest

from lab.core.errors import LabError
from lab.processes import fork_server
from lab.processes.fork_server import EndedOrder, ForkAnswer, ForkOrder
from lab.processes.forked import ForkedProcess, ForkServer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
NO_PROCESS = 2**22 + 1  # more than Linux ever gives


class Program:
    """The fork server's own process, as far as it is asked."""

    log_path = Path("fork-server.log")

    def running(self):
        return True


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    server = ForkServer(Program(), near, {"PATH": "/bin", "TZ": "UTC"})
    yield server, far
    server.close()
    far.close()


def start(server):
    return server.start("A", "module", [], Path("log"), {})


def test_answer_that_was_not_read_is_not_taken_for_the_next_one(ends):
    server, far = ends
    far.sendall(b'{"number": -1, "status": 7}\n{"number": 0, "status": 3}\n')
    assert ForkedProcess(server, 7, os.getpid()).poll() == 3


def test_status_is_asked_for_until_there_is_one(ends):
    server, far = ends
    far.sendall(b'{"number": 0, "status": null}\n{"number": 1, "status": -9}\n')
    process = ForkedProcess(server, 7, os.getpid())
    assert [process.poll(), process.poll(), process.poll()] == [None, -9, -9]


def test_process_without_a_fork_server_runs_as_long_as_its_group_lives(ends):
    server, far = ends
    far.close()
    assert ForkedProcess(server, 7, os.getpgrp()).poll() is None
    assert ForkedProcess(server, 7, NO_PROCESS).poll() == -9


def test_failure_of_the_fork_server_to_start_a_process_is_said(ends):
    server, far = ends
    far.sendall(b'{"number": 0, "error": "too many processes"}\n')
    with pytest.raises(LabError, match="A was not started: too many processes"):
        start(server)
    far.close()
    with pytest.raises(LabError, match=r"A was not started: see fork-server\.log"):
        start(server)


def test_environment_may_differ_in_what_no_program_reads_at_its_start(ends):
    server, _ = ends
    assert server.can_start({"PATH": "/usr/bin", "REPLICA": "A", "TZ": "UTC"})
    assert not server.can_start({"PATH": "/bin"})
    assert not server.can_start({"TZ": "UTC", "PYTHONPATH": "x"})


def fork_order(number):
    return ForkOrder(number, "A", "m", [], "log", {})


def answers_to(*orders):
    """Return what a fork server answers to these orders, in this process."""
    near, far = socket.socketpair()
    with near, far:
        for order in orders:
            near.sendall(msgspec.json.encode(order) + b"\n")
        near.shutdown(socket.SHUT_WR)
        assert fork_server._obey(far) is None
        lines = near.makefile("rb").read1().splitlines()
    return [msgspec.json.decode(line, type=ForkAnswer) for line in lines]


def test_fork_that_fails_is_an_answer_and_the_next_order_is_obeyed(monkeypatch):
    def too_many():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", too_many)
    failed, asked = answers_to(fork_order(4), EndedOrder(5, 4))
    assert "temporarily unavailable" in failed.error
    assert failed.number == 4
    assert asked == ForkAnswer(5)


def test_process_is_not_taken_for_an_earlier_one_that_had_its_id(monkeypatch):
    ends = iter([(NO_PROCESS, 9), (0, 0), (NO_PROCESS, 15)])
    monkeypatch.setattr(os, "fork", lambda: NO_PROCESS)
    monkeypatch.setattr(os, "waitpid", lambda pid, how: next(ends))
    orders = [EndedOrder(2, 1), fork_order(3), EndedOrder(4, 3), EndedOrder(5, 3)]
    asked_again = [EndedOrder(6, 1), EndedOrder(7, 3)]
    answers = answers_to(fork_order(1), *orders, *asked_again)
    assert [(each.number, each.status) for each in answers] == [
        (2, -9),
        (4, None),
        (5, -15),
        (6, -9),
        (7, -15),
    ]
