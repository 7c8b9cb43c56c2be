"""The page without servers: what is recorded, how it is read again, and the file made of it."""

import json
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from report_documents import as_json, crash

from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.offline import one_file, recording
from lab.console.offline.page_steps import PageSteps, has_arrived
from lab.console.offline.recorder import CHOICES, LessonRecorder, NotRecorded, scripts
from lab.console.offline.recording import Answered, RecordedOrder, Recording, key_of
from lab.console.routes_public import STATIC
from lab.core.errors import LabError
from lab.shop.desks import DESKS

from .lesson_steps import SHAPES

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS = {
    "me": {"id": "secret-key-of-john", "who": "c1", "name": "John"},
    "second": {"id": "secret-key-of-bob", "who": "c2", "name": "Bob"},
}
TOKEN = "eyJhIjoxfQ.abcdef.0123456789012345678901234567890123456789012"
COOKIE = "0123456789abcdef0123456789abcdef"
MINIMAL = {
    "stage": {},
    "knobs": {"retry": "on"},
    "store": {"what": "kill"},
    "replay": {"of": "view"},
    "say": {"text": "x"},
}


class PretendedConsole:
    """Answers every order, and publishes what the real one would."""

    def __init__(self):
        self.published, self.refreshed, self.refused, self.silent = [], 0, set(), set()
        self.numbers, self.ids = count(1), count(1)

    def post(self, path, body):
        if path in self.refused:
            return 409, {"detail": "B is dead already"}
        if path == "/lab/customer":
            return 200, next(each for each in CUSTOMERS.values() if each["name"] == body["name"])
        if path == "/lab/stage":
            self.published.clear()
            self.publish(kind="stage")
        elif path == "/lab/act":
            return 200, self.act()
        elif path not in self.silent:
            self.publish(kind="fault", fault=path.rpartition("/")[2])
        return 200, {}

    def act(self):
        ops = {}
        for desk in DESKS:
            ops[desk] = f"c1-{desk}-{next(self.numbers)}"
            for kind in ("exchange", "request"):
                self.publish(kind=kind, desk=desk, who="c1", op=ops[desk], served_by="A")
        credentials = {
            "stateful": {"cookie": COOKIE, "token": None},
            "stateless": {"cookie": None, "token": TOKEN},
        }
        return {"ops": ops, "credentials": credentials}

    def publish(self, **event):
        self.published.append({"id": next(self.ids), **event})

    def get(self, path):
        return Answered("text/html", path)

    def events(self):
        return list(self.published)

    def refresh(self):
        self.refreshed += 1


@pytest.fixture
def console():
    return PretendedConsole()


@pytest.fixture
def recorder(console):
    recorder = LessonRecorder(console)
    recorder.enter()
    return recorder


def made(**changes):
    fields = {
        "version": recording.RECORDING_VERSION,
        "made": "2026-11-27T10:45:00",
        "lab": "0.2.0",
        "components": {},
        "customers": {},
        "snapshot": {"events": []},
        "answers": {},
        "choices": {},
        "scripts": [],
        "missing": [],
    }
    return Recording(**fields | changes)


# --- what is recorded


def test_every_script_is_recorded_with_every_choice():
    recorded = list(scripts(plan.load()))
    keys = {key_of(steps) for _, steps in recorded}
    for steps in (act.steps for each in plan.load().chapters for act in each.acts if act.steps):
        first, *rest = steps
        breaks_store = any(step["do"] == "store" for step in rest)
        assert key_of(steps) in keys
        for name, values in CHOICES.items():
            for value in values:
                usual = name not in first and value == values[0]  # it is not written
                chosen = steps if usual else [{**first, name: value}, *rest]
                wanted = not (breaks_store and (name, value) == ("store", "memory"))
                assert (key_of(chosen) in keys) == wanted, (chosen[0], rest)
    assert all(key_of(scene.steps) in keys for scene in plan.load().scenes)
    assert len({title for title, _ in recorded}) == len(recorded)


def test_script_that_leaves_the_settings_open_is_recorded_with_all_of_them_together(recorder):
    steps = [{"do": "stage", "servers": 3}, {"do": "view"}]
    act = SimpleNamespace(label="a", steps=steps)
    lesson = SimpleNamespace(chapters=[SimpleNamespace(title="t", acts=[act])], scenes=[])
    found = [each[0] for _, each in scripts(lesson)]
    assert len(found) == 8 and found[0] == steps[0]
    assert {**steps[0], "affinity": "cookie", "store": "redis", "retry": "on"} in found
    asked, post = [], recorder.console.post
    recorder.console.post = lambda path, body: asked.append((path, body)) or post(path, body)
    recorder.record(steps)  # on a stage with the usual settings, whatever was there before
    plain = {"affinity": "none", "store": "memory", "retry": "off", "cache": "off"}
    assert asked[:2] == [("/lab/stage", plain), ("/lab/stage", {"servers": 3})]


