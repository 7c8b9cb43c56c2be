"""Nothing outlives the lab: not an exception, not Ctrl-C, not `kill -9` of the lab itself."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import wait_for

from lab.core.errors import LabError
from lab.processes.ports import HeldPort, is_open
from lab.stack import local_pool
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import PoolSpec
from lab.stack.stack import Stack

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
SEED = int(os.environ.get("LAB_TEST_SEED", time.time_ns() % 1_000_000))
LAB = """
import signal, sys, threading
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import PoolSpec
from lab.stack.stack import Stack
run_dir, resident = Path(sys.argv[1]), sys.argv[2] == "stay"
pools = [PoolSpec("stateless", "stateless_app", servers=2)]
with (
    LocalStore(run_dir, resident=resident) as store,
    Stack(pools, run_dir, store=store, resident=resident) as stack,
):
    if sys.argv[3] == "stopped":
        stack.pools["stateless"].servers["A"].pause()
        store.pause()
    print("ready", flush=True)
    threading.Event().wait()
"""


def left(run_dir):
    """Living processes that belong to a run: by their environment or their directory."""
    run_dir = str(Path(run_dir).absolute())

    def belongs(process):
        try:
            return (
                process.pid != os.getpid()
                and process.status() != psutil.STATUS_ZOMBIE
                and (
                    process.cwd().startswith(run_dir)
                    or process.environ().get("LAB_RUN_DIR") == run_dir
                )
            )
        except psutil.Error:
            return False

    return [process for process in psutil.process_iter() if belongs(process)]


class Lab:
    """A lab in a process of its own, to be ended in every way there is."""

    def __init__(self, run_dir, mode="exec", state="running"):
        self.run_dir = run_dir
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAB, str(run_dir), mode, state],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def wait_ready(self):
        assert self.process.stdout.readline() == b"ready\n", self.process.stderr.read()
        return self

    def end(self, *signals, gap_s=0.0):
        for number in signals:
            self.process.send_signal(number)
            time.sleep(gap_s)
        self.process.communicate(timeout=60)

    def assert_nothing_left(self):
        wait_for(lambda: not left(self.run_dir))


@pytest.mark.parametrize("resident", [None, True])
def test_up_and_down_leaves_no_process_and_no_port(tmp_path, resident):
    run_dir = tmp_path / "r"
    pools = [PoolSpec(name, "stateless_app", servers=2) for name in ("one", "two")]
    with (
        LocalStore(run_dir, resident=resident) as store,
        Stack(pools, run_dir, store=store, resident=resident) as stack,
    ):
        servers = [r for pool in stack.pools.values() for r in pool.servers.values()]
        assert {r.server_info()["pid"] for r in servers} == {r.pid for r in servers}
        servers[0].pause()
        assert servers[1].kill().process_gone
        assert servers[1].restart().instance == servers[1].server_info()["instance"]
        stack.pools["two"].set_retry("on")
        ports = [stack.balancer.port, *(r.port for r in servers)]
        assert all(map(is_open, ports)) and store.listens()
        assert len(left(run_dir)) >= 7  # 4 servers, nginx master and worker, the store
    assert not left(run_dir)
    assert not any(map(is_open, ports)) and not store.listens()


def test_exception_in_the_block_leaves_nothing(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        Stack([PoolSpec("one", "stateless_app", servers=2)], tmp_path / "r"),
    ):
        assert left(tmp_path / "r")
        1 / 0  # noqa: B018
    assert not left(tmp_path / "r")


def test_app_that_does_not_start_is_quoted_at_once_and_leaves_nothing(tmp_path):
    pools = [PoolSpec("good", "stateless_app"), PoolSpec("bad", "no_such_app", servers=1)]
    with pytest.raises(LabError, match=r"(?s)bad/A ended.*No module named '?no_such_app"):
        Stack(pools, tmp_path / "r").__enter__()
    assert not left(tmp_path / "r")


def test_taken_port_is_said_and_a_bad_configuration_is_quoted(tmp_path):
    import socket

    pools = [PoolSpec("one", "stateless_app", servers=1)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LabError, match=f"port {port} is taken.*--port 0"):
            Stack(pools, tmp_path / "r", port=port).__enter__()
    bad = ("location /x { no_such_directive; }",)
    with pytest.raises(LabError, match=r'unknown directive "no_such_directive"'):
        Stack(pools, tmp_path / "r", extra_locations=bad).__enter__()
    assert not left(tmp_path / "r")


def test_server_whose_port_was_taken_meanwhile_takes_another(tmp_path, monkeypatch):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(local_pool, "hold_ports", lambda count: [HeldPort(taken)] * count)
        with Stack([PoolSpec("one", "stateless_app", servers=1)], tmp_path / "r") as stack:
            server = stack.pools["one"].servers["A"]
            assert server.port != taken
            assert server.server_info()["instance"] == server.instance


def test_kill_9_of_the_lab_at_ten_random_moments_leaves_no_orphan(tmp_path):
    print(f"LAB_TEST_SEED={SEED}")
    moments = random.Random(SEED)
    began = time.monotonic()
    Lab(tmp_path / "whole").wait_ready().end(signal.SIGINT)
    whole_s = time.monotonic() - began
    caught = 0
    for n in range(10):
        lab = Lab(tmp_path / f"r{n}", mode="stay" if n % 3 == 2 else "exec")
        # The moment is the experiment: one in each tenth of the time that all of it takes.
        time.sleep((n + moments.random()) / 10 * whole_s)
        caught += bool(left(lab.run_dir))
        lab.end(signal.SIGKILL)
        lab.assert_nothing_left()
    assert caught, "the lab had children at none of 10 moments"


@pytest.mark.parametrize("mode", ["exec", "stay"])
def test_kill_9_of_the_lab_ends_even_what_is_stopped(tmp_path, mode):
    lab = Lab(tmp_path / "r", mode, "stopped").wait_ready()
    assert len(left(lab.run_dir)) >= 5
    lab.end(signal.SIGKILL)
    lab.assert_nothing_left()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_leaves_nothing_however_often(tmp_path, times):
    print(f"LAB_TEST_SEED={SEED}")
    moments = random.Random(SEED + times)
    lab = Lab(tmp_path / "r").wait_ready()
    lab.end(*[signal.SIGINT] * times, gap_s=moments.uniform(0, 0.02))
    lab.assert_nothing_left()
    assert lab.process.returncode in (-signal.SIGINT, 130, 1)


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path):
    print(f"LAB_TEST_SEED={SEED}")
    moments = random.Random(SEED)
    for n in range(3):
        lab = Lab(tmp_path / f"r{n}")
        time.sleep(moments.uniform(0.2, 0.8))
        lab.end(signal.SIGINT)
        lab.assert_nothing_left()
