"""Guardian and children: ended on request, ended when the lab ends, never left in part."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from conftest import wait_for

from lab.core.errors import LabError
from lab.processes import guardian, spawn
from lab.processes.child import group_lives
from lab.processes.spawn import GUARDIAN, Children, clean_environment
from lab.processes.waiting import end_of, wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
SLEEP = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
FAMILY = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
MODES = [
    pytest.param(True, id="stay"),
    pytest.param(
        False,
        id="exec",
        marks=pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's"),
    ),
]


@pytest.fixture(params=MODES)
def children(request):
    children = Children(resident=request.param)
    yield children
    children.close()


def start(children, tmp_path, code=SLEEP):
    child = children.spawn(
        "child",
        [sys.executable, "-c", code],
        log_path=tmp_path / "child.log",
        env=clean_environment({}),
    )
    if code in (SLEEP, FAMILY):
        wait_for(lambda: "up" in child.log_path.read_text())
    return child


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_pid_is_the_program_s_own_and_stop_ends_it(children, tmp_path):
    child = start(children, tmp_path)
    assert SLEEP in psutil.Process(child.pid).cmdline()
    assert child.running() and not child.gone()
    child.stop()
    assert child.gone() and not alive(child.pid)


def test_kill_takes_the_whole_family(children, tmp_path):
    child = start(children, tmp_path, FAMILY)
    grandchild = psutil.Process(child.pid).children()[0].pid
    child.kill()
    wait_for(child.gone)
    assert child.ending == "SIGKILL"
    assert not alive(child.pid) and not alive(grandchild)


def test_paused_child_is_ended_too(children, tmp_path):
    child = start(children, tmp_path)
    child.pause()
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
    children.close()
    assert not alive(child.pid)


def test_process_that_ignores_sigterm_is_killed(children, tmp_path):
    child = start(children, tmp_path, DEAF)
    wait_for(lambda: "up" in child.log_path.read_text())
    child.stop()
    assert child.gone()


def test_exit_status_and_the_end_of_the_log_are_known(children, tmp_path):
    child = start(children, tmp_path, "print('first'); import sys; sys.exit('no such luck')")
    wait_for(child.gone)
    assert child.ending == "exit 1"
    assert "no such luck" in end_of(child.log_path, child.log_start)


def test_process_that_was_seen_to_end_gets_no_signal(children, tmp_path, monkeypatch):
    """Its id is free, and may be another program's by then."""
    child = start(children, tmp_path, "pass")
    wait_for(lambda: not child.running())
    sent = []
    monkeypatch.setattr(os, "killpg", lambda group, number: sent.append(number))
    child.kill()
    assert sent == [] and child.gone()


def test_child_outlives_the_thread_that_asked_for_it(children, tmp_path):
    started = []
    thread = threading.Thread(target=lambda: started.append(start(children, tmp_path)))
    thread.start()
    thread.join()
    pid = started[0].pid
    assert not wait_until(lambda: not alive(pid), 0.3), "PDEATHSIG of a thread killed it"


def test_ctrl_c_in_the_middle_of_closing_leaves_nothing(children, tmp_path, monkeypatch):
    child = start(children, tmp_path, DEAF)
    wait_for(lambda: "up" in child.log_path.read_text())
    pid = child.pid
    real = spawn.wait_until

    def interrupted_once(condition, timeout_s, **more):
        monkeypatch.setattr(spawn, "wait_until", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(spawn, "wait_until", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        children.close()
    assert not alive(pid)


def test_closed_children_start_nothing(children, tmp_path):
    children.close()
    with pytest.raises(LabError, match="closing"):
        start(children, tmp_path)


def test_settings_of_the_student_s_shell_do_not_leak_in(monkeypatch):
    monkeypatch.setenv("STATEFUL_STORE", "redis://elsewhere")
    monkeypatch.setenv("REPLICA", "Z")
    monkeypatch.setenv("LAB_ANYTHING", "x")
    environment = clean_environment({"REPLICA": "A"})
    assert environment["REPLICA"] == "A"
    assert environment["PATH"] == os.environ["PATH"]
    assert not {"STATEFUL_STORE", "LAB_ANYTHING"} & environment.keys()


def test_stay_kills_the_program_when_its_input_ends(tmp_path):
    command = [sys.executable, "-I", "-S", str(GUARDIAN), "stay", "9", "0", "--"]
    with subprocess.Popen(
        [*command, sys.executable, "-c", SLEEP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        pid = int(process.stdout.readline())
        assert alive(pid)
        process.stdin.close()
        assert process.wait(60) == -signal.SIGKILL
        wait_for(lambda: not alive(pid))


def test_stay_leaves_nothing_of_a_lab_that_ended_while_it_started(tmp_path):
    # Both pipes of the lab are closed before the guardian has said a word.
    out, lab_reads = os.pipe()[::-1]
    os.close(lab_reads)
    log = tmp_path / "log"
    command = [sys.executable, "-I", "-S", str(GUARDIAN), "stay", "9", "0", "--"]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, sys.executable, "-c", SLEEP],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=stderr,
            start_new_session=True,
        )
    os.close(out)
    status = process.wait(60)
    try:
        # The signal reaches the child first, now and then: the guardian may still say how it ended.
        assert status in (-signal.SIGKILL, 128 + signal.SIGKILL), log.read_text()
        wait_for(lambda: not group_lives(process.pid))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
def test_exec_does_not_start_for_a_parent_that_is_gone(tmp_path):
    trace = tmp_path / "started"
    command = [sys.executable, "-I", "-S", str(GUARDIAN), "exec", "9", "1", "--"]
    command += [sys.executable, "-c", f"open({str(trace)!r}, 'w')"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "the lab is gone" in done.stderr
    assert not trace.exists()


def test_missing_program_and_a_wrong_call_are_said(tmp_path):
    assert guardian.main(["sing", "9", "1", "--", "x"]) == 2
    if sys.platform == "linux":
        command = [sys.executable, str(GUARDIAN), "exec", "9", str(os.getpid()), "--", "/no/such"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert "/no/such: No such file" in done.stderr


def test_guardian_needs_the_standard_library_only():
    imports = [line for line in Path(GUARDIAN).read_text().splitlines() if "import " in line]
    assert not any("lab" in line or "psutil" in line for line in imports if line.strip()[0] in "if")