def test_key_of_a_script_is_what_it_does_and_not_what_is_said():
    steps = [{"do": "view", "server": "B", "say": "He looks."}]
    assert key_of(steps) == '[{"do":"view","server":"B"}]'
    assert key_of([{"server": "B", "do": "view", "say": "Ωμέγα"}]) == key_of(steps)
    assert key_of([{"do": "view"}]) != key_of(steps)


@pytest.mark.parametrize("verb", SHAPES)
def test_recorder_can_do_every_step_that_a_lesson_may_have(recorder, verb):
    needs = {"target": "served", "sku": "pen", "quantity": 1, "address": "x"}
    step = {"do": verb, **MINIMAL.get(verb, needs)}
    before = [{"do": "stage"}, {"do": "view"}]
    console = recorder.console
    console.silent = {"/lab/knobs", "/lab/store", "/lab/add"}
    post = console.post

    def with_their_faults(path, body):
        if path in console.silent:
            kind = {"/lab/knobs": "knob", "/lab/store": body.get("do"), "/lab/add": "add"}[path]
            for _ in DESKS:
                console.publish(kind="fault", fault=kind)
        return post(path, body)

    console.post = with_their_faults
    script = recorder.record([*before, step])
    orders = [order.path for order in script.steps[-1].orders]
    assert all(path.startswith("/lab/") for path in orders)
    assert bool(orders) == (verb != "say")
    if verb == "replay":
        ops = [order.body["op"] for order in script.steps[-1].orders]
        assert ops == list(script.steps[1].orders[0].answer["ops"].values())
    if verb == "kill":
        bodies = [order.body for order in script.steps[-1].orders]
        assert bodies == [{"server": "stateful/A"}, {"server": "stateless/A"}]


def test_step_keeps_its_own_events_and_the_order_of_what_came(recorder):
    script = recorder.record([{"do": "stage"}, {"do": "login"}, {"do": "view", "as": "second"}])
    kinds = [[event["kind"] for event in step.events] for step in script.steps]
    assert kinds == [["stage"], ["exchange", "request"] * 2, ["exchange", "request"] * 2]
    ids = [event["id"] for step in script.steps for event in step.events]
    assert ids == sorted(set(ids))
    assert script.steps[2].orders[0].body == {"do": "view", "customer": "c2"}


def test_recording_holds_no_key_and_no_session_id_and_the_token_whole(recorder):
    script = recorder.record([{"do": "stage"}, {"do": "login"}])
    text = msgspec.json.encode(script).decode()
    assert "secret-key" not in text
    assert COOKIE not in text
    assert TOKEN in text


@pytest.mark.parametrize("path", ["/lab/kill", "/lab/act", "/lab/stage"])
def test_refused_step_ends_its_script_with_the_reason(recorder, console, path):
    console.refused = {path}
    steps = [{"do": "stage"}, {"do": "view"}, {"do": "kill", "target": "served"}]
    with pytest.raises(NotRecorded, match="409: B is dead already"):
        recorder.record(steps)


def test_served_needs_an_answer_before():
    with pytest.raises(LabError, match="stateful desk has served the customer"):
        PageSteps(CUSTOMERS).orders({"do": "kill", "target": "served"}, [])


def test_step_has_arrived_when_all_of_it_is_there():
    sent = [RecordedOrder("/lab/act", {}, 200, {"ops": {"stateful": "a", "stateless": "b"}})]
    arrived = has_arrived({"do": "view"}, sent)
    first, other = ({"kind": "exchange", "op": op} for op in "ab")
    assert [arrived([]), arrived([first]), arrived([first, other])] == [False, False, True]
    orders = [RecordedOrder("/lab/kill", {}, 200, {})] * 2
    killed = has_arrived({"do": "kill", "target": "A"}, orders)
    fault = {"kind": "fault", "fault": "kill"}
    assert [killed([fault]), killed([fault, fault])] == [False, True]


# --- how it is kept


