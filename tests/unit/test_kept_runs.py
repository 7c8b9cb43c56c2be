"""Kept runs are listed cheaply, opened by name only, and what is not a run is refused in words."""

import json
import os
import re
import threading
from html.parser import HTMLParser

import msgspec
import pytest
from report_documents import (
    HOSTILE,
    as_json,
    crash,
    exchange,
    experiment,
    fault,
    hostile,
    run,
    story,
    variant,
)

from lab import experiments
from lab.console.kept_runs import MOST_RUNS, KeptRuns
from lab.core.errors import LabError
from lab.evidence.run_document import RunDocument
from lab.report import summary
from lab.report.drawing import sequence_css, sequence_svg
from lab.report.html import page
from lab.report.sequence import story_of

ONE, TWO = "20261124-075535-crash", "20261124-080000-crash+any-server"


def dumped(document):
    return json.dumps(as_json(document) if isinstance(document, RunDocument) else document)


def keep(root, name, document):
    folder = root / name
    folder.mkdir(parents=True)
    text = document if isinstance(document, str) else dumped(document)
    (folder / "result.json").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "lab-runs"
    keep(root, ONE, crash())
    keep(root, TWO, run(*as_json(crash())["experiments"], *as_json(crash())["experiments"]))
    (root / "20261124-090000-up").mkdir()  # has no result.json
    (root / "latest").symlink_to(TWO)
    return root


@pytest.fixture
def kept(root):
    return Plain(root)


class Plain(KeptRuns):
    """Kept runs whose answers are JSON, as the page gets them."""

    def list(self):
        return msgspec.to_builtins(super().list())

    def outline(self, name):
        return msgspec.to_builtins(super().outline(name))

    def playback(self, *wanted, **sides):
        return msgspec.to_builtins(super().playback(*wanted, **sides))


# --- the list


def test_runs_are_listed_newest_first_without_being_opened(kept, monkeypatch):
    monkeypatch.setattr("lab.console.kept_runs.load", None)
    assert kept.list() == {
        "runs": [
            {"name": TWO, "experiments": ["crash", "any-server"], "began": "2026-11-24T08:00:00"},
            {"name": ONE, "experiments": ["crash"], "began": "2026-11-24T07:55:35"},
        ]
    }


def test_run_named_by_hand_began_when_it_was_written(kept, root):
    for name in ("from alice", "20269999-999999-odd"):
        folder = keep(root, name, crash())
        os.utime(folder / "result.json", (1_700_000_000, 1_700_000_000))
    listed = {each["name"]: each for each in kept.list()["runs"]}
    assert listed["from alice"]["experiments"] == ["from alice"]
    for name in ("from alice", "20269999-999999-odd"):
        assert listed[name]["began"].startswith("2023-11-1")
    assert kept.outline("from alice")["name"] == "from alice"


def test_no_folder_is_no_error(tmp_path):
    assert Plain(tmp_path / "none").list() == {"runs": []}


def test_damaged_runs_do_not_break_the_list(kept, root):
    for number, text in enumerate(("", "{", "null", "[" * 100_000, '{"schema": 99}')):
        keep(root, f"20261124-10000{number}-bad", text)
    (root / "loose.json").write_text("{}", encoding="utf-8")
    (root / "20261124-110000-folder" / "result.json").mkdir(parents=True)
    names = [each["name"] for each in kept.list()["runs"]]
    assert len(names) == 2 + 5
    assert "20261124-110000-folder" not in names
    json.dumps(kept.list())


def test_list_is_limited_and_the_other_runs_can_be_opened(kept, root):
    for number in range(MOST_RUNS):
        keep(root, f"20261125-{number:06}-size", crash())
    listed = kept.list()["runs"]
    assert len(listed) == MOST_RUNS
    assert ONE not in [each["name"] for each in listed]
    assert kept.outline(ONE)["name"] == ONE


def test_links_and_pipes_are_not_listed(kept, root, tmp_path):
    keep(tmp_path, "outside", crash())
    (root / "20261124-120000-link").symlink_to(tmp_path / "outside")
    (root / "20261124-120001-file").mkdir()
    (root / "20261124-120001-file" / "result.json").symlink_to(tmp_path / "outside" / "result.json")
    (root / "20261124-120002-pipe").mkdir()
    os.mkfifo(root / "20261124-120002-pipe" / "result.json")
    names = {each["name"] for each in kept.list()["runs"]}
    assert names == {ONE, TWO}
    for name in ("20261124-120000-link", "20261124-120001-file", "20261124-120002-pipe"):
        with pytest.raises(LabError, match="no run"):
            kept.outline(name)


