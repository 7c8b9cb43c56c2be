"""What goes wrong in a student's functions is filed as the script's failure, with its line."""

import io
import math

import pytest
from rich.console import Console

from lab.core.errors import LabError, ScriptMistake
from lab.core.statistics import Measure, share
from lab.evidence.exchange import Exchange, OpStatus
from lab.evidence.keeping import kept_variant
from lab.evidence.record import Record
from lab.evidence.result import Observation, Prediction, ScriptFailure, VariantRun, Verdict
from lab.evidence.run_document import ExperimentResult
from lab.experiments import Question, find, script_run
from lab.experiments.judging import expectation_met
from lab.experiments.script_measures import MEASURED, require_keepable
from lab.report.script_failure import troubles_view
from lab.report.wording import own_failure

SCRIPT = "def script(shopper, lab):\n    pass\n"


class QuietLab:
    customers = (None,)


def loaded(tmp_path, text):
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    return find(str(tmp_path / "mine.py"))


def done(experiment, **measured):
    return [VariantRun(each, Record(each.name), dict(measured)) for each in experiment.variants]


def ran(tmp_path, text):
    experiment = loaded(tmp_path, text)
    run = done(experiment)[0]
    script_run.run(experiment, run, QuietLab(), None)
    return run


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        ("1 / 0", "the script stopped with ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", "the script stopped with SystemExit: 0"),
        ("raise BaseException('all')", "the script stopped with BaseException: all"),
        ("import os; os._exit(0)", "os._exit() would end the lab without a result"),
    ],
)
def test_exception_of_the_script_fails_the_run_with_its_line(tmp_path, body, trouble):
    run = ran(tmp_path, f"def script(shopper, lab):\n    {body}\n")
    assert run.script_failed
    assert run.trouble.startswith(trouble)
    assert f'mine.py", line 2, in script\n    {body}' in run.traceback
    assert "lab/" not in run.traceback
    assert run.failure.said.startswith(trouble.removeprefix("the script stopped with "))
    assert (run.failure.line, run.failure.before) == (2, "")


def test_assertion_is_an_expectation_that_was_not_met(tmp_path):
    run = ran(tmp_path, "def script(shopper, lab):\n    assert 1 == 2, 'no'\n")
    assert (run.broken_expectation, run.trouble) == ("the script expected otherwise: no", None)
    assert run.failure == ScriptFailure("no", 2)


def test_failure_has_the_exchange_before_it_and_line_and_text_apart(tmp_path):
    """What is alike at both desks is shown once, and what was before it at each."""
    runs = []
    experiment = loaded(tmp_path, "def script(shopper, lab):\n    assert 0, 'line 9: no'\n")
    for run, status in zip(done(experiment), (401, 404), strict=True):
        plain = ("x-1", "John", "POST", "/api/x", None, 0.0, 1.0, status, OpStatus.FAILED)
        run.record.append(Exchange(*plain, {}, b"", {}, b""))
        script_run.run(experiment, run, QuietLab(), None)
        runs.append(kept_variant(run))
    assert [each.failure.before for each in runs] == ["POST /api/x -> 401", "POST /api/x -> 404"]
    assert runs[0].at_length.endswith("\nThe exchange before: POST /api/x -> 401 ")
    shown = io.StringIO()
    result = ExperimentResult("x", "", None, 0.0, runs)
    Console(file=shown, width=200).print(troubles_view(result))
    assert shown.getvalue().count("AssertionError: line 9: no") == 1
    assert shown.getvalue().count("The exchange before, ") == 2
    assert own_failure(runs[0]) == "failed: assert at line 2: line 9: no"


def test_failure_of_the_lab_is_none_of_the_script(tmp_path):
    text = (
        "from lab.core.errors import LabError\ndef script(shopper, lab):\n    raise LabError('x')"
    )
    run = ran(tmp_path, text)
    assert (run.trouble, run.script_failed) == ("the script stopped with LabError: x", False)


def test_impossible_fault_is_a_failure_of_the_script(tmp_path):
    text = (
        "from lab.core.errors import NotPossible\ndef script(shopper, lab):\n"
        "    raise NotPossible('A is dead already')"
    )
    assert ran(tmp_path, text).script_failed


def test_script_that_returns_what_has_not_run_fails(tmp_path):
    run = ran(tmp_path, "def script(shopper, lab):\n    return (x for x in [1])\n")
    assert "which has not run" in run.trouble
    assert run.script_failed


def observed(tmp_path, body, **measured):
    experiment = loaded(tmp_path, f"{SCRIPT}CLAIM = 'x'\ndef observe(measured):\n    {body}\n")
    runs = done(experiment, carts_kept=1, carts_acknowledged=1, **measured)
    for run in runs:
        script_run.observe(experiment, run)
    judgement = script_run.judge(experiment, runs)
    return runs[0], expectation_met(judgement, runs, experiment.expected)


