"""A kept run is opened from wherever it lies, and what is no run is refused with a reason."""

import json
import os

import pytest
from report_documents import crash, exchange, experiment, lane, run

from lab.core.errors import LabError
from lab.report.saved import checked, load


@pytest.fixture
def runs(tmp_path):
    """A root with two runs; `latest` points at the second."""
    root = tmp_path / "lab-runs"
    for name in ("one", "two"):
        (root / name).mkdir(parents=True)
        (root / name / "result.json").write_text(json.dumps(crash()), encoding="utf-8")
    (root / "latest").symlink_to("two")
    return root


def test_nothing_means_the_latest_run(runs):
    assert load(None, runs).folder == (runs / "two").resolve()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_latest_may_be_a_text_file_as_on_windows(runs, ending):
    (runs / "latest").unlink()
    (runs / "latest").write_text("one" + ending, encoding="utf-8")
    assert load(None, runs).folder == runs / "one"
    assert load("latest", runs).folder == runs / "one"


def test_a_run_is_a_folder_a_file_or_a_name(runs, monkeypatch):
    monkeypatch.chdir(runs.parent)
    for named in ("lab-runs/one", "lab-runs/one/result.json", str(runs / "one"), "one"):
        assert load(named, runs).document["experiments"][0]["name"] == "crash"
        assert load(named, runs).folder.name == "one"


def test_a_run_of_another_machine_may_have_any_name(tmp_path):
    (tmp_path / "from-alice.json").write_text(json.dumps(crash()), encoding="utf-8")
    assert load(str(tmp_path / "from-alice.json"), tmp_path).folder == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ("[" * 100_000, "damaged"),
        ("null", "not a run"),
        ("[]", "not a run"),
        ('{"log": {}}', "not a run"),
        ('{"schema": "one"}', "not a run"),
        ('{"schema": true}', "not a run"),
        ('{"schema": 2, "experiments": []}', "newer lab"),
        ('{"schema": 1}', "damaged"),
        ('{"schema": 1, "experiments": 3}', "damaged"),
        ('{"schema": 1, "experiments": [3]}', "damaged"),
        ('{"schema": 1, "experiments": [{}]}', "without name"),
        ('{"schema": 1, "experiments": [], "components": 3}', "damaged"),
    ],
)
def test_what_is_no_run_is_refused_with_a_reason(tmp_path, text, words):
    path = tmp_path / "result.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match=words) as raised:
        load(str(path), tmp_path)
    assert str(path) in str(raised.value)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("verdict",), "maybe"),
        (("verdict",), []),
        (("variants", 0, "app"), "<b>"),
        (("variants", 0, "exchanges", 0, "outcome"), "fine"),
        (("variants", 0, "exchanges", 0, "status"), "200"),
        (("variants", 0, "exchanges", 0, "request"), None),
        (("variants", 0, "exchanges", 0, "response", "headers"), []),
        (("variants", 0, "faults", 0, "target"), 3),
        (("variants", 0, "upstreams"), 3),
        (("variants", 0, "outcome"), {"verdict": "maybe", "number": ""}),
        (("prediction",), {"question": "?", "choices": ["a"], "predicted": 1}),
    ],
)
def test_a_damaged_detail_is_found_when_it_is_opened(where, value):
    document = crash()
    part = document["experiments"][0]
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = value
    with pytest.raises(LabError, match="damaged"):
        checked(document, "here")


def test_what_later_versions_added_is_filled_in():
    old = exchange()
    for name in ("fate", "instance", "error", "bytes_sent"):
        del old[name]
    document = run(experiment([lane(exchanges=[old])]))
    for name in ("number", "seed", "quick", "prediction"):
        del document["experiments"][0][name]
    del document["experiments"][0]["variants"][0]["outcome"]
    experiments = checked(document, "here")["experiments"]
    assert experiments[0]["seed"] is None
    assert experiments[0]["variants"][0]["exchanges"][0]["fate"] is None


@pytest.mark.parametrize("named", ["none", "", "\0", "x" * 5000, "one/two/three"])
def test_a_name_that_is_no_run(runs, named):
    with pytest.raises(LabError):
        load(named or "none", runs)


def test_no_run_yet_says_how_to_make_one(tmp_path):
    with pytest.raises(LabError, match="lab run crash"):
        load(None, tmp_path / "lab-runs")


@pytest.mark.parametrize("text", ["", "gone", "../../etc", "\xff\xfe"])
def test_latest_that_points_nowhere(runs, text):
    (runs / "latest").unlink()
    (runs / "latest").write_bytes(text.encode("latin-1"))
    with pytest.raises(LabError, match=r"lab report RUN|no run in"):
        load(None, runs)


def test_a_run_that_was_stopped_before_it_wrote_anything(runs):
    (runs / "two" / "result.json").unlink()
    with pytest.raises(LabError, match=r"no result\.json"):
        load(None, runs)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(runs):
    (runs / "two" / "result.json").chmod(0)
    with pytest.raises(LabError, match="cannot read"):
        load(None, runs)
