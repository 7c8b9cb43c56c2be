"""Says in words what a run document has in numbers. Every view takes its sentences from here."""

from collections.abc import Mapping
from typing import Protocol

from lab.core.faults import FaultEvent, FaultKind
from lab.core.statistics import format_measure
from lab.core.text import one_line
from lab.evidence.cart_tracker import Fate
from lab.evidence.result import Observation, ScriptFailure, Surprise, Verdict
from lab.evidence.run_document import ExperimentResult, VariantResult

# Colour is never alone: each has its sign and its word.
VERDICT_SIGNS = {
    Verdict.HOLDS: "✓",
    Verdict.FAILS: "✕",
    Verdict.CONFIRMED: "●",
    Verdict.NOT_CONFIRMED: "○",
    Verdict.AFFECTED: "✕",
    Verdict.NOT_AFFECTED: "✓",
    Verdict.DEPENDS: "~",
    Verdict.UNKNOWN: "?",
}
FATE_SIGNS = {
    Fate.KEPT: "✓",
    Fate.LOST: "✕",
    Fate.WRONG: "✕",
    Fate.DUPLICATED: "✕",
    Fate.UNKNOWN: "?",
}
COLOURS: Mapping[Verdict | Fate, str] = {
    **dict.fromkeys((Verdict.HOLDS, Verdict.NOT_AFFECTED, Fate.KEPT), "green"),
    **dict.fromkeys((Verdict.FAILS, Verdict.AFFECTED), "red"),
    **dict.fromkeys((Fate.LOST, Fate.WRONG, Fate.DUPLICATED), "red"),
    Verdict.CONFIRMED: "magenta",
    Verdict.NOT_CONFIRMED: "cyan",
    **dict.fromkeys((Verdict.DEPENDS, Verdict.UNKNOWN, Fate.UNKNOWN), "yellow"),
}


def signed(verdict: Verdict | None) -> str:
    """Return a verdict with its sign: "✓ holds"; "" if there is none."""
    return f"{VERDICT_SIGNS[verdict]} {verdict}" if verdict else ""


def found(experiment: ExperimentResult) -> str:
    """Return the verdict with its sign, and on what it depends where it does."""
    return " ".join(filter(None, [signed(experiment.verdict), experiment.condition]))


def sentence(experiment: ExperimentResult) -> str:
    """Return the claim or the drawback in quotation marks; "" for a script without one."""
    return f"“{experiment.claim}”" if experiment.claim else ""


def observed(seen: Observation, without: str | None = None) -> str:
    """Return an observation's measures and note: "60 of 60 acknowledged carts kept".

    Measures of the unit `without` are left out.
    """
    note = f"it depends {seen.note}" if seen.verdict is Verdict.DEPENDS and seen.note else seen.note
    measures = [each for each in seen.measures if each.unit != without]
    return "; ".join([*map(format_measure, measures), *([note] if note else [])])


def shown(variant: VariantResult) -> str:
    """Return how many of the script's own looks showed the acknowledged cart; "" if none was."""
    return _looks(variant.counts.reads_kept, variant.counts.reads_of_carts)


def shown_to_lab(variant: VariantResult) -> str:
    """Return how many closing looks (one per cart and live server) showed the cart."""
    return _looks(variant.counts.closing_looks_kept, variant.counts.closing_looks)


def _looks(shown: int, looks: int) -> str:
    return f"{shown:,} of {looks:,} looks" if looks else ""


def outcome(variant: VariantResult, without: str | None = None) -> str:
    """Return what a variant showed, or why it showed nothing."""
    seen = observed(variant.outcome, without) if variant.outcome else ""
    return seen or variant.trouble or "not run"


def outcomes(experiment: ExperimentResult) -> list[str]:
    """Return "name: what it showed" for each variant."""
    return [f"{variant.name}: {outcome(variant)}" for variant in experiment.variants]


def decision(experiment: ExperimentResult) -> str:
    """Return what decided the verdict: the outcome of the variants that the claim is about."""
    deciding = [each for each in experiment.variants if each.name in experiment.decided_by]
    if experiment.note or not deciding:
        return experiment.note or "nothing could be concluded"
    if len(deciding) == 1:
        return outcome(deciding[0])
    return "; ".join(f"{each.name}: {outcome(each)}" for each in deciding)


def reasons(experiment: ExperimentResult) -> str:
    """Return the outcomes of all variants in one line; before them why nothing was concluded."""
    return "; ".join([*([experiment.note] if experiment.note else []), *outcomes(experiment)])


def surprise(experiment: ExperimentResult, found: Surprise) -> str:
    """Return what was not expected: "memory: holds, expected fails (3 of 3 carts kept)"."""
    why = next((outcome(each) for each in experiment.variants if each.name == found.variant), "")
    return f"{found.variant}: {found.seen}, expected {found.expected}" + (f" ({why})" * bool(why))


def surprises(experiment: ExperimentResult) -> list[str]:
    """Return everything that was not expected, as sentences."""
    return [surprise(experiment, each) for each in experiment.surprises]


def fault_words(fault: FaultEvent, where: str) -> str:
    """Return what a script did: "kill A", and of the kill of a restart "restart A (kill)"."""
    if fault.evidence.for_restart:
        return f"{FaultKind.RESTART}{where} ({fault.kind})"
    return f"{fault.kind}{where}"


def sample_size(experiment: ExperimentResult) -> str:
    """Return the n of the deciding measure; "–" if it has none."""
    for variant in experiment.variants:
        if variant.name in experiment.decided_by and variant.outcome:
            sizes = [each.n for each in variant.outcome.measures if each.n is not None]
            return f"{sizes[0]:,}" if sizes else "–"
    return "–"


class Ended(Protocol):
    """The fields of a variant that say how its script ended."""

    broken_expectation: str | None
    script_failed: bool
    trouble: str | None
    failure: ScriptFailure | None


def own_failure(variant: Ended) -> str | None:
    """Return "failed: assert at line 7: no cart", "the script failed at line 7: …", or None."""
    known = variant.failure
    at = f" at line {known.line}" if known and known.line else ""
    if variant.broken_expectation and known:
        return one_line(f"failed: assert{at}" + (f": {known.said}" if known.said else ""), 300)
    if variant.broken_expectation:  # earlier versions wrote it
        return one_line(f"failed: {variant.broken_expectation}", 300)
    if variant.script_failed:
        return one_line(f"the script failed{at}: {known.said if known else variant.trouble}", 300)
    return None