# --- names


def test_name_of_what_was_run_is_answered_with_the_newest_run_of_it(kept, root):
    for name in ("20261124-080000-size", "20261124-080100-size", "20261124-080200-size+crash"):
        keep(root, name, crash())
    for typed in ("size", "siez"):
        with pytest.raises(LabError, match="did you mean '20261124-080100-size'"):
            kept.outline(typed)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../outside", "/etc", "/", "\\", "..\\outside", "a/b", "x" * 100_000),
        *(f"./{ONE}", f"{ONE}/", f"{ONE}/result.json", f"{ONE}\x00", "~", "C:", HOSTILE),
        *("20261124-090000-up", "latest/..", "result.json", "%2e%2e"),
    ],
)
@pytest.mark.parametrize("way", ["outline", "playback"])
def test_name_is_a_folder_of_the_list_and_nothing_else(
    kept, root, tmp_path, monkeypatch, name, way
):
    keep(tmp_path, "outside", crash())
    monkeypatch.chdir(root.parent)
    with pytest.raises(LabError, match=r"^no run .* is kept here") as raised:
        kept.outline(name) if way == "outline" else kept.playback(name, 0)
    assert len(str(raised.value)) < 200
    assert str(tmp_path) not in str(raised.value)


def test_name_is_not_looked_for_elsewhere(kept, root, tmp_path, monkeypatch):
    (tmp_path / ONE).write_text(dumped(run()), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert len(kept.outline(ONE)["experiments"]) == 1
    monkeypatch.chdir(root.parent)
    assert len(Plain(type(root)("lab-runs")).outline(ONE)["experiments"]) == 1


def test_latest_is_the_run_it_points_at(kept, root):
    assert kept.outline("latest")["name"] == TWO
    (root / "latest").unlink()
    with pytest.raises(LabError, match="no run 'latest'"):
        kept.outline("latest")
    (root / "latest").write_text(f"{ONE}\n", encoding="utf-8")  # as on Windows
    assert kept.outline("latest")["name"] == ONE


@pytest.mark.parametrize("written", ["../outside", "", "..", "/etc", "\x00", HOSTILE])
def test_latest_leads_nowhere_else(kept, root, tmp_path, written):
    keep(tmp_path, "outside", crash())
    (root / "latest").unlink()
    (root / "latest").write_text(written, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(LabError, match="no run"):
        kept.outline("latest")
    (root / "latest").unlink()
    (root / "latest").symlink_to(tmp_path / "outside")
    with pytest.raises(LabError, match="no run"):
        kept.outline("latest")


# --- what is in them


def test_outline_shows_what_was_found(kept):
    (found,) = kept.outline(ONE)["experiments"]
    assert (found["name"], found["verdict"]) == ("crash", "holds")
    assert found["claim"] == "Servers can crash or restart without affecting users."
    assert found["decision"] == "1 of 1 acknowledged carts kept"
    assert found["variants"] == [
        {
            "name": "stateful",
            "app": "stateful",
            "keeps": "memory",
            "outcome": {"verdict": "fails", "text": "0 of 1 acknowledged carts kept"},
        },
        {
            "name": "stateless",
            "app": "stateless",
            "keeps": "token",
            "outcome": {"verdict": "holds", "text": "1 of 1 acknowledged carts kept"},
        },
    ]


def test_prediction_that_was_made_is_the_question(kept, root):
    made = {"question": "Who?", "choices": ["a", "b"], "predicted": 1, "confidence": "certain"}
    made |= {"observed": 0, "right": False, "explanation": "Because."}
    keep(root, "asked", run(experiment([variant()], prediction=made)))
    assert as_json(kept.outline("asked"))["experiments"][0]["question"] == made


def measured(lost, owed=3):
    return {"observed_lost": lost, "carts_acknowledged": owed}


@pytest.mark.parametrize(
    ("stateful", "observed"),
    [(measured(["John"]), 1), (measured([]), 0), (measured(list("abc")), 3), ({}, None)],
)
def test_run_without_a_prediction_answers_the_experiments_own_question(
    kept, root, stateful, observed
):
    variants = [
        variant("stateful", measurements=stateful),
        variant("stateless", "stateless", measurements=measured([])),
    ]
    keep(root, "unasked", run(experiment(variants)))
    question = as_json(kept.outline("unasked"))["experiments"][0]["question"]
    asked = experiments.find("crash").question
    assert question == {
        "question": asked.text,
        "choices": list(asked.choices),
        "predicted": None,
        "confidence": None,
        "observed": observed,
        "right": None,
        "explanation": asked.explanation,
    }


@pytest.mark.parametrize("lost", [3, "x", {"a": 1}, [[]], True])
def test_measurements_of_another_kind_answer_nothing_or_something_but_never_break(kept, root, lost):
    variants = [
        variant("stateful", measurements=measured(lost)),
        variant("stateless", "stateless", measurements=measured([])),
    ]
    keep(root, "odd", run(experiment(variants)))
    assert kept.outline("odd")["experiments"][0]["question"]["observed"] in (None, 0, 1, 2, 3)


def test_script_of_a_user_has_no_question_and_is_not_looked_for(kept, root, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for number, (name, argument) in enumerate(
        [("mine", "./mine.py"), ("./mine.py", "./mine.py"), ("crash", "./crash.py")]
    ):
        document = run(experiment([variant()], name=name, argument=argument))
        keep(root, f"mine-{number}", document)
        assert kept.outline(f"mine-{number}")["experiments"][0]["question"] is None


def test_run_is_played_back_with_its_drawings(kept):
    played = kept.playback(ONE, 0)
    assert played["name"] == ONE
    assert played["experiment"] == kept.outline(ONE)["experiments"][0]
    assert (played["left"]["name"], played["right"]["name"]) == ("stateful", "stateless")
    assert [each["kind"] for each in played["events"]].count("exchange") == 6
    assert "cart not shown" in played["sequence"]["stateful"]
    assert "cart kept" in played["sequence"]["stateless"]


def test_command_of_a_run_names_the_file_that_was_run(kept, root):
    document = as_json(crash())
    document["experiments"][0]["argument"] = "./a b.py"
    keep(root, "20261124-070000-a-b", document)
    assert "lab run './a b.py'" in kept.playback("20261124-070000-a-b", 0)["provenance"]["line"]


def test_variants_can_be_chosen(kept, root):
    variants = [variant(name, exchanges=[exchange(f"{name}-1")]) for name in ("memory", "file")]
    keep(root, "many", run(experiment(variants)))
    played = kept.playback("many", 0)
    assert (played["left"]["name"], played["right"]) == ("memory", None)
    assert played["sequence"]["stateless"] == ""
    chosen = kept.playback("many", 0, left="file", right="memory")
    assert (chosen["left"]["name"], chosen["right"]["name"]) == ("file", "memory")
    for wrong in ("redis", "", HOSTILE, "x" * 10_000):
        with pytest.raises(LabError, match="no variant") as raised:
            kept.playback("many", 0, left=wrong)
        assert len(str(raised.value)) <= 300


@pytest.mark.parametrize("index", [-1, 1, 10**9])
def test_experiment_that_is_not_there_is_reported(kept, index):
    with pytest.raises(LabError, match="no experiment"):
        kept.playback(ONE, index)


@pytest.mark.parametrize("text", ["", "{", "null", "[" * 100_000, '{"schema": 99}', "\udcff"])
def test_damaged_run_is_reported_in_a_sentence_without_this_machines_paths(
    kept, root, tmp_path, text
):
    folder = keep(root, "bad", "")
    (folder / "result.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    for ask in (lambda: kept.outline("bad"), lambda: kept.playback("bad", 0)):
        with pytest.raises(LabError, match=r"bad/result\.json") as raised:
            ask()
        assert str(tmp_path) not in str(raised.value)
    assert kept.outline(ONE)["name"] == ONE


def test_file_past_the_limit_is_refused(kept, monkeypatch):
    monkeypatch.setattr(summary, "MOST_DOCUMENT_BYTES", 100)
    with pytest.raises(LabError, match="too large"):
        kept.outline(ONE)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("knobs", "servers"), "many"),
        (("knobs", "servers"), [3]),
        (("order",), [{}]),
        (("order",), 3),
        (("exchanges", 0, "elapsed_ms"), "long"),
        (("exchanges", 0, "at_s"), True),
        (("exchanges", 0, "customer"), {"name": "John"}),
        (("exchanges", 0, "served_by"), ["A"]),
        (("exchanges", 0, "fate"), 7),
        (("exchanges", 0, "response", "headers"), {"X": 3}),
        (("exchanges", 0, "bytes_sent"), "many"),
        (("exchanges", 0, "response", "body"), "\ud800"),
        (("faults", 0, "evidence"), [1]),
        (("faults", 0, "evidence"), None),
        (("faults", 0, "confirmed"), "yes"),
        (("name",), "<script>alert(1)</script>"),
    ],
)
def test_damage_that_no_check_foresaw_is_reported_or_shown_and_nothing_else(
    kept, root, where, value
):
    document = as_json(crash())
    *path, last = where
    it = document["experiments"][0]["variants"][0]
    for step in path:
        it = it[step]
    it[last] = value
    keep(root, "odd", document)
    try:
        json.dumps(kept.playback("odd", 0), allow_nan=False)
    except LabError as error:
        assert re.search("damaged", str(error))


def test_nesting_at_the_parsers_limit_is_reported(kept, root):
    deep = dumped(crash()).replace('{"cart": {"lines": []}}', "[" * 800 + "]" * 800)
    assert "[" * 800 in deep
    keep(root, "deep", deep)
    try:
        json.dumps(kept.playback("deep", 0))
    except LabError as error:
        assert "damaged" in str(error)


def test_run_that_was_written_again_is_read_again(kept, root):
    assert len(kept.outline(ONE)["experiments"]) == 1
    (root / ONE / "result.json").write_text(dumped(run()), encoding="utf-8")
    assert kept.outline(ONE)["experiments"] == []


def test_cached_run_is_given_to_every_page(kept):
    """The document is kept between two requests: it must not be changed."""
    first = json.dumps(kept.playback(ONE, 0))
    threads = [threading.Thread(target=lambda: kept.playback(ONE, 0)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert json.dumps(kept.playback(ONE, 0)) == first


# --- the drawing, in the report and in the page


class Fragment(HTMLParser):
    """Tags and attributes; every tag must be closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.open, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


DRAWN = {"div", "svg", "circle", "path", "ellipse", "rect", "text", "g", "title", "p"}


@pytest.mark.parametrize("make", [crash, hostile])
def test_drawing_needs_no_inline_style_and_brings_no_script(make):
    for it in make().experiments[0].variants:
        read = Fragment(sequence_svg(story_of(it)))
        assert set(read.tags) <= DRAWN
        for name, value in read.attributes:
            assert name not in ("style", "href", "src", "id")
            assert not name.startswith("on")
            assert "javascript:" not in (value or "")


def test_drawing_says_nothing_of_a_list_that_the_page_does_not_have():
    many = [exchange(f"x-{n}") for n in range(90)]
    drawn = sequence_svg(story(variant(exchanges=many, faults=[fault()])))
    assert "more events ⋮" in drawn
    assert "below" not in drawn
    assert "in the list below" in page(run(experiment([variant(exchanges=many)])))


def test_report_draws_with_the_same_code():
    it = story_of(crash().experiments[0].variants[0])

    def strokes(html):
        return re.findall(r"<(?:path|rect|circle|text)[^>]*>", re.sub(r"</?a[^>]*>", "", html))

    report = page(crash())
    assert " ".join(strokes(sequence_svg(it))) in " ".join(strokes(report))
    assert sequence_css() in report


@pytest.mark.parametrize("servers", [1, 3, 4, 8, 26])
def test_every_width_has_its_class(servers):
    it = variant(exchanges=[exchange()], faults=[fault(target="store")])
    it["knobs"]["servers"] = servers
    width = re.search(
        r'class="sequence stateful (w\d+)" viewBox="0 0 (\d+)', sequence_svg(story(it))
    )
    assert width[1] == f"w{width[2]}"
    assert f".sequence.{width[1]} {{ min-width: " in sequence_css()


def test_style_sheet_is_one_a_page_can_serve():
    sheet = sequence_css()
    assert "{%" not in sheet
    assert "{{" not in sheet
    assert not re.search(r"@import|url\(|expression|<|:root|^body|^html", sheet, re.M)
    assert sheet.count("{") == sheet.count("}")
