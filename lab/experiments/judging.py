"""From measurements to a verdict, by small pure functions.

Each variant is observed by itself: does the claim hold *here*, does the drawback harm *here*?
The verdict is that of the stateless desk as the article has it; the other variants are the
contrast, and one that did not come out as expected is a surprise. A script without a claim or
a drawback has measures, and no verdict.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from lab.core.errors import ScriptMistake
from lab.core.statistics import Measure, share
from lab.evidence.measurements import NO_ANSWER
from lab.evidence.result import (
    LOOKS_SHOWED_IT,
    WORDS_OF_A_VARIANT,
    Counts,
    Judgement,
    Kind,
    Measurements,
    Observation,
    Surprise,
    Variant,
    VariantRun,
    Verdict,
)

Observe = Callable[[Measurements], Observation]


def observe(observe_variant: Observe, run: VariantRun, kind: Kind = Kind.CLAIM) -> Observation:
    """Observe one variant; without evidence the observation is unknown, whatever it measured.

    ScriptMistake for a verdict that does not fit the kind, or that depends on nothing.
    """
    if run.trouble:
        return Observation.unknown(run.trouble)
    seen = observe_variant(run.measurements)
    if kind is Kind.SCRIPT and seen.verdict is not Verdict.UNKNOWN:
        return msgspec.structs.replace(seen, verdict=None)
    if seen.verdict not in WORDS_OF_A_VARIANT[kind]:
        words = ", ".join(f"Verdict.{word.name}" for word in WORDS_OF_A_VARIANT[kind] if word)
        raise ScriptMistake(f"observe() of a {kind} must find one of {words}, not {seen.verdict!s}")
    if seen.verdict is Verdict.DEPENDS and not seen.note:
        raise ScriptMistake(
            'a variant that depends needs its condition: Observation(…, note="on …")'
        )
    return seen


def judge(
    runs: Sequence[VariantRun],
    expected_of: Callable[[Variant], Verdict | None],
    about: Callable[[Variant], bool] = lambda variant: variant.is_plain_token,
    kind: Kind = Kind.CLAIM,
    depends_on: str = "",
) -> Judgement:
    """Judge a claim or a drawback from observed variants. `about` says which ones it is about.

    If all agree, that is the verdict. If they differ, the verdict is *depends*, and
    `depends_on` says on what. If one is unknown, or there are none, the verdict is unknown.
    """
    subjects = [run for run in runs if about(run.variant)]
    if not subjects:
        why = "no variant of this run is what the claim is about"
        return Judgement(Verdict.UNKNOWN, note=why)
    found = {run.variant.name: _seen(run).verdict for run in subjects}
    verdict = _verdict(kind, set(found.values()))
    # A token with settings of its own (a short life, say) stands beside the plain one.
    plain = [run.variant for run in runs if run.variant.is_plain_token and not run.variant.env]
    return Judgement(
        verdict,
        tuple(found),
        tuple(_surprises(runs, expected_of)),
        plain[0].name if plain else None,
        condition=_condition(subjects, depends_on) if verdict is Verdict.DEPENDS else "",
    )


_OF_THE_SENTENCE = {
    Verdict.AFFECTED: Verdict.CONFIRMED,
    Verdict.NOT_AFFECTED: Verdict.NOT_CONFIRMED,
}


def _verdict(kind: Kind, found: set[Verdict | None]) -> Verdict | None:
    if Verdict.UNKNOWN in found:
        return Verdict.UNKNOWN
    if kind is Kind.SCRIPT:
        return None
    only = found.pop() if len(found) == 1 else Verdict.DEPENDS
    return _OF_THE_SENTENCE.get(only, only) if only else Verdict.UNKNOWN


def _condition(subjects: Sequence[VariantRun], depends_on: str) -> str:
    """Return the condition a verdict depends on: in the author's words, else by variants."""
    notes = [_seen(run).note for run in subjects if _seen(run).verdict is Verdict.DEPENDS]
    where = ", ".join(f"{_seen(run).verdict} at {run.variant.name}" for run in subjects)
    return depends_on or "; ".join(notes) or f"on the variant: {where}"


def expectation_met(
    judgement: Judgement, runs: Iterable[VariantRun], expected: Verdict | None
) -> bool | None:
    """Return whether the expectation was met; None if nothing could be concluded.

    Also None if a variant that serves only as a contrast is unknown: the claim may hold, but
    there was nothing to compare it with.
    """
    runs = list(runs)
    if any(run.broken_expectation or run.script_failed for run in runs):
        return False
    if judgement.verdict is Verdict.UNKNOWN:
        return None
    if judgement.surprises:
        return False
    # That something depends shows only where variants differ: one alone contradicts nothing.
    is_alone = expected is Verdict.DEPENDS and len(judgement.decided_by) == 1
    if expected not in (None, judgement.verdict) and not is_alone:
        return False
    return None if any(run.is_unknown for run in runs) else True


def carts_kept(measured: Measurements) -> Observation:
    """Observe whether every acknowledged cart was kept: some live server shows it in the end."""
    if missing := lacks_reads(measured):
        return Observation.unknown(missing)
    had = Counts.of(measured)
    unit = "acknowledged carts kept"
    return kept_share(had.carts_kept, had.carts_acknowledged, unit, *_shown(had))


