"""Forked processes: what `python -m` would start, one by one to kill, and none left behind."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from conftest import wait_for

from lab.processes.spawn import Children, clean_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
MODULE = """
import os, sys, time
from json import dumps
print(dumps([os.getpid(), os.getsid(0), os.getcwd(), sys.argv, dict(os.environ)]), flush=True)
if "--end" in sys.argv:
    sys.exit(sys.argv[-1])
if "--read" in sys.argv:
    print("read", repr(sys.stdin.read()), flush=True)
time.sleep(600)
"""


@pytest.fixture
def run_dir(tmp_path, monkeypatch):
    (tmp_path / "logs").mkdir()
    (tmp_path / "forkable.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def children(run_dir):
    children = Children()
    children.start_fork_server(["json", "no_such_module"], run_dir)
    yield children
    children.close()
    assert not any(each.running() for each in children._all)


def start(children, run_dir, *arguments, module="forkable", **env):
    log = run_dir / "logs" / "child.log"
    environment = clean_environment({"LAB_RUN_DIR": str(run_dir), **env})
    return children.spawn_module("the-child", module, *arguments, log_path=log, env=environment)


def said(child):
    """Return what a child says of itself."""

    def whole_line():
        with child.log_path.open() as log:
            log.seek(child.log_start)
            line = log.readline()
        return line.endswith("\n") and json.loads(line)

    return wait_for(whole_line)


def command_of(child):
    return psutil.Process(child.pid).cmdline()


def test_forked_process_has_its_own_group_arguments_and_environment(children, run_dir):
    child = start(children, run_dir, "--port", "1", ONLY_HERE="ü")
    pid, session, folder, arguments, environment = said(child)
    assert pid == session == child.pid
    assert folder == str(Path.cwd())
    assert arguments == [str(run_dir / "forkable.py"), "--port", "1"]
    assert environment["ONLY_HERE"] == "ü" and environment["LAB_RUN_DIR"] == str(run_dir)
    assert "lab.processes.fork_server" in command_of(child)
    assert psutil.Process(child.pid).name() == "the-child"


def test_forked_process_reads_nothing_and_keeps_none_of_the_lab_s_files(children, run_dir):
    child = start(children, run_dir, "--read")
    wait_for(lambda: "read ''" in child.log_path.read_text())
    assert psutil.Process(child.pid).net_connections("all") == []


def test_each_forked_process_is_killed_alone_and_known_to_be_gone(children, run_dir):
    one, other = start(children, run_dir), start(children, run_dir)
    assert one.pid != other.pid and one.running() and not one.gone()
    one.kill()
    wait_for(one.gone)
    assert one.ending == "SIGKILL" and not psutil.pid_exists(one.pid)
    assert other.running() and psutil.pid_exists(other.pid)
    other.pause()
    wait_for(lambda: psutil.Process(other.pid).status() == psutil.STATUS_STOPPED)
    other.resume()
    other.stop()
    assert other.ending == "SIGTERM"


def test_process_with_the_id_of_an_earlier_one_runs_and_is_killed_alone(children, run_dir):
    """On most machines ids come round after 32,768 processes, on a busy one within minutes."""
    first = start(children, run_dir)
    first.kill()
    wait_for(first.gone)
    for _ in range(20):  # others start processes, too
        next_is(first.pid)
        again = start(children, run_dir)
        if again.pid == first.pid:
            break
    assert again.pid == first.pid
    first.kill()
    assert said(again)[0] == again.pid
    assert again.running() and not again.gone()
    again.kill()
    wait_for(again.gone)
    assert again.ending == first.ending == "SIGKILL"


def next_is(pid):
    """Let the next process have this id."""
    try:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
    except OSError:
        pytest.skip("the next process id is root's to choose")


@pytest.mark.parametrize(("given", "ending"), [("why", "exit 1"), ("", "exit 1")])
def test_forked_process_ends_as_a_program_would(children, run_dir, given, ending):
    child = start(children, run_dir, "--end", given)
    wait_for(child.gone)
    assert child.ending == ending == child.ending
    assert child.log_path.read_text().splitlines()[1:] == [given]


def test_module_that_is_missing_is_said_in_the_log_of_its_process(children, run_dir):
    child = start(children, run_dir, module="no_such_module")
    wait_for(child.gone)
    assert child.ending == "exit 1"
    assert "No module named no_such_module" in child.log_path.read_text()


def test_forked_processes_die_with_the_fork_server_and_the_next_one_needs_none(children, run_dir):
    child = start(children, run_dir)
    os.kill(psutil.Process(child.pid).ppid(), signal.SIGKILL)
    wait_for(child.gone)
    assert child.ending == "SIGKILL"
    wait_for(lambda: not children._all[0].running())
    again = start(children, run_dir)
    assert said(again)[0] == again.pid
    assert command_of(again)[-2:] == ["-m", "forkable"]


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "TZ", "LD_LIBRARY_PATH"])
def test_environment_that_is_read_at_the_start_gets_a_start(children, run_dir, name):
    child = start(children, run_dir, **{name: "0"})
    assert said(child)[4][name] == "0"
    assert command_of(child)[-2:] == ["-m", "forkable"]


def test_no_process_is_forked_where_a_guardian_stays(run_dir):
    children = Children(resident=True)
    try:
        children.start_fork_server(["json"], run_dir)
        child = start(children, run_dir)
        assert said(child)[0] == child.pid
        assert command_of(child)[-2:] == ["-m", "forkable"]
    finally:
        children.close()
