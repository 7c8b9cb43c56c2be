"""Scripts are found by name or path; what is wrong with one is said without a traceback."""

import os
import re

import pytest

from lab import experiments
from lab.core.errors import LabError
from lab.evidence.record import Record
from lab.evidence.result import Kind, Settings, Surprise, VariantRun, Verdict
from lab.experiments import find, matrix

BUNDLED = experiments.bundled()
HALF_A_QUESTION = re.compile(r"[:,] (what|whose|who|how|where|when)\b.*\.$")
SCRIPT = "def script(shopper, lab):\n    pass\n"


def written(tmp_path, text, name="mine.py"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def refused(tmp_path, text, name="mine.py"):
    with pytest.raises(LabError) as caught:
        find(written(tmp_path, text, name))
    return str(caught.value)


@pytest.mark.parametrize("name", ["any-server", "crash", "first-visit", "restart-all"])
def test_scripts_of_the_spine_are_there(name):
    assert find(name).name == name


@pytest.mark.parametrize("experiment", BUNDLED, ids=lambda e: e.name)
def test_every_bundled_script_says_what_it_is(experiment):
    assert experiment.claim[0].isupper()
    assert experiment.claim.endswith(".")
    assert callable(experiment.script)
    assert experiment.script.__doc__
    assert experiment.summary.endswith(".")
    assert not HALF_A_QUESTION.search(experiment.summary)
    for part in ("What is done", "What would disprove it", "Try next"):
        assert part in experiment.doc, part
    assert experiment.path.is_file()
    sentence = "DRAWBACK = " if experiment.kind is Kind.DRAWBACK else "CLAIM = "
    assert f"\n{sentence}" in experiment.path.read_text(encoding="utf-8")
    assert find(experiment.name) == experiment


def test_names_are_those_of_the_files_each_once_and_helpers_are_none():
    names = [experiment.name for experiment in BUNDLED]
    assert len(set(names)) == len(names)
    assert names == [experiment.path.stem.replace("_", "-") for experiment in BUNDLED]
    assert not {"judging", "matrix"} & set(names)


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "-", "judging", "__init__", "lab.cli", "crash;rm", "crash\0", "çrash",
     "x" * 5000, "[bold]", "%s", "CRASH", "os"],
    ids=lambda name: ascii(name[:20]),
)  # fmt: skip
def test_name_that_is_none_is_refused_in_words(name):
    with pytest.raises(LabError, match="no script"):
        find(name)


@pytest.mark.parametrize(
    "path",
    ["./none.py", "/", "./", "../../../etc/passwd", "/etc/passwd", "\\\\host\\share\\x.py",
     "a/\0.py", "a\0.py", "x" * 5000 + ".py", "/dev/null", ".py", "/tmp"],
    ids=lambda path: ascii(path[:20]),
)  # fmt: skip
def test_path_that_is_no_script_is_refused_in_words(path):
    with pytest.raises(LabError):
        find(path)


@pytest.mark.parametrize(("typo", "meant"), [("crahs", "crash"), ("restart_all", "restart-all")])
def test_near_miss_is_recognised(typo, meant):
    with pytest.raises(LabError, match=f"did you mean '{meant}'"):
        find(typo)


def test_name_far_off_is_answered_with_what_there_is():
    with pytest.raises(LabError, match=r"there are .*crash.*\./mine\.py"):
        find("zzzzzz")


def test_script_of_ones_own_needs_no_more_than_a_function(tmp_path):
    experiment = find(written(tmp_path, SCRIPT, "My first_script.py"))
    assert experiment.name == "my-first-script"
    assert (experiment.customers, experiment.expected) == (1, None)
    assert experiment.path.parent == tmp_path


def test_script_may_say_more(tmp_path):
    text = '"""Mine.\n\nMore."""\nCLAIM = "It works."\nCUSTOMERS = 7\nEXPECTED = "holds"\n' + SCRIPT
    experiment = find(written(tmp_path, text))
    assert (experiment.claim, experiment.customers, experiment.summary) == ("It works.", 7, "Mine.")
    assert experiment.expected is Verdict.HOLDS


def test_file_named_like_a_library_module_does_not_stand_in_for_it(tmp_path):
    import json
    import sys

    written(tmp_path, "raise AssertionError", "colorsys.py")  # not imported by anything yet
    find(written(tmp_path, "import colorsys\n" + SCRIPT, "json.py"))
    assert sys.modules["json"] is json


def test_script_may_import_the_file_beside_it_and_define_dataclasses(tmp_path):
    written(tmp_path, "ANSWER = 42\n", "beside_mine.py")
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from beside_mine import ANSWER\n@dataclass\nclass Order:\n    sku: str\n"
        "CUSTOMERS = ANSWER\n" + SCRIPT
    )
    assert find(written(tmp_path, text)).customers == 42


