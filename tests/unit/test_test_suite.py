"""The test suite's own rules: one command everywhere, and no skip that hides a missing program."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = 'pip install ".[test]" && pytest -n 2'


def test_ci_runs_the_test_command_of_the_readme_word_for_word():
    assert COMMAND in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    looked_for = re.search("grep -m1 -x '(.+)' README.md", ci)[1]
    assert looked_for.replace("\\", "") == COMMAND


SKIPPING = """
import pytest

@pytest.mark.skipif(True, reason="no Chromium on PATH")
def test_page(): pass

def test_root():
    pytest.skip("root reads everything")

def test_compose():
    pytest.importorskip("no_such_module_at_all", reason="not installed")

@pytest.mark.xfail(strict=True)
def test_wrong(): assert False
"""


def outcomes(tmp_path, **environment):
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text("utf-8"))
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    # The rule is in conftest.py: to import all plugins takes longer than to run this.
    bare = {"PATH": "", "HOME": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", str(tmp_path)],
        cwd=tmp_path,
        env=bare | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ended.stdout


def test_skip_fails_where_everything_is_required_and_nowhere_else(tmp_path):
    required = outcomes(tmp_path, TWO_DESKS_REQUIRE="1")
    assert "1 failed, 1 skipped, 1 xfailed, 1 error" in required
    assert "this test was skipped: Skipped: no Chromium on PATH" in required
    assert "3 skipped, 1 xfailed" in outcomes(tmp_path, TWO_DESKS_REQUIRE="0")
    assert "3 skipped, 1 xfailed" in outcomes(tmp_path)


CLOCKS = {"time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "perf_counter_ns"}
TODAY = {"now", "utcnow", "today"}
PARTS = [ROOT / "tests" / each for each in ("unit", "contract")]
UNTIMED = sorted(file for part in PARTS for file in part.glob("*.py"))


def reads_a_clock(node):
    """True for `time.monotonic()`, `datetime.now()`, a sleep, and a limit of `elapsed_ms`."""
    match node:
        case ast.Compare(ops=ops):
            orders = any(isinstance(each, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for each in ops)
            return orders and any(map(is_elapsed, ast.walk(node)))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr="sleep")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr=name)):
            return name in CLOCKS
        case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name)):
            return name in TODAY
        case ast.ImportFrom(module="time", names=names):
            return any(each.name in {*CLOCKS, "sleep"} for each in names)
    return False


def is_elapsed(node):
    return isinstance(node, ast.Attribute) and node.attr.startswith("elapsed")


@pytest.mark.parametrize("source", UNTIMED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_unit_and_contract_tests_read_no_clock(source):
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assert [node.lineno for node in ast.walk(tree) if reads_a_clock(node)] == []


@pytest.mark.parametrize(
    "line",
    [
        *("time.time()", "time.monotonic()", "datetime.now(UTC)", "date.today()", "time.sleep(1)"),
        *("from time import perf_counter", "from time import sleep"),
        *("assert added.elapsed_ms >= 200", "assert 0.2 <= added.elapsed.total_seconds() < 9"),
    ],
)
def test_clock_is_seen_however_it_is_read(line):
    assert any(map(reads_a_clock, ast.walk(ast.parse(line))))


# A test's name begins with its subject. `every`, `each` and `no` may stand before it.
NO_SUBJECT = {
    *("a", "an", "the", "one", "two", "three", "four", "half", "all", "any", "both", "few", "many"),
    *("more", "only", "other", "another", "same", "some", "it", "its", "nothing", "none", "that"),
    *("their", "there", "they", "this", "what", "which", "who", "how", "whether", "but", "if"),
    *("when", "where", "while", "after", "at", "before", "between", "by", "for", "from", "in"),
    *("of", "on", "to", "under", "with", "without"),
}
# Words that house style leaves out: what is told is named, reported or refused.
LEFT_OUT = {"told", "tell", "tells", "nobody", "nobodys", "somebody", "whoever"}


def is_badly_named(name):
    test, *words = name.split("_")
    return test == "test" and (words[0] in NO_SUBJECT or not LEFT_OUT.isdisjoint(words))


def test_names_of_tests_begin_with_their_subject_and_are_plain():
    wrong = [
        f"{path.relative_to(ROOT)}:{each.lineno} {each.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_badly_named(each.name)
    ]
    assert wrong == []
    assert is_badly_named("test_two_tabs_lose_a_cart")
    assert is_badly_named("test_mistake_is_told")
    assert not is_badly_named("test_every_tab_has_a_cart")
