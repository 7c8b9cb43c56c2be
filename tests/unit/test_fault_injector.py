"""The one injector: each fault is an event, in turn, with what was seen of it."""

import threading

import pytest

from lab.core.errors import LabError
from lab.core.faults import STORE, FaultEvidence, FaultKind
from lab.stack.faults import FaultInjector

GONE = FaultEvidence(pid=1, instance="a1", process_gone=True, port_closed=True)


class FakeServer:
    """A server that remembers what was done to it."""

    def __init__(self, restartable=True, kill_seen=GONE):
        self.state = "up"
        self.done = []
        self.busy = threading.Lock()
        self._restartable = restartable
        self._kill_seen = kill_seen

    def require_restart(self, env):
        if not self._restartable:
            raise LabError("no restart here")

    def kill(self):
        assert self.busy.acquire(blocking=False), "two faults of one server at the same time"
        self.done.append("kill")
        self.state = "dead"
        self.busy.release()
        return self._kill_seen

    def restart(self, env):
        self.done.append(("restart", env))
        self.state = "up"
        return FaultEvidence(instance="a2", was="a1")

    def pause(self):
        self.done.append("pause")
        return FaultEvidence(frozen=None)


class FakePool:
    """A pool of one server that the lab did not start."""

    name = "stateful"

    def __init__(self, server):
        self.servers = {"A": server}

    def server(self, name):
        if name not in self.servers:
            raise LabError(f"no server {name!r}")
        return self.servers[name]


def no_store():
    raise LabError("no store runs")


def injector(server):
    faults, heard = FaultInjector(FakePool(server), no_store, iter(range(99)).__next__), []
    return faults, heard, faults.subscribe(heard.append)


def test_restart_of_a_running_server_is_a_kill_and_a_restart():
    server = FakeServer()
    faults, heard, _ = injector(server)
    event = faults.inject("A", FaultKind.RESTART, {"X": "1"})
    assert server.done == ["kill", ("restart", {"X": "1"})]
    assert [(each.kind, each.confirmed, each.at_s) for each in heard] == [
        ("kill", True, 0),
        ("restart", True, 1),
    ]
    assert event is heard[-1]
    assert [each.evidence.for_restart for each in heard] == [True, False]
    server.state = "dead"
    faults.inject("A", FaultKind.RESTART)
    assert [each.kind for each in heard[2:]] == ["restart"]


def test_server_that_cannot_be_restarted_is_not_killed_for_it():
    server = FakeServer(restartable=False)
    faults, heard, _ = injector(server)
    with pytest.raises(LabError, match="no restart here"):
        faults.inject("A", FaultKind.RESTART)
    assert (server.done, heard) == ([], [])


@pytest.mark.parametrize(
    ("kind", "seen", "confirmed"),
    [
        ("kill", GONE, True),
        ("kill", FaultEvidence(process_gone=None, port_closed=True), True),
        ("kill", FaultEvidence(process_gone=True, port_closed=False), False),
        ("kill", FaultEvidence(process_gone=None, port_closed=True, instance_gone=True), True),
        ("kill", FaultEvidence(process_gone=None, port_closed=True, instance_gone=False), False),
        ("kill", FaultEvidence(process_gone=None, port_closed=False, instance_gone=True), True),
        ("pause", None, None),
    ],
)
def test_event_says_whether_the_effect_was_seen(kind, seen, confirmed):
    faults, heard, _ = injector(FakeServer(kill_seen=seen))
    assert faults.inject("A", FaultKind(kind)).confirmed is confirmed
    assert [each.confirmed for each in heard] == [confirmed]


def test_subscription_hears_nothing_after_its_end():
    faults, heard, stop = injector(FakeServer())
    others = []
    faults.subscribe(others.append)
    stop()
    faults.inject("A", FaultKind.KILL)
    assert (len(heard), len(others)) == (0, 1)


@pytest.mark.parametrize("target", ["Z", "", "a", "A/B", "\x00"])
def test_unknown_target_is_refused_and_no_event(target):
    faults, heard, _ = injector(FakeServer())
    for kind in (FaultKind.KILL, FaultKind.RESTART, FaultKind.PAUSE, FaultKind.RESUME):
        with pytest.raises(LabError, match="no server"):
            faults.inject(target, kind)
    assert heard == []


def test_store_that_is_not_there_is_refused_and_so_is_a_pool_that_is_not_the_labs():
    faults, heard, _ = injector(FakeServer())
    with pytest.raises(LabError, match="no store runs"):
        faults.inject(STORE, FaultKind.PAUSE)
    with pytest.raises(LabError, match="did not start the servers"):
        faults.inject("A", FaultKind.DRAIN)
    assert (heard, faults.draining) == ([], {})


def test_faults_of_one_server_follow_one_another():
    server = FakeServer()
    faults, heard, _ = injector(server)
    threads = [threading.Thread(target=faults.inject, args=("A", "restart")) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert [each.kind for each in heard] == ["kill", "restart"] * 8
