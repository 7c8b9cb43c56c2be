"""The lesson has no mistake, and the check finds each kind of mistake."""

import re
import shlex
from itertools import product

import msgspec
import pytest

import stateful_app.app
import stateless_app.app
from lab.cli.main import cli
from lab.console.lesson import plan
from lab.core.errors import LabError
from lab.shop.desks import DESKS

from .lesson_check import check_lesson
from .lesson_rules import borne_out, holds
from .lesson_steps import script, step


def load(*folder):
    """Return the lesson as the page gets it."""
    return msgspec.to_builtins(plan.load(*folder))


PLAN = load()
CHAPTERS = pytest.mark.parametrize("chapter", PLAN["chapters"], ids=lambda chapter: chapter["slug"])
DECIDED = [
    chapter["predict"]["choices"]
    for chapter in PLAN["chapters"]
    if "when" in chapter["predict"]["choices"][0]  # else there is no right answer
]
VALUES = {
    "kept": (0, 1),
    "lost": (0, 1),
    "status": (0, 200, 201, 401, 409, 503),
    "refused": (0, 1, 2, 5, 6),
}
MOST_WORDS = 25
SCRIPTS = [*PLAN["scenes"], *(act for each in PLAN["chapters"] for act in each["acts"])]
SCRIPTS = [each for each in SCRIPTS if each.get("steps")]
PERSON = re.compile(r"\b(John|Bob|Carol|Mallory|[Hh]e|[Hh]im|[Hh]is|[Ss]he|[Hh]ers?)\b")

GOOD = """
title = "A title"
claim = "A claim."
setup = "A set-up of at least fifteen words stands before the question, and so it has them."
text = ["One paragraph."]
commands = ["lab run crash --retry on"]
wants = { servers = 2, store = "redis", affinity = "none", cache = "off" }
measured = ["{stateful.kept} of it, {{so}} to say."]
explain = "Because."

[predict]
question = "Which?"
choices = [
  { text = "This.", when = { "stateful.kept" = 1 }, because = "No." },
  { text = "That.", when = { "stateful.lost" = 1, "stateless.refused" = ">0" }, because = "Yes." },
]

[result]
numbers = [{ fact = "lost", of = "looks", unit = ["cart lost", "carts lost"] }]
findings = [
  { words = "cart kept", good = true, when = { kept = 1 } },
  { words = "cart lost", good = false, when = { lost = 1 } },
]
verdicts = { both = "Both.", stateful = "One.", stateless = "Other.", neither = "None." }
cases = [{ words = "A case.", when = { "stateful.lost" = 1 } }]

[[acts]]
label = "Do it"
steps = [
  { do = "stage", servers = 2, store = "redis", affinity = "none", cache = "off" },
  { do = "login", say = "He comes." },
  { do = "add", sku = "pen", quantity = 2, server = "served", tries = 3, desks = ["stateless"] },
  { do = "store", what = "kill" },
  { do = "kill", target = "served" },
  { do = "replay", of = "add", server = "B" },
]

[[acts]]
label = "Measure it"
experiment = "crash"
"""
SCENES = """
[[scenes]]
slug = "a-scene"
title = "A scene"
say = "Something."
steps = [{ do = "login" }, { do = "login", as = "second" }, { do = "view", as = "second" }]
"""


@pytest.fixture
def lesson(tmp_path):
    """Load a lesson of one chapter and one scene, each with some texts replaced."""

    def read(*changes, scenes=SCENES, name="01-one.toml"):
        text = GOOD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        # Not text mode: a carriage return must reach the reader as it is.
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        (tmp_path / "scenes.toml").write_text(scenes, encoding="utf-8")
        check_lesson(tmp_path)
        return load(tmp_path)

    return read


def test_lesson_has_no_mistake():
    check_lesson()


def test_lesson_has_the_eleven_chapters_and_five_scenes():
    slugs = [chapter["slug"] for chapter in PLAN["chapters"]]
    assert len(slugs) == len(set(slugs)) == 11
    assert [scene["slug"] for scene in PLAN["scenes"]] == [
        *("the-crash", "sticky-then-crash", "store-dies", "rolling-restart", "cache-leak"),
    ]


@CHAPTERS
def test_chapter_is_readable(chapter):
    predict, acts = chapter["predict"], chapter["acts"]
    prose = [*chapter["text"], chapter["explain"], chapter["claim"], chapter["setup"]]
    prose += [predict["question"], *(choice["text"] for choice in predict["choices"])]
    prose += [each.get("say", "") for act in acts for each in act.get("steps", ())]
    for sentence in re.split(r"(?<=[.!?”])\s|: ", " ".join(prose)):
        assert len(sentence.split()) <= MOST_WORDS, sentence
    # Numbers come from the run, through facts; the article's own request is quoted.
    assert not re.search(r"\d", " ".join(prose).replace("userId=123", ""))
    assert 2 <= len(re.split(r"(?<=[.!?])\s", chapter["explain"])) <= 6


