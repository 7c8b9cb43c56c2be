"""The run as JUnit XML: a test suite an experiment, a test case a variant and one for the whole.

An expectation that was not met is a failure. What could not be concluded is an error, as CI
tools read it: never a pass. A variant that was never run (no store here, say) is skipped.
"""

from lab.core import junit
from lab.core.junit import Case, Problem, Suite
from lab.evidence.result import Verdict
from lab.evidence.run_document import ExperimentResult, RunDocument, VariantResult
from lab.report import wording


def junit_xml(document: RunDocument) -> str:
    """Return the XML; characters that XML does not have are shown as numbers."""
    return junit.junit_xml("Two Desks", [_suite(each) for each in document.experiments])


def _suite(experiment: ExperimentResult) -> Suite:
    properties: dict[str, object] = {
        "quick": experiment.quick,
        "kind": experiment.kind,
        "verdict": experiment.verdict or "none",
        "number": wording.decision(experiment),
    }
    if experiment.seed is not None:
        properties["seed"] = experiment.seed
    if experiment.expected is not None:
        properties["expected"] = experiment.expected
    cases = [_variant(experiment, variant) for variant in experiment.variants]
    return Suite(experiment.name, [*cases, _claim(experiment)], experiment.seconds, properties)


def _variant(experiment: ExperimentResult, variant: VariantResult) -> Case:
    ends = [each.at_s + each.elapsed_ms / 1000 for each in variant.exchanges]
    seen = variant.outcome
    return Case(
        f"two-desks.{experiment.name}",
        f"variant {variant.name}",
        _problem(experiment, variant),
        max(ends, default=0.0),
        _found(seen.verdict, wording.observed(seen)) if seen else "",
    )


def _problem(experiment: ExperimentResult, variant: VariantResult) -> Problem | None:
    at_length = variant.at_length
    if variant.broken_expectation:
        return Problem("failure", variant.broken_expectation, at_length)
    if variant.script_failed:
        return Problem("error", variant.trouble or "", at_length)
    if found := [each for each in experiment.surprises if each.variant == variant.name]:
        why = "; ".join(wording.surprise(experiment, each) for each in found)
        return Problem("failure", f"not as expected: {why}")
    if variant.trouble and not variant.exchanges:
        return Problem("skipped", variant.trouble)
    if variant.trouble or variant.verdict is Verdict.UNKNOWN:
        return Problem("error", variant.trouble or wording.outcome(variant), at_length)
    return None


def _claim(experiment: ExperimentResult) -> Case:
    why = wording.reasons(experiment)
    found = _found(experiment.verdict, experiment.condition, why)
    problem = None
    failed = [each.name for each in experiment.variants if wording.own_failure(each)]
    if failed and not experiment.surprises:  # the variant has it in the script's own words
        problem = Problem("skipped", f"not judged: the script failed at {', '.join(failed)}")
    elif experiment.expectation_met is False:
        expected = f"expected {experiment.expected}; " if experiment.expected else ""
        problem = Problem("failure", f"{expected}{found}", "\n".join(wording.surprises(experiment)))
    elif experiment.expectation_met is None:
        problem = Problem("error", f"nothing concluded: {why}")
    name = f"{experiment.kind}: {experiment.claim or experiment.name}"
    return Case(f"two-desks.{experiment.name}", name, problem, experiment.seconds, found)


def _found(*parts: str | None) -> str:
    return ": ".join(part for part in parts if part)
