"""The page without servers: what is recorded, how it is read again, and the file made of it."""

import gzip
import hashlib
import json
import re
import shutil
from base64 import b64decode, b64encode
from collections import Counter
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import check_jsonschema
import msgspec
import pytest
from click.testing import CliRunner
from page_modules import NODE, needs_node, printed
from report_documents import HOSTILE as HOSTILE_TEXT
from report_documents import as_json, crash

from lab.cli.main import cli
from lab.console.code_view import asked_at
from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.offline import fitting, one_file, packing, recording
from lab.console.offline.recorder import LessonRecorder, NotRecorded, runs
from lab.console.offline.recording import Answered, Recording
from lab.console.provenance import provenance
from lab.console.routes_public import OFFLINE, STATIC
from lab.console.settings import CHOICES
from lab.core.components import Components, UsedProgram
from lab.core.errors import LabError
from lab.shop.desks import DESKS

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS = {
    "me": {"id": "secret-key-of-john", "who": "c1", "name": "John"},
    "second": {"id": "secret-key-of-bob", "who": "c2", "name": "Bob"},
    "third": {"id": "secret-key-of-carol", "who": "c3", "name": "Carol"},
}
TOKEN = "eyJhIjoxfQ.abcdef.0123456789012345678901234567890123456789012"
COOKIE = "0123456789abcdef0123456789abcdef"
STAGE = {"do": "stage", "store": "memory", "affinity": "none", "retry": "off"}
STEPS = [STAGE, {"do": "login"}, {"do": "view", "as": "second"}]


class PretendedConsole:
    """Answers every order, and publishes what the real one would."""

    def __init__(self):
        self.published, self.refreshed, self.asked = [], 0, []
        self.refused = None
        self.numbers, self.ids = count(1), count(1)

    def post(self, path, body):
        self.asked.append((path, body))
        if path == "/lab/customer":
            return 200, next(each for each in CUSTOMERS.values() if each["name"] == body["name"])
        if (path, body.get("step")) == self.refused:
            return 409, {"detail": "B is dead already"}
        ops = []
        if path == "/lab/stage" or body["step"] == 0:
            self.published.clear()
            self.publish(kind="stage")
        else:
            ops = [self.send(desk) for desk in DESKS]
        credentials = {
            "stateful": {"cookie": COOKIE, "token": None},
            "stateless": {"cookie": None, "token": TOKEN},
        }
        return 200, {"id": 9, "ops": ops, "credentials": credentials}

    def send(self, desk):
        op = f"c1-{desk}-{next(self.numbers)}"
        for kind in ("exchange", "request"):
            self.publish(kind=kind, desk=desk, who="c1", op=op, served_by="A")
        return op

    def publish(self, **event):
        self.published.append({"id": next(self.ids), **event})

    def get(self, path):
        return Answered("text/html", path)

    def events(self):
        return list(self.published)

    def refresh(self):
        self.refreshed += 1


def lesson_of(steps):
    return SimpleNamespace(scripts=lambda: {"a/0": steps})


@pytest.fixture
def console():
    return PretendedConsole()


@pytest.fixture
def recorder(console):
    recorder = LessonRecorder(console, lesson_of(STEPS))
    recorder.enter()
    return recorder


