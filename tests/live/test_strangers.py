"""Answers that no server of the lab gave, and a broken load balancer: the rows are unknown."""

import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace

import psutil
import pytest
import requests

from lab import experiments
from lab.core.faults import FaultKind
from lab.core.op_key import OP_KEY
from lab.crowd.doubts import DoubtKind
from lab.crowd.timetable import PlannedFault
from lab.evidence.result import Settings, Verdict
from lab.evidence.run_document import exit_status
from lab.experiments import crash
from lab.experiments.matrix import two_desks
from lab.experiments.runner import NOT_RUN, Run
from lab.processes import ports
from lab.processes.waiting import wait_until
from lab.report import wording

BY_STRANGER = "answered by a process the lab did not start"
EVERYTHING_IS_FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
DEADLINE_S = 60


def perform(tmp_path, script, *apps, seeded=""):
    experiment = replace(experiments.find("crash"), script=script, quick_customers=4)
    variants = [each for each in two_desks(Settings(servers=2)) if each.app in apps]
    if seeded:
        variants = [
            replace(
                each,
                module="lab.seeded_bugs",
                env={"SEEDED_BUG": seeded, "DESK": f"{each.app}_app"},
            )
            for each in variants
        ]
    (tmp_path / "run").mkdir(mode=0o700)
    return Run(tmp_path / "run", seed=1, quick=True).perform(experiment, variants)


class Yes(socketserver.BaseRequestHandler):
    """Says 200 to everything."""

    heard = b""

    def handle(self):
        Yes.heard += self.request.recv(65536)
        self.request.sendall(EVERYTHING_IS_FINE)


