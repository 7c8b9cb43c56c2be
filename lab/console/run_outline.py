"""What a kept experiment found, as the page shows it: without its requests."""

import msgspec

from lab.console.lesson import questions
from lab.evidence.result import Kind, Prediction, Verdict
from lab.evidence.run_document import ExperimentResult, VariantResult
from lab.report import wording


class OutcomeShown(msgspec.Struct, frozen=True):
    """What a variant shows, in words."""

    verdict: Verdict | None
    text: str


class VariantOutline(msgspec.Struct, frozen=True):
    """A variant of a run, without its requests."""

    name: str
    app: str
    keeps: str
    outcome: OutcomeShown | None


class ExperimentOutline(msgspec.Struct, frozen=True):
    """What an experiment of a run found, and its question as in result.json."""

    name: str
    claim: str
    kind: Kind
    verdict: Verdict | None
    condition: str
    decision: str
    question: Prediction | None
    variants: list[VariantOutline]


def outline_of(experiment: ExperimentResult) -> ExperimentOutline:
    """Return the outline of an experiment."""
    return ExperimentOutline(
        experiment.name,
        experiment.claim,
        experiment.kind,
        experiment.verdict,
        experiment.condition,
        wording.decision(experiment),
        questions.asked(experiment),
        [variant_outline(each) for each in experiment.variants],
    )


def variant_outline(variant: VariantResult) -> VariantOutline:
    """Return the outline of a variant."""
    seen = variant.outcome
    outcome = OutcomeShown(seen.verdict, wording.observed(seen)) if seen else None
    return VariantOutline(variant.name, variant.app, variant.keeps, outcome)