def made(**changes):
    fields = {
        "version": recording.RECORDING_VERSION,
        "made": "2026-11-27T10:45:00",
        "lab": "0.2.0",
        "lesson": "0123456789abcdef",
        "components": Components(),
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
    recorded = [(name, frozenset(chosen.items())) for name, chosen in runs(plan.load())]
    assert len(set(recorded)) == len(recorded)
    for name, steps in plan.load().scripts().items():
        assert (name, frozenset()) in recorded
        breaks_store = any(step["do"] == "store" for step in steps)
        for setting, values in CHOICES.items():
            for value in values:
                wanted = steps[0][setting] != value and not name.startswith("scenes/")
                if breaks_store and setting == "store":
                    wanted = False
                assert ((name, frozenset({(setting, value)})) in recorded) == wanted


def test_affinity_and_store_are_recorded_together_where_a_server_is_killed():
    lesson = plan.load()
    pairs = {name: chosen for name, chosen in runs(lesson) if len(chosen) > 1}
    assert {"the-crash/0", "affinity/0"} <= pairs.keys()
    for name, chosen in pairs.items():
        steps = lesson.scripts()[name]
        assert "kill" in {step["do"] for step in steps}
        assert chosen.keys() == {"affinity", "store"}
        assert all(steps[0][setting] != value for setting, value in chosen.items())


def test_recording_names_its_lesson_by_a_digest_that_any_change_changes():
    lesson, other = plan.load(), plan.load()
    assert re.fullmatch("[0-9a-f]{16}", recording.digest(lesson))
    assert recording.digest(lesson) == recording.digest(other)
    other.chapters[5].acts[0].steps[0]["servers"] = 2
    assert recording.digest(lesson) != recording.digest(other)


def test_script_is_recorded_from_a_stage_with_the_usual_settings(recorder):
    script = recorder.record("a/0", {"store": "redis"})
    plain = {"affinity": "none", "store": "memory", "retry": "off", "cache": "off"}
    [(path, stage), *steps] = recorder.console.asked[len(CUSTOMERS) :]
    assert (path, stage) == ("/lab/stage", plain)
    assert [path for path, _ in steps] == ["/lab/step"] * 3
    assert [body["step"] for _, body in steps] == [0, 1, 2]
    keys = [body["customer"] for _, body in steps]
    assert keys == ["secret-key-of-john", "secret-key-of-john", "secret-key-of-bob"]
    assert all(body["settings"] == {"store": "redis"} for _, body in steps)
    assert (script.name, script.settings) == ("a/0", {"store": "redis"})


def test_step_keeps_its_own_events_and_the_order_of_what_came(recorder):
    script = recorder.record("a/0", {})
    kinds = [[event["kind"] for event in step.events] for step in script.steps]
    assert kinds == [["stage"], ["exchange", "request"] * 2, ["exchange", "request"] * 2]
    ids = [event["id"] for step in script.steps for event in step.events]
    assert ids == sorted(set(ids))


def test_recording_holds_no_key_and_no_session_id_and_the_token_whole(recorder):
    text = msgspec.json.encode(recorder.record("a/0", {})).decode()
    assert "secret-key" not in text
    assert COOKIE not in text
    assert TOKEN in text


def test_long_answer_is_recorded_by_its_beginning(recorder, console):
    long = [{"sku": "pen", "name": "x" * 90}] * 500
    publish = console.publish

    def with_bodies(kind, **event):
        answer = {"response": {"headers": {}, "body": long}} if kind == "exchange" else {}
        publish(kind=kind, **event, **answer)

    console.publish = with_bodies
    script = recorder.record("a/0", {})
    [first, *_] = [each for each in script.steps[1].events if each["kind"] == "exchange"]
    assert first["response"]["body"].endswith(f"… ({len(json.dumps(long))} characters)")
    assert len(msgspec.json.encode(script)) < 60_000


def test_random_id_of_a_request_is_recorded_only_where_it_has_no_op(recorder, console):
    publish = console.publish

    def with_id(kind, **event):
        publish(kind=kind, **event, **({"request_id": "1f2e3d4c"} if kind == "request" else {}))
        if kind == "request":
            publish(kind=kind, op="", request_id="from-elsewhere")

    console.publish = with_id
    requests = [
        (bool(event["op"]), event["request_id"])
        for event in recorder.record("a/0", {}).steps[1].events
        if event["kind"] == "request"
    ]
    assert requests == [(True, ""), (False, "from-elsewhere")] * 2


@pytest.mark.parametrize("at", [("/lab/stage", None), ("/lab/step", 0), ("/lab/step", 2)])
def test_refused_step_ends_its_script_with_the_reason(recorder, console, at):
    console.refused = at
    with pytest.raises(NotRecorded, match="409: B is dead already"):
        recorder.record("a/0", {})


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
    "no scripts": b'{"version": 3}',
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
        module = unquote(url.partition("charset=utf-8,")[2])
        assert not re.search(r"""(from|import)\s*\(?["']\.{0,2}/""", module)
        for imported in re.findall(r'from "([^"]+)"', module):
            assert imported in imports
        assert not re.search(r"[#<\n\r\t]", url)  # a URL ends or loses them
    source = unquote(imports["lab/source.js"])
    assert "fetch(" not in source and "EventSource" not in source


def unpacked(text):
    """What a page makes of it, by the description in packing.py."""
    parts = []

    def whole(value):
        if isinstance(value, list):
            return [whole(each) for each in value]
        if not isinstance(value, dict):
            return value
        given = value.get("$")
        if isinstance(given, int):
            return parts[given]
        return {name: whole(each) for name, each in given or value.items()}

    for part in json.loads(gzip.decompress(b64decode(text))):
        parts.append(whole(part))
    return parts[-1]


LONG = "a text that is longer than a reference to it"
VALUES = {
    "scalars": [None, True, 1, 1.0, 0, False, "", "1", -0.5, 1e300],
    "alike": [{"a": [LONG, 1]}, {"a": [LONG, 1]}, {"b": [LONG, True]}, LONG, [LONG], [[LONG]]],
    "own reference": [{"$": 0, "x": LONG}, {"$": LONG}, {"$": [["a", 1]]}, {"$": {"$": 1}}] * 2,
    "names of a browser": [{"__proto__": {"x": LONG}, "constructor": 1, "": {}}] * 2,
    "ends of a script": ["</script><!--", "\u2028 \u0000 Ωμέγα", "𝄞" * 20] * 2,
    "empty": {"a": [], "b": {}, "c": [[], {}]},
    "a text": LONG,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_packed_recording_is_the_same_in_a_page(value):
    text = packing.packed(value)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)
    assert json.dumps(unpacked(text)) == json.dumps(value)
    if NODE is None:
        pytest.skip("no node here")
    page = {
        "scripts": [],
        "snapshot": {"events": []},
        "customers": {},
        "answers": {"/lab/x": {"type": "application/json", "json": value}},
    }
    stand_in = {"textContent": packing.packed(page)}
    code = f"""
        globalThis.document = {{ getElementById: () => ({json.dumps(stand_in)}) }};
        const {{ send }} = await import({json.dumps((OFFLINE / "recorded.js").as_uri())});
        console.log(await (await send("/lab/x")).text());
    """
    assert printed(code) == value


RUNS = {"type": "application/json", "json": {"runs": [{"name": "r", "experiments": ["crash"]}]}}


@needs_node
@pytest.mark.parametrize(("answers", "kept"), [({}, []), ({"/lab/runs": RUNS}, ["r"])])
def test_page_of_a_recording_has_nothing_drawn_before_a_run_and_knows_its_kept_runs(answers, kept):
    page = {"scripts": [], "snapshot": {"events": []}, "customers": {}, "answers": answers}
    stand_in = {"textContent": packing.packed(page)}
    code = f"""
        globalThis.document = {{ getElementById: () => ({json.dumps(stand_in)}) }};
        const {{ send, keptRuns }} = await import({json.dumps((OFFLINE / "recorded.js").as_uri())});
        const drawn = await send("/lab/sequence/stateful");
        const kept = keptRuns.map(({{ name }}) => name);
        console.log(JSON.stringify([drawn.status, await drawn.text(), kept]));
    """
    assert printed(code) == [200, "", kept]


def test_part_that_comes_again_is_packed_once():
    event = {"kind": "exchange", "noise": hashlib.sha512(b"x").hexdigest()}
    apart = [{"n": n, "text": sha256(bytes([n])).hexdigest() * 9} for n in range(200)]
    few, many = (len(packing.packed([event, *apart, *[event] * n])) for n in (1, 500))
    assert many - few < 100


def test_recording_that_is_nested_without_end_is_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(LabError, match="nested too deeply"):
        packing.packed(value)


# --- how large it may become


@pytest.fixture
def kept_crash(tmp_path):
    """Kept runs, one of which is a crash."""
    folder = tmp_path / "20261124-075535-crash"
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(as_json(crash())), encoding="utf-8")
    return KeptRuns(tmp_path)