class Taker(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def stranger_at(address):
    host, _, port = address.rpartition(":")
    with Taker((host, int(port)), Yes) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def without_hold(monkeypatch):
    """The lab as on systems where a dead server's port is free."""
    monkeypatch.setattr(ports, "CAN_HOLD", False)


# Tries, as another user if this one is root, to listen where a server was, in every way.
TAKE = """
import os, socket, sys
port, is_root = int(sys.argv[1]), os.geteuid() == 0
if is_root:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
ways = [[], [socket.SO_REUSEADDR]]
ways += [[socket.SO_REUSEPORT], [socket.SO_REUSEADDR, socket.SO_REUSEPORT]] if is_root else []
for family, host in ((2, "127.0.0.1"), (2, "0.0.0.0"), (socket.AF_INET6, "::")):
    for way in ways:
        try:  # there may be no IPv6
            with socket.socket(family) as s:
                [s.setsockopt(socket.SOL_SOCKET, option, 1) for option in way]
                s.bind((host, port))
                s.listen()
                print("taken with", host, way)
        except OSError:
            pass
"""


def tries_to_take(port):
    command = [sys.executable, "-I", "-c", TAKE, str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.skipif(not ports.CAN_HOLD, reason="a dead server's port is held on Linux")
def test_port_of_a_killed_server_is_taken_by_no_other_user(tmp_path):
    def script(shopper, lab):
        shopper.login()
        shopper.add("laptop")
        port = int(lab.address_of("A").rpartition(":")[2])
        lab.kill("A")
        tried.append(tries_to_take(port))
        dead = shopper.view_cart(server="A")
        lab.restart("A")
        tried.append(tries_to_take(port))
        back = shopper.view_cart(server="A")
        tried.append([dead.status, back.status])
        lab.measure(control_kept=1, predicted_lost=[], observed_lost=[], sets_equal=True)

    tried = []
    (row,) = perform(tmp_path, script, "stateless").variants
    assert tried == ["", "", [502, 200]]
    assert row.verdict is Verdict.HOLDS, wording.outcome(row)


@pytest.mark.usefixtures("without_hold")
def test_process_that_took_a_killed_servers_port_is_no_server_of_the_lab(tmp_path):
    def script(shopper, lab):
        for customer in lab.customers:
            customer.login()
            customer.add("laptop")
        lab.kill("A")
        with stranger_at(lab.address_of("A")):
            for customer in lab.customers:
                customer.view_cart(server="A")
        lab.measure(control_kept=4, predicted_lost=[], observed_lost=[], sets_equal=True)
        assert shopper.last.headers.get("X-Served-By"), "this is not an answer of the shop"

    result = perform(tmp_path, script, "stateless")
    (row,) = result.variants
    assert row.verdict is Verdict.UNKNOWN
    assert BY_STRANGER in wording.outcome(row)
    assert "without a name" in wording.outcome(row)
    assert row.measurements["carts_unknown"] == row.measurements["carts_acknowledged"] == 4
    assert row.broken_expectation is None  # the assertion failed for an answer of the stranger's
    assert exit_status([result]) == 3
    assert b"X-Op: " in Yes.heard
    assert OP_KEY.encode() not in Yes.heard  # it could be used at nginx


def test_neighbour_who_copies_every_op_spoils_nothing(tmp_path):
    def script(shopper, lab):
        for customer in lab.customers:
            for exchange in (customer.login(), customer.add("laptop")):
                url, copied = f"{lab.url}/api/products", {"X-Op": exchange.op}
                assert requests.get(url, headers=copied, timeout=60).ok
                assert requests.get(url, headers={**copied, "X-Op-Key": "0" * 32}, timeout=60).ok
            customer.view_cart()
        lab.measure(control_kept=4, predicted_lost=[], observed_lost=[], sets_equal=True)

    (row,) = perform(tmp_path, script, "stateless").variants
    assert row.trouble is None
    assert row.measurements["requests"] == 12


@pytest.mark.parametrize("bug", ["random-instance", "signs-as-a"])
def test_server_that_hides_who_it_is_is_no_witness(tmp_path, bug):
    script = experiments.find("crash").script
    result = perform(tmp_path, script, "stateful", "stateless", seeded=bug)
    for row in result.variants:
        assert row.verdict is Verdict.UNKNOWN
        assert BY_STRANGER in wording.outcome(row)
    assert exit_status([result]) == 3


def test_crowd_that_is_answered_by_a_server_of_another_name_says_so(tmp_path):
    def script(shopper, lab):
        result = lab.crowd(crash.buy_here, 6, 60.0, for_s=2.0, warm_up_s=0.0, once=True)
        doubts.extend(result.doubts)

    doubts = []
    perform(tmp_path, script, "stateless", seeded="signs-as-a")
    assert DoubtKind.STRANGERS in {each.kind for each in doubts}


class Impostor(threading.Thread):
    """Takes a server's port as soon as it is free, says who that was, and that it has no cart."""

    def __init__(self, address, info):
        super().__init__(daemon=True)
        self.address, self.over, self.answered = address.rpartition(":"), threading.Event(), 0
        self.answer = (
            "HTTP/1.1 401 UNAUTHORIZED\r\nContent-Length: 2\r\nConnection: close\r\n"
            f"X-Served-By: {info['replica']}\r\nX-Instance: {info['instance']}\r\n\r\n{{}}"
        ).encode()

    def run(self):
        with self.listen() as listener:
            listener.settimeout(0.1)
            while not self.over.is_set():
                with suppress(OSError), listener.accept()[0] as connection:
                    connection.settimeout(1)
                    connection.recv(65536)
                    connection.sendall(self.answer)
                    self.answered += 1

    def listen(self):
        while not self.over.is_set():
            with suppress(OSError):
                return socket.create_server((self.address[0], int(self.address[2])))
        return socket.socket()


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="a port is free at once")
@pytest.mark.usefixtures("without_hold")
def test_impostor_who_takes_the_port_in_the_moment_of_death_decides_nothing(tmp_path):
    def script(shopper, lab):
        impostor = Impostor(lab.address_of("A"), lab.server_info("A"))
        impostor.start()
        kill = PlannedFault(FaultKind.KILL, "A", 1.0)
        result = lab.crowd(crash.buy_here, 12, 120.0, for_s=3.0, warm_up_s=0.0, timetable=(kill,))
        impostor.over.set()
        impostor.join()
        found.append((impostor.answered, result))

    found = []
    perform(tmp_path, script, "stateless")
    ((answered, crowd),) = found
    assert answered > 0
    assert DoubtKind.STRANGERS in {each.kind for each in crowd.doubts}
    assert crowd.carts_as_predicted  # no status 1: nothing was found out about the desk
    assert crowd.carts.unknown == crowd.carts.owed > 0


def buy_and_break(kill):
    """A script in which nginx is broken in the middle."""

    def script(shopper, lab):
        shopper.login()
        shopper.add("laptop")
        kill(lab._pool.balancer)
        for _ in range(3):
            shopper.view_cart()
        assert shopper.view_cart().ok, "the cart is away"

    return script


def kill_worker(balancer):
    (worker,) = psutil.Process(balancer.pid).children()
    os.kill(worker.pid, signal.SIGKILL)
    log = balancer.log_path
    assert wait_until(lambda: "exited on signal" in log.read_text(), DEADLINE_S)


def kill_master(balancer):
    processes = [psutil.Process(balancer.pid), *psutil.Process(balancer.pid).children()]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes[1:], DEADLINE_S)
    assert wait_until(balancer.has_ended, DEADLINE_S)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_worker_of_nginx_leaves_the_row_unknown_and_the_next_one_judged(tmp_path):
    broken = []

    def script(shopper, lab):
        if broken:
            return experiments.find("crash").script(shopper, lab)
        broken.append(1)
        return buy_and_break(kill_worker)(shopper, lab)

    result = perform(tmp_path, script, "stateful", "stateless")
    first, second = result.variants
    assert wording.outcome(first) == (
        "the load balancer is broken: nginx's worker was ended by signal 9"
    )
    assert second.verdict is Verdict.HOLDS
    assert result.verdict is Verdict.UNKNOWN  # both rows were behind the same load balancer
    assert "nginx's worker was ended" in wording.decision(result)
    assert exit_status([result]) == 3


