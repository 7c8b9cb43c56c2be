"""From measurements to a verdict, by small pure functions.

Each lane is observed by itself: does the claim hold *here*? The verdict on the claim is that
of the stateless desk as the article has it; the other lanes are the contrast, and one that
did not come out as expected is a surprise.
"""

from collections.abc import Callable, Iterable, Sequence

from lab.core.statistics import share, told
from lab.evidence.result import (
    Judgement,
    Measurements,
    Observation,
    Variant,
    VariantResult,
    Verdict,
)

Observe = Callable[[Measurements], Observation]


def observe(observe_lane: Observe, result: VariantResult) -> Observation:
    """Observe one lane; without evidence the observation is unknown, whatever it measured."""
    if result.trouble:
        return Observation(Verdict.UNKNOWN, result.trouble)
    return observe_lane(result.measurements)


def judge(
    results: Sequence[VariantResult],
    expected_of: Callable[[Variant], Verdict | None],
    about: Callable[[Variant], bool] = lambda variant: variant.is_plain_token,
) -> Judgement:
    """Judge the claim from observed lanes. `about` says which lanes the claim is about.

    All of them alike give that verdict; a mixture *depends* on what differs between them;
    one of them unknown, or none there at all, leaves the claim unknown.
    """
    subjects = [result for result in results if about(result.variant)]
    seen = [(result.variant.name, _seen(result)) for result in subjects]
    verdicts = {observation.verdict for _, observation in seen}
    if not subjects:
        return Judgement(Verdict.UNKNOWN, "no lane of this run is what the claim is about")
    if Verdict.UNKNOWN in verdicts:
        verdict = Verdict.UNKNOWN
    else:
        verdict = verdicts.pop() if len(verdicts) == 1 else Verdict.DEPENDS
    everything = [(result.variant.name, _seen(result)) for result in results]
    return Judgement(
        verdict,
        "; ".join(f"{name}: {observation.number}" for name, observation in everything),
        tuple(_surprises(results, expected_of)),
        "; ".join(
            observation.number if len(seen) == 1 else f"{name}: {observation.number}"
            for name, observation in seen
        ),
    )


def carts_kept(measured: Measurements) -> Observation:
    """Observe whether every acknowledged cart was there when it was asked for."""
    if missing := lacks_reads(measured):
        return Observation(Verdict.UNKNOWN, missing)
    had = measured["carts_acknowledged"]
    return kept_share(measured["carts_kept"], had, "acknowledged carts kept")


def carts_survive_kill(measured: Measurements) -> Observation:
    """Observe as `carts_kept`, if the death of each killed server was seen."""
    if not measured["kill_confirmed"]:
        return Observation(Verdict.UNKNOWN, "the death of the server was not confirmed")
    return carts_kept(measured)


def carts_survive_restarts(measured: Measurements) -> Observation:
    """Observe as `carts_survive_kill`, if a new instance was seen."""
    if not measured["restarts_confirmed"]:
        return Observation(Verdict.UNKNOWN, "no restart was confirmed")
    return carts_survive_kill(measured)


def reads_kept(measured: Measurements) -> Observation:
    """Observe whether every read, wherever it went, showed the acknowledged cart."""
    if missing := lacks_reads(measured):
        return Observation(Verdict.UNKNOWN, missing)
    return kept_share(
        measured["reads_kept"], measured["reads_of_carts"], "reads saw the acknowledged cart"
    )


def kept_share(kept: int, of: int, unit: str) -> Observation:
    """Observe a share that has to be all of them for the claim to hold."""
    verdict = Verdict.HOLDS if kept == of else Verdict.FAILS
    return Observation(verdict, told(share(kept, of), unit))


def bites(bitten: int, of: int, unit: str) -> Observation:
    """Observe a drawback: it holds when it was shown to bite at least once."""
    if not of:
        return Observation(Verdict.UNKNOWN, f"nothing was tried: 0 {unit}")
    verdict = Verdict.HOLDS if bitten else Verdict.FAILS
    return Observation(verdict, told(share(bitten, of), unit))


def lacks_reads(measured: Measurements) -> str | None:
    """Say what evidence about carts is missing, None if there is enough."""
    if not measured["carts_acknowledged"]:
        return "no write was acknowledged"
    if measured["carts_unknown"]:
        return f"{measured['carts_unknown']} carts could not be read afterwards"
    return None if measured["reads_of_carts"] else "no cart was read"


def _seen(result: VariantResult) -> Observation:
    return result.observation or Observation(Verdict.UNKNOWN, result.trouble or "not run")


def _surprises(
    results: Iterable[VariantResult], expected_of: Callable[[Variant], Verdict | None]
) -> Iterable[str]:
    for result in results:
        expected, seen = expected_of(result.variant), _seen(result)
        if seen.verdict is not Verdict.UNKNOWN and expected not in (None, seen.verdict):
            yield f"{result.variant.name}: {seen.verdict}, expected {expected} ({seen.number})"