@pytest.mark.parametrize(
    "text",
    [
        "",
        "script = 5\n",
        "def main(shopper, lab): pass\n",
        "def script(): pass\n",
        "def script(shopper): pass\n",
        "def script(shopper, lab, more): pass\n",
        "def script(*, shopper, lab): pass\n",
        "async def script(shopper, lab): pass\n",
        "async def script(shopper, lab): yield\n",
        "script = int\n",
    ],
)
def test_file_without_a_fitting_script_function_is_refused_with_what_to_write(tmp_path, text):
    assert "mine.py needs a function `def script(shopper, lab)`" in refused(tmp_path, text)


@pytest.mark.parametrize("text", ["def script(a, b, c=1): pass\n", "def script(*both): pass\n"])
def test_script_is_anything_that_takes_two_arguments(tmp_path, text):
    assert callable(find(written(tmp_path, text)).script)


@pytest.mark.parametrize(
    "customers",
    ["0", "-1", "1001", "True", "1.5", "'3'", "None", "[]", "float('nan')", "10**30"],
)
def test_customers_must_be_a_sensible_number(tmp_path, customers):
    message = refused(tmp_path, f"CUSTOMERS = {customers}\n{SCRIPT}")
    assert "CUSTOMERS must be a whole number from 1 to 1000" in message


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("x = 1\ndef script(shopper, lab)\n    pass\n", 2, "SyntaxError"),
        ("def script(shopper, lab):\npass\n", 2, "IndentationError"),
        ("x = 1\ny = 1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("import no_such_module\n", 1, "ModuleNotFoundError"),
        ("import sys\n\nsys.exit(0)\n", 3, "SystemExit"),
        ("raise Exception('[bold]x')\n", 1, "[bold]x"),
    ],
)
def test_file_that_cannot_be_loaded_is_quoted_with_file_line_and_error(tmp_path, text, line, error):
    message = refused(tmp_path, text)
    assert "mine.py" in message
    assert f"line {line}" in message
    assert error in message
    for frame_of_the_lab in ("importlib", "exec_module", "lab/experiments"):
        assert frame_of_the_lab not in message


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"x = '\0'\n", "x = 'é'\n".encode("latin-1")])
def test_file_that_is_no_text_is_refused_in_words(tmp_path, text):
    assert "mine.py cannot be loaded" in refused(tmp_path, text)


