"""A bundled experiment runs beside the stage: shown while it runs, kept, and gone when stopped."""

import json
import threading

import msgspec
import pytest
from conftest import processes_of, wait_for

from lab import experiments
from lab.console.experiment_run import ExperimentRun
from lab.console.kept_runs import KeptRuns
from lab.core.errors import LabError


@pytest.fixture
def published():
    return []


@pytest.fixture
def experiment_run(tmp_path, published):
    experiment_run = ExperimentRun(
        tmp_path / "lab-runs", lambda event: published.append(msgspec.to_builtins(event))
    )
    yield experiment_run
    experiment_run.close()
    wait_for(lambda: not processes_of(tmp_path))


def keep_in(published):
    """Keep each event as the page gets it."""
    return lambda event: published.append(msgspec.to_builtins(event))


def ended(published, deadline_s=60):
    return wait_for(
        lambda: next((each for each in published if each["state"] != "running"), None), deadline_s
    )


def test_run_is_reported_kept_and_answers_its_question(experiment_run, published, tmp_path):
    folder = experiment_run.start("logout", predicted=0, confidence="certain")
    assert experiment_run.running == "logout"
    with pytest.raises(LabError, match="logout is running"):
        experiment_run.start("crash")
    end = ended(published)
    assert (end["state"], end["run"], end["trouble"]) == ("done", folder, None), end
    assert experiment_run.running is None
    assert {each["kind"] for each in published} == {"run"}
    assert {each["experiment"] for each in published} == {"logout"}
    assert sum("running the script" in each["line"] for each in published) >= 2
    document = json.loads((tmp_path / "lab-runs" / folder / "result.json").read_text())
    (kept,) = document["experiments"]
    assert kept["quick"]
    assert kept["verdict"] != "unknown"
    assert kept["prediction"]["predicted"] == 0
    assert kept["prediction"]["confidence"] == "certain"
    assert kept["prediction"]["observed"] == end["observed"] is not None
    assert json.loads(json.dumps(published)) == published


def test_kept_run_without_a_prediction_has_its_question_and_the_same_answer(
    experiment_run, published, tmp_path
):
    folder = experiment_run.start("crash")
    end = ended(published)
    assert end["state"] == "done", end
    kept = KeptRuns(tmp_path / "lab-runs")
    question = kept.outline(folder).experiments[0].question
    assert question.observed == end["observed"] == 1
    assert question.predicted is None
    assert list(question.choices) == list(experiments.find("crash").question.choices)
    played = kept.playback("latest", 0)
    assert played.name == folder
    faults = [each for each in played.events if each["kind"] == "fault"]
    assert [each["fault"] for each in faults] == ["kill", "kill"]
    killed = {each["desk"]: each for each in faults}
    for desk, fault in killed.items():
        (gone,) = [one for one in fault["stack"]["desks"][desk] if one["state"] == "dead"]
        assert gone["name"] == fault["target"]
        # Who was there before is known from the record: the process that was killed.
        before = next(
            one
            for one in played.events[0]["stack"]["desks"][desk]
            if one["name"] == fault["target"]
        )
        assert before["pid"] == fault["evidence"]["pid"]
        assert before["instance"] == fault["evidence"]["instance"]
    score = played.events[-1]["score"]
    document = json.loads((tmp_path / "lab-runs" / folder / "result.json").read_text())
    for variant in document["experiments"][0]["variants"]:
        assert score[variant["app"]]["kept"] == variant["measurements"]["carts_kept"]
        assert score[variant["app"]]["lost"] == variant["measurements"]["carts_lost"]
        assert score[variant["app"]]["requests"] == variant["measurements"]["requests"]


def test_closing_ends_a_run_that_is_under_way(tmp_path):
    published, requests = [], threading.Event()

    def publish(event):
        published.append(msgspec.to_builtins(event))
        if "requests" in event.line:
            requests.set()

    experiment_run = ExperimentRun(tmp_path / "lab-runs", publish)
    folder = experiment_run.start("size")
    assert requests.wait(60)
    assert processes_of(tmp_path)
    experiment_run.close()
    assert not processes_of(tmp_path)
    end = ended(published)
    assert (end["state"], end["trouble"]) == ("failed", "stopped before it was done")
    assert experiment_run.running is None
    document = json.loads((tmp_path / "lab-runs" / folder / "result.json").read_text())
    assert document["experiments"][0]["interrupted"]
    with pytest.raises(LabError, match="being stopped"):
        experiment_run.start("size")


def test_closing_while_servers_are_being_started_leaves_nothing(tmp_path):
    published = []
    experiment_run = ExperimentRun(
        tmp_path / "lab-runs", lambda event: published.append(msgspec.to_builtins(event))
    )
    experiment_run.start("crash")
    wait_for(lambda: processes_of(tmp_path))
    experiment_run.close()
    assert not processes_of(tmp_path)
    assert ended(published)["state"] == "failed"


@pytest.mark.parametrize(
    "name",
    ["", "no-such", "../crash", "./mine.py", "mine.py", "crash/../crash", "Crash", "judging", "\0"],
)
def test_experiment_run_takes_bundled_experiments_only(experiment_run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')", encoding="utf-8")
    with pytest.raises(LabError, match="no bundled experiment"):
        experiment_run.start(name)
    assert not (tmp_path / "lab-runs").exists()


@pytest.mark.parametrize(
    ("predicted", "confidence"),
    [(-1, "guess"), (99, "guess"), (True, "guess"), ("0", "guess"), (0, "very"), (0, None)],
)
def test_prediction_must_be_one_of_the_choices(experiment_run, tmp_path, predicted, confidence):
    with pytest.raises(LabError, match="no such choice"):
        experiment_run.start("crash", predicted, confidence)
    assert not (tmp_path / "lab-runs").exists()


def test_run_that_cannot_start_is_reported(experiment_run, published, monkeypatch):
    def refuse(*_):
        raise LabError("no nginx here")

    monkeypatch.setattr("lab.experiments.runner.BackgroundStart", refuse)
    experiment_run.start("crash")
    end = ended(published)
    assert (end["state"], end["trouble"]) == ("failed", "no nginx here")
    assert experiment_run.running is None
    monkeypatch.undo()
    experiment_run.start("first-visit")  # the next one may


@pytest.mark.long
def test_crowd_is_shown_by_server_while_it_runs_and_is_kept(experiment_run, published, tmp_path):
    folder = experiment_run.start_crowd(20)
    with pytest.raises(LabError, match="crowd is running"):
        experiment_run.start("crash")
    end = ended(published, 180)
    assert (end["state"], end["run"], end["trouble"]) == ("done", folder, None), end
    counts = [each["servers"] for each in published if each["servers"].get("stateless")]
    assert counts, "nothing was shown while it ran"
    for desk in ("stateful", "stateless"):
        assert set(end["servers"][desk]) - {""} == {"A", "B", "C"}
        assert all(number > 0 for number in end["servers"][desk].values())
    document = json.loads((tmp_path / "lab-runs" / folder / "crowd.json").read_text("utf-8"))
    carts = {each["variant"]: each["carts"] for each in document["crowds"]}
    assert carts["stateless"]["lost"] == 0 < carts["stateless"]["kept"]
    assert carts["stateful"]["lost"] == carts["stateful"]["predicted_lost"]


def test_crowd_is_stopped_with_the_page(experiment_run, published, tmp_path):
    experiment_run.start_crowd(10)
    wait_for(lambda: any("requests" in each["line"] for each in published))
    experiment_run.close()
    assert ended(published)["trouble"] == "stopped before it was done"
    wait_for(lambda: not processes_of(tmp_path))
