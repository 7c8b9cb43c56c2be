"""Processes are started ahead where that is safe, and no more of them than will be asked for."""

import threading

import pytest

from lab.check import pool as pool_module
from lab.check.budget import Budget
from lab.check.launcher import EndedAtStart
from lab.check.machine import CannotIsolate
from lab.check.pool import Pool
from lab.check.start import Start


class Life:
    """One process, as far as the pool goes."""

    def __init__(self, machine, number):
        self.machine, self.number, self.killed = machine, number, False

    def kill(self):
        self.killed = True

    def ended(self):
        return self.killed


class Disk:
    """A machine on which nothing is written, or something by every process."""

    wrote = False

    def __init__(self, shared=()):
        self.closed = False

    def written(self):
        return ["/data/cart"] if self.wrote else []

    def close(self):
        self.closed = True


LOCK = threading.Lock()


class Starting(Pool):
    """A pool whose processes are none."""

    started = 0
    took_s = worked_s = 0.0
    refused = ()

    def _launch(self, machine):
        with LOCK:
            self.started += 1
            self.machines = [*getattr(self, "machines", []), machine]
            number = self.started
        if number in self.refused:
            raise EndedAtStart("it ended")
        self._learn_pace(self.took_s, lambda: self.worked_s)
        return Life(machine, number)


class Clock:
    """A clock that goes on by a second whenever it is read."""

    now_s = 1.0

    def monotonic(self):
        self.now_s += 1
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(pool_module, "time", Clock())
    return pool_module.time


@pytest.fixture
def disk(monkeypatch):
    monkeypatch.setattr(pool_module, "Machine", Disk)
    monkeypatch.setattr(Disk, "wrote", False)
    return Disk


@pytest.fixture
def pool(disk, tmp_path):
    with Starting(Start("server {port}"), tmp_path / "run", Budget()) as pool:
        yield pool


def settled(pool):
    """Wait until what is being started has been; return how many were."""
    for each in (*pool._spares, *pool._others_ahead):
        each.exception()
    return pool.started


def test_no_more_are_started_than_are_expected(pool):
    pool.expect(4)
    for asked in range(1, 5):
        pool.fresh()
        assert asked < settled(pool) <= 4 or asked == 4
    assert settled(pool) == 4


def test_processes_are_started_ahead_two_of_many(pool):
    pool.expect(20)
    pool.fresh()
    assert settled(pool) == 3


def test_no_process_is_started_ahead_unasked(pool):
    pool.fresh()
    assert settled(pool) == 1


def test_process_that_must_be_young_is_started_when_it_is_asked_for(pool, clock):
    """Those that were started before are kept for others, and no more are started in all."""
    pool.expect(6)
    pool.fresh()
    assert settled(pool) == 3
    young = pool.fresh(since=clock.monotonic())
    assert settled(pool) == 6
    old = [pool.fresh() for _ in range(2)]
    assert [each.number for each in (young, *old)] == [4, 2, 3]
    pool.fresh(), pool.fresh()
    assert settled(pool) == 6


def test_process_that_shares_something_is_as_young_as_it_must_be(pool, clock):
    pool.share(on_disk_alone=False)
    pool.reset()
    pool.fresh()
    assert pool.fresh(since=clock.monotonic()).number == settled(pool) == 2


def test_slow_starts_that_only_wait_are_made_at_once(pool):
    pool.took_s, pool.worked_s = 5.0, 0.2
    pool.expect(20)
    pool.fresh()
    settled(pool)
    pool.fresh()
    assert settled(pool) == 1 + 1 + pool_module.MOST_AHEAD


def test_slow_starts_that_work_are_not(pool):
    pool.took_s, pool.worked_s = 5.0, 4.0
    pool.expect(20)
    pool.fresh()
    settled(pool)
    pool.fresh()
    assert settled(pool) == 4


def test_process_that_shares_more_than_a_disk_is_started_when_its_turn_comes(
    pool, disk, monkeypatch
):
    monkeypatch.setattr(disk, "wrote", True)
    pool.share(on_disk_alone=False)
    pool.expect(20)
    for asked in range(1, 4):
        pool.reset()
        pool.fresh()
        assert settled(pool) == asked


def test_process_that_shares_a_disk_is_started_ahead_on_machines_of_its_own(
    pool, disk, monkeypatch
):
    """And a second process of a play on the machine of the first, when its turn comes."""
    monkeypatch.setattr(disk, "wrote", True)
    pool.expect(20)
    pool.share(on_disk_alone=True)
    pool.reset()
    settled(pool)
    one, two = pool.fresh(), pool.fresh()
    assert one.machine is two.machine and not one.machine.closed
    pool.reset()
    three = pool.fresh()
    assert one.machine.closed and three.machine is not one.machine
    assert settled(pool) > 3
    assert len({*map(id, pool.machines)}) == len(pool.machines) - 1


def test_each_elsewhere_has_a_machine_of_its_own(pool, disk, monkeypatch):
    monkeypatch.setattr(disk, "wrote", True)
    pool.share(on_disk_alone=True)
    pool.expect(3)
    pool.reset()
    lives = [pool.fresh(elsewhere=True) for _ in range(3)]
    assert len({id(each.machine) for each in lives}) == 3
    assert settled(pool) == 3


def test_process_started_ahead_and_not_asked_for_is_killed(disk, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "wrote", True)
    lives = []
    monkeypatch.setattr(Life, "__init__", _noted(Life.__init__, lives))
    with Starting(Start("server {port}"), tmp_path / "run", Budget()) as pool:
        pool.expect(20)
        pool.fresh().kill()
        pool.share(on_disk_alone=True)
        pool.reset()
        settled(pool)
    assert len(lives) > 4 and all(life.killed and life.machine.closed for life in lives)


def _noted(init, lives):
    def made(self, *words):
        init(self, *words)
        lives.append(self)

    return made


def test_process_that_cannot_start_beside_others_elsewhere_is_started_alone(
    pool, disk, monkeypatch
):
    monkeypatch.setattr(disk, "wrote", True)
    pool.expect(20)
    pool.share(on_disk_alone=True)
    pool.refused = (1, 2, 3)
    pool.reset()
    settled(pool)
    pool.refused = ()
    before = pool.started
    pool.fresh()
    pool.reset()
    pool.fresh()
    assert settled(pool) == before + 2


def test_spares_live_from_play_to_play_where_no_disk_is_private(disk, tmp_path, monkeypatch):
    def none(shared=()):
        raise CannotIsolate("not here")

    monkeypatch.setattr(pool_module, "Machine", none)
    with Starting(Start("server {port}"), tmp_path / "run", Budget()) as pool:
        pool.expect(3)
        pool.fresh()
        settled(pool)
        pool.reset()
        pool.fresh()
        assert settled(pool) == 3