def test_observe_that_asks_for_an_unknown_measurement_is_shown_the_nearest(tmp_path):
    run, met = observed(tmp_path, "return measured['cart_kept']")
    assert met is False
    assert run.observation.verdict is Verdict.UNKNOWN
    assert "line 5, in observe\n    return measured['cart_kept']" in run.traceback
    assert "KeyError: 'cart_kept'" in run.traceback
    assert "did you mean 'carts_kept'?" in run.traceback


IMPORT = (
    "from lab.evidence.result import Observation, Verdict; from lab.core.statistics import Measure"
)


@pytest.mark.parametrize(
    "returned",
    [
        *("True", "None", "'holds'", "Observation", "{'verdict': 'holds'}", "Verdict.HOLDS"),
        *("Observation('maybe')", "Observation(Verdict.HOLDS, measures=5)"),
        *("Observation('holds', (Measure(float('nan')),))", "Observation('holds', note=5)"),
        "Observation('holds', measures=(object(),))",
    ],
)
def test_observe_that_returns_something_else_is_refused_with_what_was_expected(tmp_path, returned):
    run, met = observed(tmp_path, f"{IMPORT}; return {returned}")
    assert met is False
    assert run.script_failed
    assert run.trouble.startswith("mine.py, line 4: observe() returned ")
    assert "kept_share(kept, of" in run.trouble


@pytest.mark.parametrize("verdict", ["Verdict.HOLDS", "'holds'"])
def test_observe_may_say_its_verdict_as_a_text(tmp_path, verdict):
    body = f"{IMPORT}; return Observation({verdict}, [Measure(1, 1, unit='carts')])"
    run, met = observed(tmp_path, body)
    assert (met, run.script_failed) == (True, False)
    assert run.observation == Observation(Verdict.HOLDS, (Measure(1, 1, unit="carts"),))
    assert run.observation.verdict is Verdict.HOLDS


def test_about_that_stops_fails_the_script_everywhere(tmp_path):
    experiment = loaded(tmp_path, f"{SCRIPT}def ABOUT(variant):\n    return variant.token\n")
    runs = done(experiment)
    judgement = script_run.judge(experiment, runs)
    assert judgement.verdict is Verdict.UNKNOWN
    assert all(run.script_failed and "line 4, in ABOUT" in run.traceback for run in runs)


@pytest.mark.parametrize("answer", ["7", "-1", "'a'", "1.5", "m['nothing']", "[]"])
def test_question_with_an_answer_that_is_no_choice_fails_the_script(tmp_path, answer):
    text = (
        "from lab.experiments import Question\n"
        f"QUESTION = Question('Q?', ('a', 'b'), lambda m: {answer}, 'why')\n{SCRIPT}"
    )
    experiment = loaded(tmp_path, text)
    runs = done(experiment)
    made = script_run.compare(experiment, Prediction("Q?", ("a", "b"), 0), runs)
    assert (made.observed, made.right) == (None, None)
    assert all(run.script_failed for run in runs)


@pytest.mark.parametrize("answer", [0, 1, None])
def test_question_answered_with_a_choice_is_compared(tmp_path, answer):
    experiment = loaded(
        tmp_path,
        "from lab.experiments import Question\n"
        f"QUESTION = Question('Q?', ('a', 'b'), lambda m: {answer}, 'why')\n{SCRIPT}",
    )
    runs = done(experiment)
    made = script_run.compare(experiment, Prediction("Q?", ("a", "b"), 0), runs)
    assert made.observed == answer
    assert not any(run.script_failed for run in runs)


def test_question_type_is_the_one_scripts_import():
    assert Question("Q?", ("a", "b"), lambda m: 0, "").observed({}) == 0


@pytest.mark.parametrize(
    "value", [1, 1.5, -0.0, "x", True, None, [1, [2]], (1,), {"a": {"b": [None]}}, {1}, share(1, 2)]
)
def test_value_that_a_result_can_keep_is_measured(value):
    require_keepable("x", value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "x is of type object"),
        (math.nan, "x is nan"),
        (math.inf, "x is inf"),
        ([1, {"a": (math.nan,)}], "x[1]['a'][0] is nan"),
        (b"bytes", "x is of type bytes"),
        (print, "x is of type builtin_function_or_method"),
        ({(1, 2): 3}, "x has the key (1, 2)"),
        ((n for n in ()), "x is of type generator"),
        (1 + 2j, "x is of type complex"),
    ],
)
def test_value_that_no_result_can_keep_is_refused(value, said):
    with pytest.raises(ScriptMistake) as caught:
        require_keepable("x", value)
    assert str(caught.value).startswith(said)


def test_names_that_the_lab_measures_are_its_own():
    assert {"carts_kept", "reads_kept", "kill_confirmed"} <= MEASURED


def test_failure_of_a_script_is_kept(tmp_path):
    kept = kept_variant(ran(tmp_path, "def script(shopper, lab):\n    1 / 0\n"))
    assert kept.script_failed


def test_lab_error_is_no_mistake_of_a_script():
    assert not issubclass(ScriptMistake, LabError)
