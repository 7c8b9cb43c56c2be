"""Turns measurements into a verdict on the claim: small pure functions, one per question.

Each takes the lanes' results and answers about the stateless side; the stateful side is the
contrast, and a contrast that did not come out as its store lets expect is a surprise.
"""

from collections.abc import Callable, Iterable
from typing import Any

from lab.evidence.result import Judgement, Variant, VariantResult, Verdict

Judge = Callable[[list[VariantResult]], Judgement]
Measurements = dict[str, Any]
DIES_WITH_ITS_PROCESS = "memory"


def survives_kill(results: list[VariantResult]) -> Judgement:
    """Judge `crash`: a confirmed kill, an acknowledged cart, a read afterwards."""
    return _judge(results, _kill_evidence, _carts_gone, lambda v: v.keeps != DIES_WITH_ITS_PROCESS)


def survives_restarts(results: list[VariantResult]) -> Judgement:
    """Judge `restart-all`: as a kill, and every server came back as a new instance."""
    return _judge(
        results, _restart_evidence, _carts_gone, lambda v: v.keeps != DIES_WITH_ITS_PROCESS
    )


def every_read_keeps(results: list[VariantResult]) -> Judgement:
    """Judge `any-server`: each read, wherever it went, shows the acknowledged cart."""
    return _judge(
        results,
        _read_evidence,
        lambda m: m["reads_of_carts"] - m["reads_kept"],
        lambda v: v.keeps != DIES_WITH_ITS_PROCESS or v.knobs.servers == 1,
        unit="reads",
        total="reads_of_carts",
    )


def both_keep(results: list[VariantResult]) -> Judgement:
    """Judge the control: nobody loses anything, on either side."""
    return _judge(results, _read_evidence, _carts_gone, lambda _: True)


def answers_alike(results: list[VariantResult]) -> Judgement:
    """Judge a script without an expectation of its own.

    Whether they did is told request by request beside it; here only the carts count.
    """
    for result in results:
        if missing := result.trouble or _read_evidence(result.measurements):
            return Judgement(Verdict.UNKNOWN, f"{result.variant.name}: {missing}")
    gone = {result.variant.name: _carts_gone(result.measurements) for result in results}
    if not any(gone.values()):
        return Judgement(Verdict.HOLDS, "every acknowledged cart was there on both sides")
    told = ", ".join(f"{name} {number}" for name, number in gone.items())
    return Judgement(Verdict.DEPENDS, f"acknowledged carts not as they were: {told}")


def _judge(
    results: list[VariantResult],
    lacks_evidence: Callable[[Measurements], str | None],
    count_gone: Callable[[Measurements], int],
    should_keep: Callable[[Variant], bool],
    unit: str = "carts",
    total: str = "carts_acknowledged",
) -> Judgement:
    for result in results:
        if missing := result.trouble or lacks_evidence(result.measurements):
            return Judgement(Verdict.UNKNOWN, f"{result.variant.name}: {missing}")
    subjects = [result for result in results if result.variant.app == "stateless"]
    gone = sum(count_gone(result.measurements) for result in subjects)
    of = sum(result.measurements[total] for result in subjects)
    verdict = Verdict.FAILS if gone else Verdict.HOLDS
    because = f"{of - gone} of {of} acknowledged {unit} kept at the stateless desk"
    for result in results:
        if result.variant.app == "stateful":
            lost, had = count_gone(result.measurements), result.measurements[total]
            because += f"; {had - lost} of {had} at the stateful ({result.variant.keeps})"
    return Judgement(verdict, because, tuple(_surprises(results, count_gone, should_keep)))


def _surprises(
    results: list[VariantResult],
    count_gone: Callable[[Measurements], int],
    should_keep: Callable[[Variant], bool],
) -> Iterable[str]:
    for result in results:
        variant, gone = result.variant, count_gone(result.measurements)
        if variant.app == "stateful" and should_keep(variant) == bool(gone):
            expected = "keep everything" if should_keep(variant) else "lose something"
            yield f"{variant.name} ({variant.keeps}) was expected to {expected}, and lost {gone}"


def _carts_gone(measured: Measurements) -> int:
    return sum(measured[f"carts_{fate}"] for fate in ("lost", "wrong", "duplicated"))


def _read_evidence(measured: Measurements) -> str | None:
    if not measured["carts_acknowledged"]:
        return "no write was acknowledged"
    if measured["carts_unknown"]:
        return f"{measured['carts_unknown']} carts could not be read afterwards"
    return None if measured["reads_of_carts"] else "no cart was read"


def _kill_evidence(measured: Measurements) -> str | None:
    if not measured["kill_confirmed"]:
        return "the death of the server was not confirmed"
    return _read_evidence(measured)


def _restart_evidence(measured: Measurements) -> str | None:
    if not measured["restarts_confirmed"]:
        return "no restart was confirmed"
    return _kill_evidence(measured)
