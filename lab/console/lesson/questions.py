"""What an experiment asks before it runs, and which of the choices came true."""

import msgspec

from lab import experiments
from lab.core.errors import LabError
from lab.evidence.result import Prediction
from lab.evidence.run_document import ExperimentResult
from lab.experiments import CONFIDENCE, Experiment


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A choice; `when` is what a chapter's facts must be for it to have come true.

    `because` answers those who chose it, and the chapter's act number `act` is run for them.
    """

    text: str
    when: dict[str, int | str] = {}
    because: str = ""
    act: int = 0


class AskedQuestion(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question as the page asks it, of a chapter or of an experiment."""

    question: str
    choices: list[Choice]
    explanation: str = ""


def bundled(name: object) -> Experiment | None:
    """Return the bundled experiment of that name, else None; never a file."""
    return next((each for each in experiments.bundled() if each.name == name), None)


def question_of(name: str) -> AskedQuestion:
    """Return what an experiment asks before it runs; raise LabError if it asks nothing."""
    question = experiments.find(name).question
    if question is None:
        raise LabError(f"the experiment {name!r} asks no question")
    choices = [Choice(choice) for choice in question.choices]
    return AskedQuestion(question.text, choices, question.explanation)


def sealed(experiment: Experiment, predicted: int | None, confidence: str) -> Prediction | None:
    """Return the prediction to run with; None if none was made or there is no such choice."""
    question = experiment.question
    if question is None or type(predicted) is not int or confidence not in CONFIDENCE:
        return None
    if not 0 <= predicted < len(question.choices):
        return None
    return Prediction(question.text, question.choices, predicted, confidence)


def observed(experiment: Experiment, result: ExperimentResult) -> int | None:
    """Return the index of the choice that came true, None if the measurements cannot tell."""
    if experiment.question is None:
        return None
    return experiment.question.observed({v.name: v.measurements for v in result.variants})


def asked(kept: ExperimentResult) -> Prediction | None:
    """Return the question of a kept experiment, with what was predicted and observed.

    Without a prediction it is the experiment's own question, if it came with the lab.
    """
    if kept.prediction is not None:
        return kept.prediction
    experiment = bundled(kept.name) if kept.argument in ("", kept.name) else None
    if experiment is None or experiment.question is None:
        return None
    question = experiment.question
    try:
        seen = observed(experiment, kept)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        seen = None  # a run of an older lab measured something else
    return Prediction(question.text, question.choices).compared(seen, question.explanation)