@CHAPTERS
def test_no_answer_stands_out_by_having_a_reason_or_none(chapter):
    assert len({": " in choice["text"] for choice in chapter["predict"]["choices"]}) == 1


@CHAPTERS
def test_every_step_of_a_script_says_what_happens(chapter):
    for act in chapter["acts"]:
        for each in act.get("steps", ()):
            assert each["say"]


@pytest.mark.parametrize("captioned", SCRIPTS, ids=lambda each: each.get("label") or each["slug"])
def test_he_and_she_in_a_caption_is_the_last_one_named(captioned):
    named = None
    for each in captioned["steps"]:
        who = {"second": "Bob", "third": "Carol"}.get(each.get("as"), "John")
        for word in PERSON.findall(each["say"]):
            if word[0].isupper() and word not in ("He", "She", "Him", "His", "Her"):
                named = word
            else:
                assert named == who, each["say"]


@CHAPTERS
def test_every_command_is_one_that_the_command_line_takes(chapter):
    for line in chapter["commands"]:
        _, verb, *arguments = shlex.split(line)
        command = cli.get_command(None, verb)
        command.make_context(verb, list(arguments))


@pytest.mark.parametrize("code", [each["code"] for each in PLAN["chapters"] if "code" in each])
def test_code_that_is_shown_is_there_at_both_desks(code):
    method, path = code["method"], code["path"]
    for module in (stateful_app.app, stateless_app.app):
        rules = module.create_app().url_map.iter_rules()
        assert any(rule.rule == path and method in rule.methods for rule in rules)


@CHAPTERS
def test_measurements_of_a_chapter_are_shown_for_both_desks(chapter):
    text = " ".join(chapter["measured"])
    assert "{stateful." in text and "{stateless." in text


def test_good_lesson_passes_and_an_experiment_brings_its_question(lesson):
    (chapter,) = lesson()["chapters"]
    assert chapter["slug"] == "one"
    asked = chapter["acts"][1]["question"]
    assert asked.keys() == {"question", "choices", "explanation"}
    assert asked["choices"][0].keys() == {"text"}
    assert chapter["predict"].keys() == {"question", "choices"}
    assert chapter["predict"]["choices"][0].keys() == {"text", "when", "because"}
    assert "question" not in chapter["acts"][0]


