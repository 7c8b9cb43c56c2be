"""What two runs of `lab run` can be compared by."""

import math
from collections import Counter
from collections.abc import Iterator

import msgspec

from lab.core.components import UsedProgram
from lab.core.quantity import Counted, Quantity, Stated, Timed, clumping
from lab.core.statistics import Measure
from lab.evidence.run_document import ExperimentResult, RunDocument, VariantResult

RACES = 2.0  # an experiment often counts races, and two of one run tend to go the same way


def run_quantities(document: RunDocument) -> list[Quantity]:
    """Return verdicts, settings, counts and times of every variant of every experiment."""
    parts = document.components.known()
    return [
        *(Stated("made of", name, _version(part)) for name, part in parts.items()),
        *(each for experiment in document.experiments for each in _experiment(experiment)),
    ]


def _version(part: object) -> str:
    if isinstance(part, UsedProgram):
        return part.version
    return "none" if part is None else str(part)


def _experiment(experiment: ExperimentResult) -> Iterator[Quantity]:
    name = experiment.name
    yield Stated(name, "verdict", str(experiment.verdict or "none"), "result")
    if experiment.script_hash:  # earlier versions wrote none
        yield Stated(name, "text of the script", experiment.script_hash)
    yield Stated(name, "quick", "yes" if experiment.quick else "no")
    for variant in experiment.variants:
        of = f"{name}: {variant.name}"
        yield Stated(of, "verdict", str(variant.verdict or "none"), "result")
        for setting, value in msgspec.structs.asdict(variant.settings).items():
            yield Stated(of, setting, "none" if value is None else str(value))
        kinds = Counter(each.kind for each in variant.faults)
        faults = ", ".join(f"{number} × {kind}" for kind, number in sorted(kinds.items()))
        yield Stated(of, "faults", faults or "none")
        yield from _counts(of, variant)
        times = [each for each in variant.exchanges if math.isfinite(each.elapsed_ms)]
        times.sort(key=lambda each: each.at_s)
        yield Timed(of, "time of a request", tuple(each.elapsed_ms for each in times))


def _counts(of: str, variant: VariantResult) -> Iterator[Counted]:
    measures = {each.unit or "counted": each for each in _measures(variant)}
    for name, measure in measures.items():
        if isinstance(measure.k, int) and measure.n and 0 <= measure.k <= measure.n:
            yield Counted(of, name, measure.k, measure.n, RACES)
    customers: dict[str, tuple[int, int]] = {}
    for each in variant.exchanges:
        n, k = customers.get(each.customer, (0, 0))
        customers[each.customer] = (n + 1, k + (not each.answered))
    clusters = list(customers.values())
    n, k = sum(n for n, _ in clusters), sum(k for _, k in clusters)
    if n:
        yield Counted(of, "requests that no server answered", k, n, clumping(clusters))


def _measures(variant: VariantResult) -> Iterator[Measure]:
    yield from variant.outcome.measures if variant.outcome else ()
    for name, value in variant.measurements.items():
        if isinstance(value, dict) and {"k", "n"} <= value.keys():
            try:  # a share that a script measured
                measure = msgspec.convert(value, Measure)
            except msgspec.ValidationError:
                continue
            yield msgspec.structs.replace(measure, unit=name.replace("_", " "))
