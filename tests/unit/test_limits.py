"""A limit of open files or of processes is named with the number that is needed."""

import errno
import os

import pytest

from lab.cli import guard
from lab.core import limits
from lab.core.errors import LabError
from lab.crowd.crowd_run import require_room
from lab.crowd.load_profile import LoadProfile

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="limits of POSIX")


@pytest.fixture
def files(monkeypatch):
    """Play a limit of open files; what is set is remembered."""
    kept = {}

    def of(soft, hard):
        kept["limit"] = (soft, hard)
        monkeypatch.setattr(limits.resource, "getrlimit", lambda which: kept["limit"])
        monkeypatch.setattr(
            limits.resource, "setrlimit", lambda which, limit: kept.update(limit=limit)
        )
        return kept

    return of


@pytest.fixture
def processes(monkeypatch):
    """Play a limit of processes, and how many are in use."""

    def of(limit, used, uid=1000):
        monkeypatch.setattr(limits.resource, "getrlimit", lambda which: (limit, limit))
        monkeypatch.setattr(limits.os, "getuid", lambda: uid)
        monkeypatch.setattr(limits, "_processes_in_use", lambda: used)

    return of


def test_open_files_within_the_soft_limit_change_nothing(files):
    kept = files(1024, 4096)
    limits.require_open_files(1024, "a crowd")
    assert kept["limit"] == (1024, 4096)


def test_open_files_up_to_the_hard_limit_are_taken(files):
    kept = files(256, 4096)
    limits.require_open_files(4096, "a crowd")
    assert kept["limit"] == (4096, 4096)


def test_open_files_past_the_hard_limit_are_refused_with_both_numbers(files):
    kept = files(64, 64)
    with pytest.raises(LabError, match=r"64 files open .*a crowd needs 232: .*ulimit -n 232"):
        limits.require_open_files(232, "a crowd")
    assert kept["limit"] == (64, 64)


@pytest.mark.parametrize("limit", [(resource.RLIM_INFINITY,) * 2, (1024, resource.RLIM_INFINITY)])
def test_open_files_without_a_limit_are_not_counted(files, limit):
    files(*limit)
    limits.require_open_files(1000, "a crowd")


def test_processes_past_the_limit_are_refused_with_all_numbers(processes):
    processes(60, used=20)
    limits.require_processes(40, "a run")
    with pytest.raises(
        LabError, match=r"60 processes .*20 are in use, and a run needs 41 more: .*-u 61"
    ):
        limits.require_processes(41, "a run")


@pytest.mark.parametrize(
    ("limit", "uid"), [(60, 0), (resource.RLIM_INFINITY, 1000), (100_000, 1000)]
)
def test_processes_of_root_or_without_a_near_limit_are_not_counted(processes, limit, uid):
    processes(limit, used=10**9, uid=uid)
    limits.require_processes(10**6, "a run")


def test_processes_in_use_are_counted_with_their_threads():
    assert limits._processes_in_use() >= 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (OSError(errno.ENFILE, "Too many open files in system"), "ulimit -n"),
        (RuntimeError("can't start new thread"), "could not be started"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "could not be started"),
    ],
    ids=repr,
)
def test_limit_that_is_met_all_the_same_is_named_without_a_traceback(error, said):
    assert said in guard.explanation(error)
    assert "a fault of the lab" not in guard.explanation(error)


@pytest.mark.parametrize("error", [RuntimeError("x"), OSError(5, "x"), ValueError("ulimit")])
def test_error_of_another_kind_is_no_limit(error):
    assert limits.limit_met(error) == ""


@pytest.mark.parametrize("engine", ["locust", "threads"])
def test_crowd_needs_two_files_for_a_shopper(files, engine):
    files(64, 64)
    with pytest.raises(LabError, match="a crowd of 100 shoppers needs 232"):
        require_room(LoadProfile(script="x.py", shoppers=100, engine=engine))


def test_crowd_of_threads_needs_a_thread_for_a_shopper(processes):
    processes(400, used=350)
    with pytest.raises(LabError, match="a crowd of 100 shoppers needs 100 more"):
        require_room(LoadProfile(script="x.py", shoppers=100, engine="threads"))
    require_room(LoadProfile(script="x.py", shoppers=100, engine="locust"))
