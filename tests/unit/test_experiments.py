"""Scripts are found by name or path; what is wrong with one is said without a traceback."""

import pytest

from lab import experiments
from lab.errors import LabError
from lab.evidence.result import Verdict
from lab.experiments import find

BUNDLED = experiments.bundled()
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
def test_the_four_scripts_of_the_spine_are_there(name):
    assert find(name).name == name


@pytest.mark.parametrize("experiment", BUNDLED, ids=lambda e: e.name)
def test_every_bundled_script_tells_what_it_is(experiment):
    assert experiment.claim[0].isupper()
    assert experiment.claim.endswith(".")
    assert callable(experiment.script)
    assert experiment.script.__doc__
    assert experiment.summary.endswith(".")
    for part in ("What is done", "What would disprove it", "Try next"):
        assert part in experiment.doc, part
    assert experiment.path.is_file()
    assert "CLAIM = " in experiment.path.read_text(encoding="utf-8")
    assert find(experiment.name) == experiment


def test_names_are_those_of_the_files_and_sorted():
    names = [experiment.name for experiment in BUNDLED]
    assert names == sorted(names)
    assert "judging" not in names


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "-", "judging", "__init__", "lab.cli", "crash;rm", "crash\0", "çrash",
     "x" * 5000, "[bold]", "%s", "CRASH", "os"],
    ids=lambda name: ascii(name[:20]),
)  # fmt: skip
def test_a_name_that_is_none_is_refused_in_words(name):
    with pytest.raises(LabError, match="no script"):
        find(name)


@pytest.mark.parametrize(
    "path",
    ["./none.py", "/", "./", "../../../etc/passwd", "/etc/passwd", "\\\\host\\share\\x.py", "a/\0.py",
     "a\0.py", "x" * 5000 + ".py", "/dev/null", ".py", "/tmp"],
    ids=lambda path: ascii(path[:20]),
)  # fmt: skip
def test_a_path_that_is_no_script_is_refused_in_words(path):
    with pytest.raises(LabError):
        find(path)


@pytest.mark.parametrize(("typo", "meant"), [("crahs", "crash"), ("restart_all", "restart-all")])
def test_a_near_miss_is_recognised(typo, meant):
    with pytest.raises(LabError, match=f"did you mean '{meant}'"):
        find(typo)


def test_a_name_far_off_is_told_what_there_is():
    with pytest.raises(LabError, match=r"there are .*crash.*\./mine\.py"):
        find("zzzzzz")


def test_a_script_of_ones_own_needs_no_more_than_a_function(tmp_path):
    experiment = find(written(tmp_path, SCRIPT, "My first_script.py"))
    assert experiment.name == "my-first-script"
    assert (experiment.customers, experiment.expected) == (1, None)
    assert experiment.path.parent == tmp_path


def test_a_script_may_say_more(tmp_path):
    text = (
        '"""Mine.\n\nMore."""\nCLAIM = "It works."\nCUSTOMERS = 7\n'
        "def judge(results):\n    return None\n" + SCRIPT
    )
    experiment = find(written(tmp_path, text))
    assert (experiment.claim, experiment.customers, experiment.summary) == ("It works.", 7, "Mine.")
    assert experiment.expected is Verdict.HOLDS


def test_a_file_named_like_a_library_module_does_not_stand_in_for_it(tmp_path):
    import json
    import sys

    find(written(tmp_path, SCRIPT, "json.py"))
    assert sys.modules["json"] is json
    assert str(tmp_path) not in sys.path


def test_a_script_may_import_the_file_beside_it_and_define_dataclasses(tmp_path):
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
        "script = int\n",
    ],
)
def test_a_file_without_a_fitting_script_function_is_told_what_to_write(tmp_path, text):
    assert "mine.py needs a function `def script(shopper, lab)`" in refused(tmp_path, text)


@pytest.mark.parametrize("text", ["def script(a, b, c=1): pass\n", "def script(*both): pass\n"])
def test_whatever_can_be_called_with_two_is_a_script(tmp_path, text):
    assert callable(find(written(tmp_path, text)).script)


@pytest.mark.parametrize(
    "customers",
    ["0", "-1", "1001", "True", "1.5", "'3'", "None", "[]", "float('nan')", "10**30"],
)
def test_customers_must_be_a_sensible_number(tmp_path, customers):
    told = refused(tmp_path, f"CUSTOMERS = {customers}\n{SCRIPT}")
    assert "CUSTOMERS must be a whole number from 1 to 1000" in told


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
def test_a_file_that_cannot_be_loaded_is_quoted_with_file_line_and_error(
    tmp_path, text, line, error
):
    told = refused(tmp_path, text)
    assert "mine.py" in told
    assert f"line {line}" in told
    assert error in told
    for frame_of_the_lab in ("importlib", "exec_module", "lab/experiments"):
        assert frame_of_the_lab not in told


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"x = '\0'\n", "x = 'é'\n".encode("latin-1")])
def test_a_file_that_is_no_text_is_refused_in_words(tmp_path, text):
    assert "mine.py cannot be loaded" in refused(tmp_path, text)


def test_ctrl_c_while_a_file_loads_is_ctrl_c(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        find(written(tmp_path, "raise KeyboardInterrupt\n"))


def test_a_file_by_another_name_is_no_python_file(tmp_path):
    assert "must end in .py" in refused(tmp_path, SCRIPT, "mine.txt")