WHENS = '{ "stateful.lost" = 1, "stateless.refused" = ">0" }'
MISTAKES = [
    ("title =", "tilte =", "tilte: is unknown here"),
    ('title = "A title"', "", "title: is missing"),
    ('title = "A title"', "title = 3", "title: must be text"),
    ('title = "A title"', 'title = "  "', "title: must be text"),
    ('title = "A title"', f'title = "{"x" * 49}"', "title: has 49 characters"),
    ('title = "A title"', 'title = "A\\u202etitle"', "title: must be one line of printable"),
    ('title = "A title"', 'title = "A\\u0000title"', "title: must be one line of printable"),
    ('title = "A title"', 'title = "A\\ntitle"', "title: must be one line of printable"),
    ('title = "A title"', 'title = "A title"\ntitle = "B"', "this is not TOML"),
    ("[predict]", "[predict", "this is not TOML"),
    (GOOD[GOOD.index("[predict]") : GOOD.index("[[acts]]")], "", "predict: is missing"),
    ('"A claim."', '"\udc80"', "this is not TOML"),
    ('["One paragraph."]', '"One paragraph."', "text: must be a list of 1 to 3"),
    ('["One paragraph."]', "[]", "text: must be a list of 1 to 3"),
    ('["One paragraph."]', '["a", "b", "c", "d"]', "text: must be a list of 1 to 3"),
    ('["One paragraph."]', '["a", true]', "text[1]: must be text"),
    ("lab run crash", "rm -rf crash", "commands[0]: must be one of lab demo"),
    ("lab run crash", "lab kill B", "commands[0]: must be one of lab demo"),
    ("lab run crash", "lab run crsh", "commands[0]: no script 'crsh': did you mean 'crash'"),
    ("lab run crash", "lab run ./crash.py", "commands[0]: must be the name of a bundled"),
    ("{stateful.kept}", "{stateful.keep}", "{stateful.keep}: did you mean stateful.kept?"),
    ("{stateful.kept}", "{kept}", "measured[0]: there is no fact {kept}"),
    ("{stateful.kept}", "{}", "measured[0]: there is no fact {}"),
    ("{stateful.kept}", "{stateful.__class__}", "there is no fact {stateful.__class__}"),
    ("{stateful.kept}", "{stateful.kept:>9999999}", "without a format"),
    ("{stateful.kept}", "{stateful.kept!r}", "without a format"),
    ("{stateful.kept}", "{stateful.kept", "measured[0]: unexpected '{'"),
    ('"stateful.kept" = 1', '"stateful.keep" = 1', "did you mean stateful.kept?"),
    ('"stateful.kept" = 1', '"stateful.kept" = true', "must be a whole number"),
    ('"stateful.kept" = 1', '"stateful.kept" = nan', "must be a whole number"),
    ('"stateful.kept" = 1', '"stateful.kept" = "=1"', "'=1' is not a comparison"),
    ('"stateful.kept" = 1', '"stateful.kept" = "<=1"', "'<=1' is not a comparison"),
    ('"stateful.kept" = 1', '"stateful.kept" = "kept"', "'kept' is not a comparison"),
    ('"stateful.kept" = 1', '"stateful.fate" = "keept"', "did you mean 'kept'?"),
    ('"stateful.kept" = 1', '"stateful.fate" = 1', "'1' is unknown"),
    ('"stateful.kept" = 1', '"stateful.refused" = ">0"', "can be true together with choices[0]"),
    ('{ "stateful.kept" = 1 }', "{}", "when: must be a table of facts"),
    (', when = { "stateful.kept" = 1 }', "", "either each has a `when`, or none"),
    ('text = "That."', 'text = "This."', "two of them say the same"),
    ('text = "That."', 'text = "That.", act = 1', "choices[1].act: must be the number of an act"),
    ('text = "That."', 'text = "That.", act = 2', "choices[1].act: must be the number of an act"),
    ('text = "That."', 'text = "That.", act = 99', "choices[1].act: must be a whole number"),
    ('text = "That."', 'text = "That.", act = "0"', "choices[1].act: must be a whole number"),
    ('text = "That.", ', "", "predict.choices[1].text: is missing"),
    (
        f'{{ text = "That.", when = {WHENS}, because = "Yes." }},',
        "",
        "choices: must be a list of 2 to 4",
    ),
    (
        'of = "looks"',
        'of = "look"',
        "result.numbers[0].of: 'look' is unknown: did you mean 'looks'?",
    ),
    ('words = "A case.", ', "", "result.cases[0].words: is missing"),
    (
        'words = "A case.", when = { "stateful.lost"',
        'words = "A case.", when = { "lost"',
        "no such fact",
    ),
    ('question = "Which?"', "", "predict.question: is missing"),
    ('experiment = "crash"', 'experiment = "crush"', "experiment: no script 'crush'"),
    ('experiment = "crash"', 'experiment = "./crash.py"', "must be the name of a bundled"),
    ('experiment = "crash"', 'experiment = "any-server"', "asks no question"),
    ('experiment = "crash"', "", "acts[1]: needs either steps or an experiment"),
    ('label = "Do it"', 'label = "Do it"\nexperiment = "crash"', "acts[0]: needs either steps"),
    ('label = "Do it"', "", "acts[0].label: is missing"),
    ("wants = { servers = 2", "wants = { servers = 3", "must set the stage that the chapter wants"),
    ("servers = 2", "servers = 0", "wants.servers: must be a whole number from 1 to 8"),
    ("servers = 2", "servers = true", "wants.servers: must be a whole number from 1 to 8"),
    ('store = "redis"', 'store = "disk"', "wants.store: 'disk' is unknown"),
    ('store = "redis"', 'store = "memory"', "acts[0].steps[3]: there is no store to break"),
    ('do = "login"', 'do = "log in"', "acts[0].steps[1].do: 'log in' is unknown: did you mean"),
    ('do = "login"', 'do = "eval"', "acts[0].steps[1].do: 'eval' is unknown"),
    ('do = "login", ', "", "acts[0].steps[1].do: is missing"),
    ('{ do = "login", say = "He comes." },', "", "steps[1]: 'add' comes before this customer's"),
    ('sku = "pen"', 'sku = "pem"', "steps[2].sku: 'pem' is unknown: did you mean 'pen'?"),
    ('sku = "pen"', 'sku = ["pen"]', "steps[2].sku: \"['pen']\" is unknown"),
    ("quantity = 2", "quantity = 100", "quantity: must be a whole number from 1 to 99"),
    ("quantity = 2", "quantity = 1.0", "quantity: must be a whole number from 1 to 99"),
    ("quantity = 2, ", "", "steps[2].quantity: is missing"),
    ('server = "served"', 'server = "b"', "steps[2].server: 'b' is unknown"),
    ("tries = 3", "tries = 99", "steps[2].tries: must be a whole number from 1 to 9"),
    ('"stateless"]', '"stateles"]', "desks[0]: 'stateles' is unknown: did you mean 'stateless'?"),
    ('what = "kill"', 'what = "stop"', "steps[3].what: 'stop' is unknown"),
    ('target = "served"', 'target = "other"', "steps[4].target: 'other' is unknown"),
    ('target = "served"', 'server = "B"', "steps[4].server: is unknown here"),
    ('of = "add"', 'of = "checkout"', "steps[5].of: no 'checkout' was sent before"),
    ('of = "add"', 'op = "stateful-7"', "steps[5].op: is unknown here"),
]