def test_ctrl_c_while_a_file_loads_is_ctrl_c(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        find(written(tmp_path, "raise KeyboardInterrupt\n"))


def test_file_by_another_name_is_no_python_file(tmp_path):
    assert "must end in .py" in refused(tmp_path, SCRIPT, "mine.txt")


def test_bundled_experiments_come_in_the_order_of_the_claims():
    places = [experiments.SUITE.index(each.path.stem) for each in BUNDLED]
    assert places == sorted(places)
    assert len(set(experiments.SUITE)) == len(experiments.SUITE)


@pytest.mark.parametrize("experiment", BUNDLED, ids=lambda e: e.name)
def test_every_bundled_script_says_what_it_expects_and_where(experiment):
    assert experiment.expected in Verdict
    names = [variant.name for variant in experiment.variants]
    assert len(names) >= 2
    assert len(set(names)) == len(names), "two variants of one name"
    assert any(map(experiment.about, experiment.variants)), "no variant is what the claim is about"
    assert 1 <= experiment.quick_customers <= experiment.customers
    assert callable(experiment.observe)


@pytest.mark.parametrize(
    "experiment", [e for e in BUNDLED if e.question], ids=lambda e: e.name
)  # fmt: skip
def test_every_question_has_choices_and_no_answer_before_a_run(experiment):
    question = experiment.question
    assert question.text.rstrip("*").endswith("?")
    assert 2 <= len(question.choices) <= 4
    assert len(set(question.choices)) == len(question.choices)
    assert question.explanation
    assert question.observed({}) is None


def test_script_may_bring_its_own_variants_and_eyes(tmp_path):
    text = (
        "from lab.experiments.matrix import FILE, MEMORY, TOKEN\n"
        "from lab.evidence.result import Observation, Verdict\n"
        'CLAIM = "Mine."\nVARIANTS = (MEMORY, TOKEN)\nQUICK_CUSTOMERS, CUSTOMERS = 2, 5\n'
        "EXPECTATIONS = (FILE.expecting(Verdict.FAILS),)\n"
        "def ABOUT(variant):\n    return variant.name == 'memory'\n"
        "def observe(measured):\n    return Observation(Verdict.HOLDS, note=measured['mine'])\n"
        + SCRIPT
    )
    experiment = find(written(tmp_path, text))
    assert [variant.name for variant in experiment.variants] == ["memory", "token"]
    assert [variant.name for variant in experiment.expectations] == ["file"]
    assert (experiment.quick_customers, experiment.customers) == (2, 5)
    results = [
        VariantRun(variant, Record(variant.name), {"mine": f"{variant.name}!"})
        for variant in (*experiment.variants, matrix.FILE)
    ]
    for result in results:
        result.observation = experiment.observation(result)
    judgement = experiment.judge(results)
    assert (judgement.verdict, judgement.decided_by) == (Verdict.HOLDS, ("memory",))
    assert judgement.surprises == (Surprise("file", Verdict.HOLDS, Verdict.FAILS),)


def test_script_without_variants_runs_at_both_desks(tmp_path):
    experiment = find(written(tmp_path, SCRIPT))
    assert experiment.variants == matrix.two_desks(Settings())
    assert experiment.expectations == experiment.variants
    assert all(map(experiment.about, experiment.variants))
    claims = find(written(tmp_path, 'CLAIM = "Mine."\n' + SCRIPT, "claims.py"))
    assert [v.name for v in claims.variants if claims.about(v)] == ["stateless"]


@pytest.mark.parametrize("expected", ["'maybe'", "[]", "1", "True", "'HOLDS'"])
def test_expectation_must_be_a_verdict(tmp_path, expected):
    message = refused(tmp_path, f"EXPECTED = {expected}\n{SCRIPT}")
    assert "mine.py: EXPECTED of a claim must be one of holds, fails, depends, unknown" in message


@pytest.mark.parametrize("customers", ["0", "1001", "True", "'3'", "None"])
def test_quick_customers_must_be_a_sensible_number_too(tmp_path, customers):
    message = refused(tmp_path, f"QUICK_CUSTOMERS = {customers}\n{SCRIPT}")
    assert "QUICK_CUSTOMERS must be a whole number from 1 to 1000" in message


def test_quick_run_makes_do_with_fewer_servers_where_the_experiment_says_so():
    any_server = experiments.find("any-server")
    assert {variant.settings.servers for variant in any_server.variants_for(quick=False)} == {3}
    assert {variant.settings.servers for variant in any_server.variants_for(quick=True)} == {2}
    assert [variant.name for variant in any_server.variants_for(quick=True)] == [
        variant.name for variant in any_server.variants
    ]
    crash = experiments.find("crash")
    assert crash.variants_for(quick=True) == crash.variants


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def script(shopper, lab):\n    x = 1\n    yield x\n", "line 3: a `yield` makes script()"),
        ("def script(shopper, lab):\n    yield from []\n", "line 2: a `yield` makes script()"),
        ("def main(shopper, lab): pass\n", "it has `main`, which needs that name"),
        ("def scrip(shopper, lab): pass\n", "it has `scrip`, which needs that name"),
        ("def script(lab, shopper): pass\n", "the shopper comes first"),
        (SCRIPT + "CUSTOMER = 5\n", "has CUSTOMER, and the lab looks for CUSTOMERS"),
        (SCRIPT + "VARIANT = ()\n", "has VARIANT, and the lab looks for VARIANTS"),
        (SCRIPT + "def obsrve(measured): pass\n", "has obsrve, and the lab looks for observe"),
        (
            "def script(shopper, lab):\n    shopper.view_cart\n",
            "line 2: `shopper.view_cart` does nothing: write shopper.view_cart() to call it",
        ),
        (
            "def script(shopper, lab):\n    shopper.login().status == 200\n",
            "line 2: `shopper.login().status == 200` does nothing: write assert shopper",
        ),
        (
            "def script(shopper, lab):\n    assert (1 == 2, 'no')\n",
            "line 2: an assert of a tuple always holds",
        ),
        ("import os\nos._exit(0)\n", "os._exit() would end the lab without a result"),
    ],
)
@pytest.mark.filterwarnings("ignore:assertion is always true:SyntaxWarning")
def test_file_that_would_mislead_is_refused_with_its_line(tmp_path, text, said):
    assert said in refused(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "CUSTOMERS = 3\nCUSTOMER = 5\n",
        "BASKET = SHOPPERS = COUNT = TIMES = SERVERS = 3\ndef helper(): yield 1\n",
        "from dataclasses import dataclass\nx = [1].sort()\n...\n'text'\n",
        "# -*- coding: latin-1 -*-\n",
    ],
)
def test_file_that_only_looks_odd_is_loaded(tmp_path, text):
    assert find(written(tmp_path, text + SCRIPT)).is_yours


def test_bundled_experiment_is_no_students_file():
    assert not find("crash").is_yours


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_file_that_does_not_end_while_it_loads_is_ended_with_its_line(tmp_path):
    with pytest.raises(LabError) as caught:
        find(written(tmp_path, "while True:\n    pass\n"), max_seconds=0.2)
    assert "had not ended after 0.2 s" in str(caught.value)
    assert "it stood at mine.py, line " in str(caught.value)


def test_hash_of_a_script_changes_with_its_text(tmp_path):
    first = find(written(tmp_path, SCRIPT)).script_hash
    assert find(written(tmp_path, SCRIPT)).script_hash == first and len(first) == 12
    assert find(written(tmp_path, f"{SCRIPT}    lab.kill('A')\n")).script_hash != first