RUN = "20261124-075535-crash"


def test_bytes_of_a_kept_run_are_left_out_before_the_page_is_too_large(kept_crash, monkeypatch):
    monkeypatch.setattr(fitting, "IN_FULL", (1000, 1, 0))
    whole = fitting.fitted(made(), kept_crash, [RUN])
    assert whole.left_out == ""
    size = len(whole.page.encode())
    smaller = fitting.fitted(made(), kept_crash, [RUN], size - 1)
    assert len(smaller.page.encode()) < size
    assert "first 1 requests" in smaller.left_out and "lab play" in smaller.left_out
    assert fitting.fitted(made(), kept_crash, [RUN], size).left_out == ""
    with pytest.raises(LabError, match=f"leave out --run {RUN}"):
        fitting.fitted(made(), kept_crash, [RUN], 1000)
    with pytest.raises(LabError, match="lab record"):
        fitting.fitted(made(), kept_crash, [], 1000)


def test_played_run_has_the_bytes_of_its_first_requests_and_all_that_became_of_carts(kept_crash):
    few, all_ = (kept_crash.playback(RUN, 0, full=full) for full in (1, 1000))
    kinds = [Counter(each["kind"] for each in one.events) for one in (few, all_)]
    assert kinds[0]["exchange"] == 2 < kinds[1]["exchange"]
    assert kinds[0]["request"] == kinds[1]["request"]
    assert few.steps[-1].to <= len(few.events)
    assert few.events[-1]["score"] == all_.events[-1]["score"]