def pause(process):
    """Stop it, and wait until the kernel has: on a busy machine that is not at once."""
    process.suspend()
    assert wait_until(lambda: process.status() == psutil.STATUS_STOPPED, DEADLINE_S)


def pause_master(balancer):
    pause(psutil.Process(balancer.pid))


def pause_worker(balancer):
    pause(psutil.Process(balancer.pid).children()[0])


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("pause_part", [pause_master, pause_worker])
def test_paused_nginx_is_said_and_no_row_of_timeouts(tmp_path, pause_part):
    def script(shopper, lab):
        shopper.login()
        shopper.add("laptop")
        pause_part(lab._pool.balancer)
        shopper.view_cart(timeout_s=0.2)

    result = perform(tmp_path, script, "stateful", "stateless")
    first, second = result.variants
    assert wording.outcome(first) == (
        "the load balancer does not answer: nginx is paused (SIGSTOP)"
    )
    assert (first.verdict, result.verdict) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert wording.outcome(second) == NOT_RUN
    assert exit_status([result]) == 3


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_crowd_behind_a_broken_load_balancer_knows_nothing_of_its_carts(tmp_path):
    def script(shopper, lab):
        killer = threading.Timer(2.0, kill_worker, [lab._pool.balancer])
        killer.start()
        result = lab.crowd(crash.buy_here, 6, 60.0, for_s=4.0, warm_up_s=0.0)
        killer.join()
        crowds.append(result)

    crowds = []
    perform(tmp_path, script, "stateless")
    (crowd,) = crowds
    assert DoubtKind.BALANCER_BROKEN in {each.kind for each in crowd.doubts}
    assert crowd.carts.unknown == crowd.carts.owed > 0


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_nginx_is_said_once_and_no_script_is_run_against_it(tmp_path):
    result = perform(tmp_path, buy_and_break(kill_master), "stateful", "stateless")
    first, second = result.variants
    assert wording.outcome(first).startswith(
        "the load balancer is broken: nginx has ended (SIGKILL"
    )
    assert first.broken_expectation is None
    assert wording.outcome(second) == NOT_RUN
    assert second.exchanges == []
    assert exit_status([result]) == 3
