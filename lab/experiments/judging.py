"""From measurements to a verdict, by small pure functions.

Each variant is observed by itself: does the claim hold *here*? The verdict on the claim is
that of the stateless desk as the article has it; the other variants are the contrast, and one
that did not come out as expected is a surprise.
"""

from collections.abc import Callable, Iterable, Sequence

from lab.core.statistics import Measure, share
from lab.evidence.result import (
    Judgement,
    Measurements,
    Observation,
    Surprise,
    Variant,
    VariantRun,
    Verdict,
)

Observe = Callable[[Measurements], Observation]


def observe(observe_variant: Observe, run: VariantRun) -> Observation:
    """Observe one variant; without evidence the observation is unknown, whatever it measured."""
    if run.trouble:
        return Observation.unknown(run.trouble)
    return observe_variant(run.measurements)


def judge(
    runs: Sequence[VariantRun],
    expected_of: Callable[[Variant], Verdict | None],
    about: Callable[[Variant], bool] = lambda variant: variant.is_plain_token,
) -> Judgement:
    """Judge the claim from observed variants. `about` says which ones the claim is about.

    If they all agree, theirs is the verdict; a mixture *depends* on what differs between them;
    one that is unknown, or none at all, leaves the claim unknown.
    """
    subjects = [run for run in runs if about(run.variant)]
    if not subjects:
        why = "no variant of this run is what the claim is about"
        return Judgement(Verdict.UNKNOWN, note=why)
    verdicts = {_seen(run).verdict for run in subjects}
    if Verdict.UNKNOWN in verdicts:
        verdict = Verdict.UNKNOWN
    else:
        verdict = verdicts.pop() if len(verdicts) == 1 else Verdict.DEPENDS
    # A token with settings of its own (a short life, say) stands beside the plain one.
    plain = [run.variant for run in runs if run.variant.is_plain_token and not run.variant.env]
    return Judgement(
        verdict,
        tuple(run.variant.name for run in subjects),
        tuple(_surprises(runs, expected_of)),
        plain[0].name if plain else None,
    )


def expectation_met(
    judgement: Judgement, runs: Iterable[VariantRun], expected: Verdict | None
) -> bool | None:
    """Return whether the expectation was met; None if nothing could be concluded.

    Nor can it be where a variant that is a contrast only is unknown: the claim may hold, but
    there was nothing to compare it with.
    """
    runs = list(runs)
    if any(run.broken_expectation or run.script_failed for run in runs):
        return False
    if judgement.verdict is Verdict.UNKNOWN:
        return None
    if expected not in (None, judgement.verdict) or judgement.surprises:
        return False
    return None if any(run.is_unknown for run in runs) else True


def carts_kept(measured: Measurements) -> Observation:
    """Observe whether every acknowledged cart was there when it was asked for."""
    if missing := lacks_reads(measured):
        return Observation.unknown(missing)
    had = measured["carts_acknowledged"]
    return kept_share(measured["carts_kept"], had, "acknowledged carts kept")


def carts_survive_kill(measured: Measurements) -> Observation:
    """Observe as `carts_kept`, if the death of each killed server was seen."""
    if not measured["kill_confirmed"]:
        return Observation.unknown("the death of the server was not confirmed")
    return carts_kept(measured)


def carts_survive_restarts(measured: Measurements) -> Observation:
    """Observe as `carts_survive_kill`, if a new instance was seen."""
    if not measured["restarts_confirmed"]:
        return Observation.unknown("no restart was confirmed")
    return carts_survive_kill(measured)


def reads_kept(measured: Measurements) -> Observation:
    """Observe whether every read, wherever it went, showed the acknowledged cart."""
    if missing := lacks_reads(measured):
        return Observation.unknown(missing)
    return kept_share(
        measured["reads_kept"], measured["reads_of_carts"], "reads saw the acknowledged cart"
    )


def kept_share(kept: int, of: int, unit: str, *more: Measure) -> Observation:
    """Observe a share that has to be all of them for the claim to hold."""
    verdict = Verdict.HOLDS if kept == of else Verdict.FAILS
    return Observation(verdict, (share(kept, of, unit), *more))


def bites(bitten: int, of: int, unit: str, *more: Measure) -> Observation:
    """Observe a drawback: it holds when it was shown to bite at least once."""
    if not of:
        return Observation.unknown(f"nothing was tried: 0 {unit}")
    verdict = Verdict.HOLDS if bitten else Verdict.FAILS
    return Observation(verdict, (share(bitten, of, unit), *more))


def lacks_reads(measured: Measurements) -> str | None:
    """Return what evidence about carts is missing, None if there is enough."""
    if not measured["carts_acknowledged"]:
        return "no change was acknowledged"
    if unknown := measured["carts_unknown"]:
        return f"{unknown} {'cart' if unknown == 1 else 'carts'} could not be read afterwards"
    return None if measured["reads_of_carts"] else "no cart was read"


def _seen(run: VariantRun) -> Observation:
    return run.observation or Observation.unknown(run.trouble or "not run")


def _surprises(
    runs: Iterable[VariantRun], expected_of: Callable[[Variant], Verdict | None]
) -> Iterable[Surprise]:
    for run in runs:
        expected, seen = expected_of(run.variant), _seen(run).verdict
        if seen is not Verdict.UNKNOWN and expected is not None and expected is not seen:
            yield Surprise(run.variant.name, seen, expected)