def test_export_writes_no_file_that_is_too_large(tmp_path, monkeypatch):
    noise = "".join(sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(40_000))
    recording.keep(made(snapshot={"events": [], "noise": noise}), tmp_path)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["export", "page.html", "--recording", "."])
    assert isinstance(done.exception, LabError)
    assert "more than 1 MB" in str(done.exception) and not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("wrong", [["page.html", "--run", "nope"], ["nowhere/page.html"]])
def test_export_refuses_before_it_records(tmp_path, monkeypatch, wrong):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["export", *wrong])
    said = done.output + str(done.exception)
    assert done.exit_code != 0
    assert "no run 'nope' is kept here" in said or "cannot write nowhere/page.html" in said
    assert list(tmp_path.rglob("*")) == []


def test_recording_says_when_and_with_what_it_was_made():
    store = UsedProgram("Valkey", "8.1.8", "PATH")
    components = Components(UsedProgram(version="1.31.3"), store, "3.12.3")
    page = unpacked(one_file.for_page(made(components=components)))
    assert page["provenance"] == {
        "made": "2026-11-27",
        "line": "Recorded on 2026-11-27 with lab 0.2.0, nginx 1.31.3, Valkey 8.1.8, Python 3.12.3. "
        "Record your own: pip install . in a clone of Two Desks, then lab export.",
    }


def test_kept_run_says_when_and_with_what_it_was_made(kept_crash):
    said = kept_crash.playback(RUN, 0).provenance
    assert said.made == "2026-11-24"
    assert "with nginx 1.31.3." in said.line and "lab run crash" in said.line


@pytest.mark.parametrize("text", ["", "x\n" * 999, HOSTILE_TEXT], ids=["none", "long", "hostile"])
def test_odd_component_of_a_kept_run_makes_no_odd_sentence(text):
    components = Components(UsedProgram(text, text), UsedProgram(version=text), text)
    said = provenance("2026-11-27T10:45:00", components, "lab run x").line
    assert said.startswith("Recorded on 2026-11-27") and "\n" not in said
    assert "None" not in said and len(said) < 250


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
    assert "onerror=alert" not in page  # what a recording holds is packed, never markup


def test_kept_run_is_in_the_file_as_the_console_answers_it(tmp_path):
    folder = tmp_path / "20261124-075535-crash"
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(as_json(crash())), encoding="utf-8")
    answers = one_file.run_answers(KeptRuns(tmp_path), [folder.name])
    listed = json.loads(answers["/lab/runs"].text)
    assert [each["name"] for each in listed["runs"]] == [folder.name]
    played = json.loads(answers[f"/lab/runs/{folder.name}/0"].text)
    assert played["events"]
    requests = [each for each in played["events"] if each["kind"] == "request"]
    for code in {asked_at(each["method"], each["path"]) for each in requests}:
        assert json.loads(answers[code].text).keys() == set(DESKS)
    pairs = [path for path in answers if path.startswith(f"/lab/runs/{folder.name}/0?")]
    assert pairs and all("left=" in path and "right=" in path for path in pairs)
    assert json.loads(one_file.run_answers(KeptRuns(tmp_path), [])["/lab/runs"].text) == {
        "runs": []
    }
    with pytest.raises(LabError, match="no run"):
        one_file.run_answers(KeptRuns(tmp_path), ["../x"])