@pytest.mark.parametrize(("old", "new", "why"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistake_is_found_and_its_place_named(lesson, old, new, why):
    with pytest.raises(LabError) as refusal:
        lesson((old, new))
    assert str(refusal.value).startswith("01-one.toml: ")
    assert why in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["02-one.toml", "1-one.toml", "01-One.toml", "01-.toml", "one.toml"]
)
def test_chapters_are_numbered_from_one(lesson, name):
    with pytest.raises(LabError, match=r"must be named 01-some-words\.toml"):
        lesson(name=name)


def test_lesson_needs_chapters_and_scenes(tmp_path):
    with pytest.raises(LabError, match="the lesson needs chapters"):
        check_lesson(tmp_path)


@pytest.mark.parametrize(
    ("scenes", "why"),
    [
        (SCENES + SCENES, "scenes[1].slug: 'a-scene' is there twice"),
        (SCENES.replace("a-scene", "../etc"), "scenes[0].slug: must be small letters"),
        (SCENES.replace('say = "Something."', ""), "scenes[0].say: is missing"),
        (SCENES.replace('"login", as = "second"', '"login"'), "steps[2]: 'view' comes before"),
        (SCENES.replace('as = "second"', 'as = "fourth"'), "steps[1].as: 'fourth' is unknown"),
        (
            SCENES.replace('"view", as', '"leave", as').replace('"login", as', '"view", as'),
            "comes before",
        ),
        (SCENES.replace('do = "view", as = "second"', 'do = "leave"'), "steps[2].as: is missing"),
        (SCENES.replace('do = "view", as = "second"', 'do = "leave", as = "third"'), "not come"),
        (SCENES.replace('"login", as', '"leave", as'), "steps[1]: this customer has not come"),
        ("", "scenes: is missing"),
        ("scenes = 3", "scenes: must be a list"),
    ],
)
def test_mistake_in_a_scene_is_found(lesson, scenes, why):
    with pytest.raises(LabError) as refusal:
        lesson(scenes=scenes)
    assert str(refusal.value).startswith("scenes.toml: ") and why in str(refusal.value)


@pytest.mark.parametrize(
    "value", [None, 3, "login", [], ["do"], {}, {"do": None}, {"do": ["login"]}]
)
def test_text_that_is_no_step_is_refused(value):
    with pytest.raises(LabError, match=r"here\.do"):
        step("here", value)


def test_step_takes_no_key_that_is_no_text():
    with pytest.raises(LabError, match=r"here\.7: is unknown"):
        step("here", {"do": "login", 7: 7})


def test_script_has_an_end():
    with pytest.raises(LabError, match="must be a list of 1 to 20"):
        script("steps", [{"do": "login"}] * 21)


def test_settings_change_at_least_one():
    with pytest.raises(LabError, match="changes no setting"):
        step("here", {"do": "settings", "say": "Nothing."})


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        *((1, 1, True), (1, 0, False), (1, None, False), ("kept", "kept", True)),
        *((">0", 0, False), (">0", 1, True), (">0", None, False), ("<2", 1, True)),
        *(("<2", 2, False), (">=2", 2, True), (">=2", 1, False), ("kept", "lost", False)),
    ],
)
def test_conditions_compare(condition, value, expected):
    assert holds(condition, value) is expected


@pytest.mark.parametrize("choices", DECIDED)
def test_choices_exclude_each_other_and_each_can_be_true(choices):
    named = sorted({fact for choice in choices for fact in choice["when"]})
    hits = set()
    for values in product(*(VALUES.get(fact.partition(".")[2], range(4)) for fact in named)):
        facts = dict(zip(named, values, strict=True))
        if any(facts.get(f"{desk}.kept") == facts.get(f"{desk}.lost") == 1 for desk in DESKS):
            continue  # no cart is both
        came_true = borne_out(choices, facts)
        assert len(came_true) <= 1, facts
        hits.update(came_true)
    assert hits == set(range(len(choices)))
