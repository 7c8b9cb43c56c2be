"""A run that never started leaves no report; one that was cut short says what cut it."""

import sys

import pytest

from lab.cli import main
from lab.core import run_folder
from lab.core.errors import LabError
from lab.evidence.result import Verdict
from lab.experiments import find, runner
from lab.experiments.runner import Run

GONE = "no answer from redis://nohost:1: check the URL, and that the store runs"


@pytest.fixture
def cannot_start(monkeypatch):
    """Make the servers of every experiment fail to start."""

    def refuse(*_):
        raise LabError(GONE)

    monkeypatch.setattr(runner, "BackgroundStart", refuse)
    monkeypatch.setattr(run_folder, "_made", [])


def lab(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["lab", *words])
    monkeypatch.setattr(main.signals, "install", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code


@pytest.mark.parametrize(
    "words", [("run", "crash"), ("run", "crash", "--json"), ("demo",)], ids=" ".join
)
def test_run_that_never_started_leaves_nothing(words, cannot_start, tmp_path, monkeypatch, capsys):
    earlier = run_folder.new_run_folder(tmp_path, "earlier")
    (earlier / "result.json").write_text("{}")
    assert lab(monkeypatch, *words, "--out", str(tmp_path)) == 2
    said = capsys.readouterr()
    assert said.err.endswith(f"lab: {GONE}\n")
    assert "kept" not in said.out + said.err
    assert {path.name for path in tmp_path.iterdir()} == {earlier.name, "latest"}
    assert (tmp_path / "latest").resolve() == earlier.resolve()


def test_experiment_that_never_started_has_no_result(cannot_start, tmp_path):
    run = Run(tmp_path)
    with pytest.raises(LabError):
        run.perform(find("crash"), find("crash").variants)
    assert run.results == []
    assert list(tmp_path.iterdir()) == []


def test_result_of_a_run_that_the_lab_cut_short_says_why(tmp_path, monkeypatch):
    def first_only(self, experiment, runs, then):
        runs[0].measurements = {"requests": 7}
        raise LabError("server B does not start: look at its log")

    monkeypatch.setattr(Run, "_run_variants", first_only)
    run = Run(tmp_path)
    with pytest.raises(LabError):
        run.perform(find("crash"), find("crash").variants)
    (result,) = run.results
    assert result.verdict is Verdict.UNKNOWN
    assert result.note == "cut short: server B does not start: look at its log"
    assert (tmp_path / "result.json").is_file()
