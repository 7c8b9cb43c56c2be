"""No failure of the lab's own ends with status 1, which is a finding."""

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest

from lab.cli import guard, main
from lab.core import run_folder
from lab.core.environment import current_environment
from lab.core.errors import LabError

COMMANDS = sorted(main.cli.commands)


@pytest.fixture
def no_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(run_folder, "_made", [])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("name", COMMANDS)
def test_unexpected_error_in_any_command_is_status_2_with_a_traceback_file(
    name, monkeypatch, capsys, no_folder, tmp_path
):
    def broken(**_):
        raise ZeroDivisionError("a session_id=0123456789abcdef0123456789 in it")

    stand_in(monkeypatch, broken, name)
    with pytest.raises(SystemExit) as ended:
        main.main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert said.err.startswith("lab: a fault of the lab, not a result: ZeroDivisionError: ")
    assert len(said.err.strip().splitlines()) == 1
    (kept,) = tmp_path.glob("two-desks-*-traceback.txt")
    assert str(kept) in said.err
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 or os.name == "nt"
    assert "in broken" in kept.read_text()
    assert "0123456789abcdef0123456789" not in kept.read_text() + said.err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyError("x"), 2),
        (RecursionError("x"), 2),
        (MemoryError(), 2),
        (ExceptionGroup("x", [ValueError("y")]), 2),
        (GeneratorExit(), 2),
        (LabError("x"), 2),
        (click.ClickException("x"), 2),
        (click.FileError("x"), 2),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 2),
        (SystemExit("x"), 2),
        (SystemExit(None), 0),
        (SystemExit(3), 3),
    ],
    ids=repr,
)
def test_no_failure_ends_with_status_1(error, status, no_folder, monkeypatch):
    def failing(**_):
        raise error

    stand_in(monkeypatch, failing)
    assert guard.end(error) == status
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == status


def test_traceback_lies_in_the_run_folder(no_folder, tmp_path):
    folder = run_folder.new_run_folder(tmp_path / "runs", "x")
    assert str(folder / "traceback.txt") in guard.explanation(ValueError("x"))
    assert (folder / "traceback.txt").read_text() == "ValueError: x\n"


def test_traceback_is_printed_where_no_file_can_be_written(no_folder, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    assert "the lines above" in guard.explanation(ValueError("x"))
    assert capsys.readouterr().err == "ValueError: x\n"


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT"])
def test_full_disk_is_said_with_what_is_kept(number, no_folder, tmp_path):
    error = OSError(getattr(errno, number), "full", "result.json")
    assert "the disk of result.json is full; nothing was kept: make room" in guard.explanation(
        error
    )
    folder = run_folder.new_run_folder(tmp_path / "runs", "x")
    assert f"what was written before is kept in {folder}" in guard.explanation(error)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["list"], ["docs", "claims"], ["--help"]], ids=" ".join)
def test_output_into_a_full_disk_is_status_2(words):
    with Path("/dev/full").open("w") as full:
        ended = lab(*words, stdout=full)
    assert ended.returncode == 2
    assert ended.stderr == "lab: the output could not be written: the disk is full\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(("status", "shown"), [(0, 2), (1, 1), (3, 3)])
def test_command_whose_output_meets_a_full_disk_is_done_to_its_end(status, shown, tmp_path):
    with Path("/dev/full").open("w") as full:
        ended = command(tmp_path, f"return {status}", stdout=full)
    assert ended.returncode == shown
    said = f"the output could not be written: the disk is full; the run is kept in {tmp_path}"
    assert said in ended.stderr
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize(
    "words",
    [["list"], ["docs"], ["--help"], ["run", "--help"], ["show", "crash"], ["diff"]],
    ids=" ".join,
)
def test_output_that_is_not_read_is_a_quiet_success(words, unread):
    ended = lab(*words, stdout=unread)
    assert ended.returncode == 0
    assert ended.stderr == "" or words == ["diff"]  # whose summary goes there


@pytest.mark.parametrize("flags", [[], ["-u"]], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("status", [0, 1, 2, 3, 130])
def test_command_that_is_not_read_keeps_its_exit_status(status, flags, tmp_path, unread):
    ended = command(tmp_path, f"return {status}", flags, stdout=unread)
    assert (ended.returncode, ended.stderr) == (status, "")
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("error", "status"), [("BrokenPipeError(32, 'x')", 2), ("LabError('x')", 2)]
)
def test_error_of_a_command_that_is_not_read_is_an_error(error, status, tmp_path, unread):
    ended = command(tmp_path, f"raise {error}", stdout=unread)
    assert ended.returncode == status
    assert ended.stderr.startswith("lab: ")


def test_command_that_is_read_on_neither_stream_keeps_its_exit_status(tmp_path, unread):
    raised = "raise LabError('x')"
    assert command(tmp_path, "return 3", stdout=unread, stderr=unread).returncode == 3
    assert command(tmp_path, raised, stdout=unread, stderr=unread).returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("module", ["rich", "click"])
def test_ctrl_c_while_the_lab_is_imported_prints_no_traceback(module, tmp_path):
    (tmp_path / f"{module}.py").write_text(
        "import sys, time\nprint('importing', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", "from lab.__main__ import main; main()", "list"],
        env={**current_environment(), "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "lab: stopped; nothing is left running\n")


@pytest.fixture
def unread():
    """The writing end of a pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def stand_in(monkeypatch, callback, name="list"):
    monkeypatch.setattr(
        main.LazyCommand, "found", lambda self: click.Command(self.name, callback=callback)
    )
    monkeypatch.setattr(sys, "argv", ["lab", name])


COMMAND = """
import subprocess, sys
from pathlib import Path
import click
from lab.cli import main
from lab.cli.output import screen, write_document
from lab.core.errors import LabError
from lab.core.run_folder import new_run_folder

def callback(folder):
    (new_run_folder(Path(folder), "x") / "kept").touch()
    screen.print("of rich")
    write_document("of click")
    print("of a script")
    subprocess.run([sys.executable, "-c", "print('of a program')"], check=True)
    Path(folder, "done").touch()
    ENDS

main.LazyCommand.found = lambda self: click.Command("x", callback=callback, params=[
    click.Argument(["folder"])])
main.main()
"""


def command(folder, ends, flags=(), **how):
    """Run a command in the place of `lab list`, which prints in every way and ends like this."""
    return run([*flags, "-c", COMMAND.replace("ENDS", ends), "list", str(folder)], **how)


def lab(*words, **how):
    return run(["-c", "from lab.__main__ import main; main()", *words], **how)


def run(words, **how):
    how = {"stderr": subprocess.PIPE, **how}
    return subprocess.run([sys.executable, *words], text=True, timeout=60, **how)
