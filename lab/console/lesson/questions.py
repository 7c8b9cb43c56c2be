"""What an experiment asks before it runs, and which of the choices its lanes bore out."""

from typing import Any

from lab import experiments
from lab.core.errors import LabError
from lab.evidence.record import Record
from lab.evidence.result import Prediction, Variant, VariantResult
from lab.experiments import CONFIDENCE, Experiment

Json = dict[str, Any]


def bundled(name: object) -> Experiment | None:
    """Return the bundled experiment of that name, else None. A file is never looked for."""
    return next((each for each in experiments.bundled() if each.name == name), None)


def question_of(name: str) -> dict[str, Any]:
    """Return what an experiment asks before it runs; raise LabError if it asks nothing."""
    question = experiments.find(name).question
    if question is None:
        raise LabError(f"the experiment {name!r} asks no question")
    return {
        "text": question.text,
        "choices": [{"text": choice} for choice in question.choices],
        "explanation": question.explanation,
    }


def sealed(experiment: Experiment, predicted: int | None, confidence: str) -> Prediction | None:
    """Return the prediction to run with; None if none was made or there is no such choice."""
    question = experiment.question
    if question is None or type(predicted) is not int or confidence not in CONFIDENCE:
        return None
    if not 0 <= predicted < len(question.choices):
        return None
    return Prediction(question.text, question.choices, predicted, confidence)


def observed(experiment: Experiment, lanes: list[VariantResult]) -> int | None:
    """Return the index of the choice that finished lanes bear out, None if they cannot tell."""
    if experiment.question is None:
        return None
    return experiment.question.observed({lane.variant.name: lane for lane in lanes})


def asked(kept: Json) -> Json | None:
    """Return the question of a kept experiment, as a prediction of result.json has it.

    Where nobody was asked, "predicted", "confidence" and "right" are None, and "observed" is
    told by the experiment's own question, if it came with the lab.
    """
    if kept["prediction"] is not None:
        return dict(kept["prediction"])
    experiment = (
        bundled(kept["name"]) if kept.get("argument", kept["name"]) == kept["name"] else None
    )
    if experiment is None or experiment.question is None:
        return None
    try:
        seen = observed(experiment, [_lane(lane) for lane in kept["variants"]])
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        seen = None  # a run of an older lab measured something else
    return {
        "question": experiment.question.text,
        "choices": list(experiment.question.choices),
        "predicted": None,
        "confidence": None,
        "observed": seen,
        "right": None,
        "explanation": experiment.question.explanation,
    }


def _lane(kept: Json) -> VariantResult:
    # A question looks at measurements only: that much of a lane is in result.json.
    lane = Variant(kept["name"], kept["app"])
    return VariantResult(lane, Record(lane.name), kept["measurements"], kept["trouble"])
