"""Runs the functions of a script, and files what goes wrong in one: its own fault or the lab's."""

import inspect
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lab.core.errors import LabError, NotPossible, ScriptMistake
from lab.core.nearest import nearest
from lab.core.redaction import redact_text
from lab.evidence.record import Record
from lab.evidence.result import (
    Judgement,
    Kind,
    Measurements,
    Observation,
    Prediction,
    ScriptFailure,
    VariantRun,
    Verdict,
)
from lab.experiments import Experiment
from lab.experiments.script_api import Lab
from lab.experiments.script_errors import at_length, line_of, place
from lab.experiments.script_file import SCRIPT_MAX_SECONDS
from lab.experiments.script_watch import watched

CUT_SHORT = "interrupted"
MOST_OF_ANSWER = 200  # characters


def run(experiment: Experiment, run: VariantRun, lab: Lab, max_seconds: float | None) -> None:
    """Run the script on one variant. Errors are kept in `run`; only KeyboardInterrupt leaves."""
    script = experiment.path
    if max_seconds is None and experiment.is_yours:
        max_seconds = SCRIPT_MAX_SECONDS
    is_watched = experiment.is_yours or max_seconds is not None
    try:
        with watched(script, max_seconds) if is_watched else nullcontext():
            _require_none_left(experiment.script(lab.customers[0], lab))
    except KeyboardInterrupt as stopped:
        if not hasattr(stopped, "__notes__") and (at := place(stopped.__traceback__, script)):
            stopped.add_note(at)
        run.trouble = CUT_SHORT
        run.traceback = stopped_at(stopped)
        raise
    except AssertionError as error:
        run.broken_expectation = redact_text(f"the script expected otherwise: {error or 'assert'}")
        _describe(run, error, script, str(error), run.record)
    except BaseException as error:  # a student's file may raise anything, SystemExit too
        _file(experiment, run, error, "the script stopped with", run.record)


def observe(experiment: Experiment, run: VariantRun) -> None:
    """Observe one finished variant; what goes wrong in `observe` is filed in `run`."""
    try:
        observing = replace(experiment, observe=partial(_checked, experiment.observe))
        run.observation = observing.observation(run)
    except Exception as error:
        _hint_at_measurements(error, run)
        _file(experiment, run, error, "observe() stopped with")
        run.observation = Observation.unknown(run.trouble or "")


def judge(experiment: Experiment, runs: Sequence[VariantRun]) -> Judgement:
    """Judge the claim; what goes wrong in `ABOUT` is filed in every one of `runs`."""
    broken = next((each for each in runs if each.balancer_broke), None)
    if broken and experiment.kind is not Kind.SCRIPT:  # shared by all variants
        return Judgement(Verdict.UNKNOWN, note=f"{broken.variant.name}: {broken.trouble}")
    try:
        return experiment.judge(runs)
    except Exception as error:
        for each in runs:
            _file(experiment, each, error, "ABOUT() stopped with")
        return Judgement(Verdict.UNKNOWN, note=runs[0].trouble or "")


def compare(
    experiment: Experiment, prediction: Prediction, runs: Sequence[VariantRun]
) -> Prediction:
    """Return the prediction beside what was observed; what goes wrong is filed in `runs`."""
    if (question := experiment.question) is None:
        return prediction
    try:
        observed = question.observed({each.variant.name: each.measurements for each in runs})
        if observed is not None and observed not in range(len(question.choices)):
            raise ScriptMistake(
                f"QUESTION: observed() returned {observed!r}: return the number of a choice, from "
                f"0 to {len(question.choices) - 1}, or None"
            )
    except Exception as error:
        for each in runs:
            _file(experiment, each, error, "the QUESTION's observed() stopped with")
        observed = None
    return prediction.compared(observed, question.explanation)


def stopped_at(stopped: KeyboardInterrupt) -> str | None:
    """Return the line of the script at which Ctrl-C stopped it; None if it was not running."""
    return "; ".join(getattr(stopped, "__notes__", [])) or None


def _file(
    experiment: Experiment,
    run: VariantRun,
    error: BaseException,
    what: str,
    record: Record | None = None,
) -> None:
    """Keep an error as the reason why nothing can be concluded from a run.

    It is the script's failure where the code is a student's, unless the lab itself failed. `record`
    is that of a script which was running.
    """
    is_labs = isinstance(error, LabError) and not isinstance(error, NotPossible)
    said = str(error) if isinstance(error, ScriptMistake) else f"{type(error).__name__}: {error}"
    run.trouble = redact_text(f"{what} {said}" if said != str(error) else said)
    _describe(run, error, experiment.path, said if record else run.trouble, record)
    run.script_failed = experiment.is_yours and not is_labs


def _describe(
    run: VariantRun, error: BaseException, script: Path, said: str, record: Record | None
) -> None:
    """Keep the details of an error of the script's own code."""
    last = next(reversed(list(record.exchanges())), None) if record else None
    run.traceback = at_length(error, script)
    run.failure = ScriptFailure(
        redact_text(said),
        line_of(error, script),
        redact_text(f"{last.method} {last.path} -> {last.status}") if last else "",
        redact_text(last.error or last.text[:MOST_OF_ANSWER]) if last else "",
    )


def _checked(observe: Callable[..., Any], measured: Measurements) -> Observation:
    """Return what `observe` returns, if it is an Observation that can be kept."""
    seen: object = observe(measured)
    try:
        why = "" if isinstance(seen, Observation) else "an Observation is expected"
        plain = msgspec.to_builtins(seen)
        json.dumps(plain, allow_nan=False)
        checked = msgspec.convert(plain, Observation) if not why else None
    except (TypeError, ValueError) as error:
        checked, why = None, why or str(error)
    if checked is not None:
        return checked
    code = getattr(observe, "__code__", None)
    at = f"{Path(code.co_filename).name}, line {code.co_firstlineno}: " if code else ""
    raise ScriptMistake(
        f'{at}observe() returned {seen!r}: {why}. kept_share(kept, of, "carts kept") from '
        'lab.experiments.judging makes one, Observation.unknown("why") another'
    )


def _hint_at_measurements(error: Exception, run: VariantRun) -> None:
    if isinstance(error, KeyError) and error.args and error.args[0] not in run.measurements:
        near = nearest(str(error.args[0]), run.measurements)
        hint = f"did you mean {near!r}? " if near else ""
        error.add_note(
            f"Nothing of that name was measured: {hint}There are {', '.join(run.measurements)}"
        )


def _require_none_left(returned: object) -> None:
    """Raise ScriptMistake if the script returned a coroutine or generator, which has not run."""
    if inspect.isgenerator(returned) or inspect.isawaitable(returned):
        if inspect.iscoroutine(returned):
            returned.close()
        raise ScriptMistake(
            f"script() returned {returned!r}, which has not run: make it a plain function"
        )