def test_recording_is_kept_for_its_owner_and_read_again(tmp_path):
    file = recording.keep(made(missing=["Ωμέγα"]), tmp_path)
    assert file.stat().st_mode & 0o077 == 0
    assert recording.read(file) == recording.read(tmp_path) == made(missing=["Ωμέγα"])


HOSTILE = {
    "empty": b"",
    "no JSON": b"\xff\x00{",
    "a list": b"[]",
    "nested": b"[" * 200_000,
    "no scripts": b'{"version": 1}',
    "wrong type": msgspec.json.encode(made()).replace(b'"scripts":[]', b'"scripts":7'),
    "another version": msgspec.json.encode(made(version=99)),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_file_that_is_no_recording_is_refused_in_one_sentence(tmp_path, data):
    file = tmp_path / "walkthrough.json"
    file.write_bytes(data)
    with pytest.raises(LabError, match=r"recording|version") as error:
        recording.read(file)
    assert len(str(error.value)) < 500


def test_newest_recording_is_found(tmp_path):
    assert recording.newest(tmp_path) is None
    for name in ("20261127-100000-walkthrough", "20261128-100000-walkthrough", "20261129-up"):
        (tmp_path / name).mkdir()
    for name in ("20261127-100000-walkthrough", "20261128-100000-walkthrough"):
        recording.keep(made(), tmp_path / name)
    assert recording.newest(tmp_path).parent.name == "20261128-100000-walkthrough"
    with pytest.raises(LabError, match="lab record"):
        recording.read(tmp_path / "none")


# --- the one file


@pytest.fixture(scope="module")
def page():
    hostile = Answered("text/html", "</script><img src=x onerror=alert(1)>")
    return one_file.one_file(made(missing=["</script>"]), {"/lab/x": hostile})


def test_file_holds_every_module_under_the_name_by_which_others_import_it(page):
    (text,) = re.findall(r'<script type="importmap">(.*?)</script>', page)
    imports = json.loads(text)["imports"]
    names = {path.name for path in STATIC.glob("*.js")} | {"words.js"}
    assert {name.removeprefix("lab/") for name in imports} == names
    for url in imports.values():
        module = b64decode(url.partition("base64,")[2]).decode()
        assert not re.search(r"""(from|import)\s*\(?["']\.{0,2}/""", module)
        for imported in re.findall(r'from "([^"]+)"', module):
            assert imported in imports
    source = b64decode(imports["lab/source.js"].partition("base64,")[2]).decode()
    assert "fetch(" not in source and "EventSource" not in source


def test_file_loads_nothing_and_runs_its_own_scripts_only(page):
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    assert page.index("<meta http-equiv") < page.index("<script")
    policy = policy.replace("&#x27;", "'")
    assert "default-src 'none'" in policy and "connect-src 'none'" in policy
    scripts_allowed = re.search("script-src ([^;]+);", policy)[1]
    assert "unsafe" not in scripts_allowed
    inline = re.findall(r'<script type="(?:importmap|module)">(.*?)</script>', page, re.DOTALL)
    assert len(inline) == 2
    for text in inline:
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in scripts_allowed
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert "onerror" not in page  # what a recording holds is packed, never markup


def test_kept_run_is_in_the_file_as_the_console_answers_it(tmp_path):
    folder = tmp_path / "20261124-075535-crash"
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(as_json(crash())), encoding="utf-8")
    answers = one_file.run_answers(KeptRuns(tmp_path), [folder.name])
    listed = json.loads(answers["/lab/runs"].text)
    assert [each["name"] for each in listed["runs"]] == [folder.name]
    played = json.loads(answers[f"/lab/runs/{folder.name}/0"].text)
    assert played["events"]
    pairs = [path for path in answers if "?" in path]
    assert pairs and all("left=" in path and "right=" in path for path in pairs)
    assert json.loads(one_file.run_answers(KeptRuns(tmp_path), [])["/lab/runs"].text) == {
        "runs": []
    }
    with pytest.raises(LabError, match="no run"):
        one_file.run_answers(KeptRuns(tmp_path), ["../x"])


def test_workflow_that_publishes_it_obeys_the_schema(tmp_path):
    def check(file):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
        return subprocess.run(
            [*command, "vendor.github-workflows", str(file)], capture_output=True, text=True
        )

    file = ROOT / ".github" / "workflows" / "pages.yml"
    done = check(file)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "pages.yml"
    wrong.write_text(file.read_text().replace("runs-on:", "runs_on:"))
    assert check(wrong).returncode != 0
