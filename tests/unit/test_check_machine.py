"""A private view of the disk: what is written in it is seen in it alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.check import machine as machine_module
from lab.check.machine import CannotIsolate, Machine


@pytest.fixture
def machine():
    try:
        with Machine() as view:
            yield view
    except CannotIsolate as reason:
        pytest.skip(str(reason))


def run_on(machine, *words, cwd=None):
    command = machine.command(["/bin/sh", "-c", *words])
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=True).stdout


def test_file_that_is_written_is_seen_on_the_same_machine_only(machine, tmp_path):
    (tmp_path / "kept").write_text("before")
    run_on(machine, "echo during > kept; echo new > made; rm -f kept", cwd=tmp_path)
    assert run_on(machine, "ls", cwd=tmp_path).split() == ["made"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "before"
    with Machine() as other:
        assert run_on(other, "ls", cwd=tmp_path).split() == ["kept"]
        assert other.written() == []
    assert machine.written() == [str(tmp_path / "kept"), str(tmp_path / "made")]


def test_shared_memory_is_private_too_and_counts_as_written(machine):
    shared = Path("/dev/shm") / f"two-desks-test-{os.getpid()}"
    run_on(machine, "echo lock > /dev/shm/sem.lock")
    assert machine.written() == []
    run_on(machine, f"echo x > {shared}; ls {shared}")
    assert not shared.exists() and machine.written() == [str(shared)]


def test_shared_memory_of_system_v_is_private_too_and_counts_as_written(machine):
    attach = "import ctypes; libc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n"
    attach += f"print(libc.shmget({os.getpid()}, 16, 0o600 | {{}}))"
    command = [sys.executable, "-I", "-S", "-c"]

    def run(view, flag):
        words = view.command([*command, attach.format(flag)])
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    create = 0o1000
    assert run(machine, 0) == -1 and machine.written() == []
    assert run(machine, create) >= 0 and run(machine, 0) >= 0
    assert machine.written() == ["System V shared memory"]
    with Machine() as other:
        assert run(other, 0) == -1 and other.written() == []


def test_reading_and_caches_of_an_interpreter_are_no_writing(machine, tmp_path):
    (tmp_path / "module.py").write_text("x = 1")
    run_on(machine, f"cat module.py; {sys.executable} -c 'import module'", cwd=tmp_path)
    assert [each for each in machine.written() if each.startswith(str(tmp_path))] == []


def test_shared_path_is_the_real_one(tmp_path):
    volume = tmp_path / "a volume"
    volume.mkdir()
    try:
        with Machine([volume]) as view:
            run_on(view, "echo x > file", cwd=volume)
            assert view.written() == []
    except CannotIsolate as reason:
        pytest.skip(str(reason))
    assert (volume / "file").read_text() == "x\n"


def test_program_keeps_its_folder_and_its_process_id(machine, tmp_path):
    assert run_on(machine, "pwd", cwd=tmp_path).strip() == str(tmp_path.resolve())
    command = machine.command(["/bin/sh", "-c", "echo $$"])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert int(process.communicate()[0]) == process.pid


def test_system_that_refuses_is_said(monkeypatch, tmp_path):
    refusing = tmp_path / "refuses.py"
    refusing.write_text("print('unshare: Operation not permitted')")
    monkeypatch.setattr(machine_module, "_DISK_SCRIPT", refusing)
    with pytest.raises(CannotIsolate, match="does not allow it"):
        Machine()
    refusing.write_text("")
    with pytest.raises(CannotIsolate, match="no reason given"):
        Machine()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CannotIsolate, match="only Linux"):
        Machine()


def test_view_that_was_closed_has_written_nothing():
    try:
        view = Machine()
    except CannotIsolate as reason:
        pytest.skip(str(reason))
    view.close()
    view.close()
    assert view.written() == []


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are Linux's")
def test_unix_socket_whose_service_has_ended_is_left_out(tmp_path):
    """It was listed, and another program's run ended before it was shown."""
    from lab.check.private_disk import show_sockets  # it loads the C library of a Unix

    there = tmp_path / "there"
    there.touch()
    with there.open() as file:
        show_sockets([(str(tmp_path / "gone"), file.fileno())])