# --- `lab play`


@pytest.fixture
def play(tmp_path, monkeypatch):
    """`lab play` without its server: returns its result, and what the page would be given."""
    given = []

    @contextmanager
    def playing(root, port, lesson):
        given.append(lesson)
        yield "http://127.0.0.1:7"

    monkeypatch.setattr("lab.console.assembly.playing", playing)
    monkeypatch.setattr("lab.cli.signals.wait_for_stop", lambda: None)

    def run(*arguments):
        command = ["play", "--no-open", "--out", str(tmp_path), *arguments]
        done = CliRunner().invoke(cli, command, catch_exceptions=True)
        return done, given[-1] if given else None

    return run


def keep_lesson(root, **changes):
    folder = root / "20261127-100000-walkthrough"
    folder.mkdir()
    recording.keep(made(**changes), folder)


def test_play_without_a_run_plays_the_recorded_lesson(play, tmp_path, kept_crash):
    done, lesson = play()
    assert lesson is None and f"http://127.0.0.1:7/?run={RUN}" in done.output
    assert f"`lab record --out {tmp_path}`" in done.output
    keep_lesson(tmp_path)
    done, lesson = play()
    assert lesson == made() and "http://127.0.0.1:7/\n" in done.output
    assert "recorded on 2026-11-27" in done.output
    assert "the lesson has changed since 2026-11-27" in done.output  # by its digest
    shutil.rmtree(tmp_path / "20261127-100000-walkthrough")
    keep_lesson(tmp_path, lesson=recording.digest(plan.load()))
    assert "has changed" not in play()[0].output


def test_play_of_a_run_has_the_recorded_lesson_too(play, tmp_path, kept_crash):
    keep_lesson(tmp_path)
    for named in (RUN, "latest", str(tmp_path / RUN)):
        if named == "latest":
            (tmp_path / "latest").symlink_to(RUN)
        done, lesson = play(named)
        assert lesson == made() and f"/?run={RUN}" in done.output, done.output


def test_play_links_to_a_run_of_two_experiments(play, tmp_path, kept_crash):
    (tmp_path / RUN).rename(tmp_path / f"{RUN}+size")
    assert f"/?run={RUN}%2Bsize\n" in play()[0].output  # "+" would be a space


def test_run_of_two_experiments_is_in_the_file_by_the_path_that_the_page_asks(tmp_path, kept_crash):
    (tmp_path / RUN).rename(tmp_path / f"{RUN}+size")
    answers = one_file.run_answers(kept_crash, [f"{RUN}+size"])
    assert {f"/lab/runs/{RUN}%2Bsize", f"/lab/runs/{RUN}%2Bsize/0"} <= answers.keys()


def test_play_says_what_makes_something_to_play(play, tmp_path):
    done, lesson = play()
    assert done.exit_code != 0 and lesson is None
    said = str(done.exception) + done.output
    assert f"`lab record --out {tmp_path}`" in said and "`lab run crash --out " in said


def test_recording_of_another_version_keeps_no_run_from_being_played(play, tmp_path, kept_crash):
    keep_lesson(tmp_path, version=1)
    done, lesson = play(RUN)
    assert done.exit_code == 0 and lesson is None
    assert "record it again" in done.output
    done, _ = play()  # it was asked for the lesson
    assert done.exit_code != 0 and "record it again" in str(done.exception) + done.output


def test_workflow_that_publishes_it_obeys_the_schema(tmp_path):
    def check(file):
        command = ["--builtin-schema", "vendor.github-workflows", str(file)]
        return CliRunner().invoke(check_jsonschema.main, command)

    file = ROOT / ".github" / "workflows" / "pages.yml"
    done = check(file)
    assert done.exit_code == 0, done.output
    wrong = tmp_path / "pages.yml"
    wrong.write_text(file.read_text().replace("runs-on:", "runs_on:"))
    assert check(wrong).exit_code == 1
