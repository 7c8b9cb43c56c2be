"""A file that is written after long work is refused before the work if it cannot be written."""

import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.cli import kept
from lab.cli.main import cli
from lab.core.errors import LabError

CHECK = ("check", "talk.py", "--start", "no-such-program {port}")
GRADE = ("grade", "--exercise", "punch-card", "handed-in")
LONG = [
    *((*CHECK, option) for option in ("--junit", "--sarif")),
    *((*GRADE, option) for option in ("--csv", "--junit", "--gradescope")),
    *(("plan", "--chart"), ("export",), ("check", "--junit")),
    ("class", "--listen", "127.0.0.1", "--rehearse", "1", "--votes"),
]
NO_NAMES = [Path("nowhere", "file"), Path("x" * 300), Path("a folder"), Path("dangling")]


@pytest.mark.parametrize("command", LONG, ids=lambda words: f"{words[0]} {words[-1]}")
def test_file_that_cannot_be_written_is_refused_before_the_work(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("talk.py").write_text("def script(http):\n    http.get('/')\n", encoding="utf-8")
    Path("lab-check.toml").write_text('start = "no-such-program"\nconversations = ["talk.py"]\n')
    Path("handed-in").mkdir()
    Path("handed-in", "state.py").write_text("", encoding="utf-8")
    done = CliRunner().invoke(cli, [*command, "nowhere/file"], prog_name="lab")
    assert isinstance(done.exception, LabError), done.output
    assert str(done.exception).startswith("cannot write nowhere/file: ")
    assert not Path("lab-runs").exists()


@pytest.mark.parametrize("path", NO_NAMES, ids=lambda path: str(path)[:20])
def test_path_that_is_no_file_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a folder").mkdir()
    Path("dangling").symlink_to("nowhere/file")
    with pytest.raises(LabError, match=r"^cannot write "):
        kept.require_writable(None, path)


def test_file_is_left_as_it_was(tmp_path):
    old = tmp_path / "old"
    old.write_text("text", encoding="utf-8")
    kept.require_writable(old, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert old.read_text(encoding="utf-8") == "text"


def test_folder_that_the_run_makes_may_be_missing(tmp_path):
    kept.require_writable(tmp_path / "runs" / "file", out=tmp_path / "runs")
    kept.require_writable(tmp_path / "deep" / "file", out=tmp_path / "deep" / "runs")
    with pytest.raises(LabError):
        kept.require_writable(tmp_path / "other" / "file", out=tmp_path / "runs")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    asking = threading.Thread(target=kept.require_writable, args=[tmp_path / "pipe"], daemon=True)
    asking.start()
    asking.join(30)
    assert not asking.is_alive()
