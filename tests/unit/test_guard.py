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

    monkeypatch.setattr(
        main.LazyCommand, "found", lambda self: click.Command(self.name, callback=broken)
    )
    monkeypatch.setattr(sys, "argv", ["lab", name])
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
        (BrokenPipeError(), 0),
        (SystemExit("x"), 2),
        (SystemExit(None), 0),
        (SystemExit(3), 3),
    ],
    ids=repr,
)
def test_no_failure_ends_with_status_1(error, status, no_folder, monkeypatch):
    monkeypatch.setattr(guard, "_drop_output", lambda: None)
    assert guard.end(error) == status


def test_traceback_lies_in_the_run_folder(no_folder, tmp_path):
    folder = run_folder.new_run_folder(tmp_path / "runs", "x")
    assert str(folder / "traceback.txt") in guard.explanation(ValueError("x"))
    assert (folder / "traceback.txt").read_text() == "ValueError: x\n"


def test_traceback_is_printed_where_no_file_can_be_written(no_folder, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    assert "the lines above" in guard.explanation(ValueError("x"))
    assert capsys.readouterr().err == "ValueError: x\n"


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT"])
def test_full_disk_is_said_with_what_is_kept(number, no_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(guard.plain_stream, "drop", lambda stream: None)
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
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended
    assert "is full" in ended.stderr


@pytest.mark.parametrize(
    "words",
    [["list"], ["docs"], ["--help"], ["run", "--help"], ["show", "crash"], ["diff"]],
    ids=" ".join,
)
def test_output_that_is_not_read_is_a_quiet_success(words):
    reader, writer = os.pipe()
    os.close(reader)
    ended = lab(*words, stdout=writer)
    os.close(writer)
    assert ended.returncode == 0
    assert ended.stderr == "" or words == ["diff"]  # whose summary goes there


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("module", ["rich", "click"])
def test_ctrl_c_while_the_lab_is_imported_prints_no_traceback(module, tmp_path):
    (tmp_path / f"{module}.py").write_text(
        "import sys, time\nprint('importing', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", "from lab.__main__ import main; main()", "list"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "lab: stopped; nothing is left running\n")


def lab(*words, **how):
    return subprocess.run(
        [sys.executable, "-c", "from lab.__main__ import main; main()", *words],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        **how,
    )