def carts_lost(measured: Measurements) -> Observation:
    """Observe `carts_kept` as a harm: a variant is affected if a cart was not kept."""
    seen = carts_kept(measured)
    harmed = {Verdict.HOLDS: Verdict.NOT_AFFECTED, Verdict.FAILS: Verdict.AFFECTED}
    verdict = harmed.get(seen.verdict, seen.verdict) if seen.verdict else None
    return msgspec.structs.replace(seen, verdict=verdict)


def carts_survive_kill(measured: Measurements) -> Observation:
    """Observe as `carts_kept`, if the death of each killed server was seen."""
    if not Counts.of(measured).kill_confirmed:
        return Observation.unknown("the death of the server was not confirmed")
    return carts_kept(measured)


def carts_survive_restarts(measured: Measurements) -> Observation:
    """Observe as `carts_survive_kill`, if a new instance was seen."""
    if not Counts.of(measured).restarts_confirmed:
        return Observation.unknown("no restart was confirmed")
    return carts_survive_kill(measured)


def reads_kept(measured: Measurements) -> Observation:
    """Observe whether every read, wherever it went, showed the acknowledged cart."""
    if missing := lacks_reads(measured):
        return Observation.unknown(missing)
    counts = Counts.of(measured)
    if not counts.reads_of_carts:
        return Observation.unknown("no cart was read")
    return kept_share(
        counts.reads_kept,
        counts.reads_of_carts,
        "looks showed the acknowledged cart",
        share(counts.carts_kept, counts.carts_acknowledged, "carts kept"),
    )


def kept_share(kept: int, of: int, unit: str, *more: Measure) -> Observation:
    """Observe a share that must be 100 % for the claim to hold."""
    verdict = Verdict.HOLDS if kept == of else Verdict.FAILS
    return Observation(verdict, (share(kept, of, unit), *more))


def harm(harmed: int, of: int, unit: str, *more: Measure) -> Observation:
    """Observe a drawback: a variant is affected if it was harmed at least once."""
    if not of:
        return Observation.unknown(f"nothing was tried: 0 {unit}")
    verdict = Verdict.AFFECTED if harmed else Verdict.NOT_AFFECTED
    return Observation(verdict, (share(harmed, of, unit), *more))


def lacks_reads(measured: Measurements) -> str | None:
    """Return what evidence about carts is missing, None if there is enough."""
    counts = Counts.of(measured)
    if not counts.carts_acknowledged:
        return _nothing_owed(counts)
    if unknown := counts.carts_unknown:
        causes = "; ".join(list(counts.closing_silences)[:2])
        found = f"{unknown} {'cart' if unknown == 1 else 'carts'} could not be read afterwards"
        return f"{found}: {causes}" if causes else found
    return None if counts.reads_of_carts + counts.closing_looks else "no cart was read"


USUAL: Mapping[Kind, Observe] = {
    Kind.CLAIM: carts_kept,
    Kind.DRAWBACK: carts_lost,
    Kind.SCRIPT: carts_kept,
}
"""How a variant is observed where the script does not say it."""


def _shown(counts: Counts) -> list[Measure]:
    """Return how many of the script's own looks showed the cart, if it looked."""
    looks = counts.reads_of_carts
    return [Measure(counts.reads_kept, looks, unit=LOOKS_SHOWED_IT)] if looks else []


def _nothing_owed(counts: Counts) -> str:
    """Return why no cart is owed: "no change …: the only add was answered 422: …"."""
    refused, details = counts.changes_refused, counts.refusal_details
    done = counts.changes_acknowledged
    reasons = [
        f"{_how_many(verb, sum(answers.values()), done.get(verb, 0))} "
        + ", ".join(_answered(each, details.get(verb, {})) for each in answers)
        for verb, answers in refused.items()
    ]
    if not refused and "view_cart" in details:
        looks = ", ".join(_answered(each, details["view_cart"]) for each in details["view_cart"])
        reasons = [f"a look at the cart {looks}"]
    return ": ".join([_none_counted(counts), *(["; ".join(reasons)] if reasons else [])])


def _none_counted(counts: Counts) -> str:
    if left := counts.carts_left:
        carts = sum(left.values())
        many = "1 acknowledged cart is" if carts == 1 else f"{carts} acknowledged carts are"
        return f"{many} not counted, since a {' or '.join(left)} afterwards ended the session"
    if counts.changes_acknowledged:
        return (
            "no acknowledged cart is counted: changes were made in another tab or by replay(), or "
            "their answers had no cart"
        )
    return "no change was acknowledged"


def _how_many(verb: str, times: int, others: int) -> str:
    if others:
        return f"{times} of {times + others} times {verb}, which"
    return f"the only {verb}" if times == 1 else f"{times} times {verb}, which"


def _answered(status: str, details: Mapping[str, str]) -> str:
    if status == NO_ANSWER:
        return "got no answer"
    return f"was answered {status}" + (f": {details[status]}" if status in details else "")


def _seen(run: VariantRun) -> Observation:
    return run.observation or Observation.unknown(run.trouble or "not run")


def _surprises(
    runs: Iterable[VariantRun], expected_of: Callable[[Variant], Verdict | None]
) -> Iterable[Surprise]:
    for run in runs:
        expected, seen = expected_of(run.variant), _seen(run).verdict
        if seen and expected and seen is not Verdict.UNKNOWN and seen is not expected:
            yield Surprise(run.variant.name, seen, expected)
