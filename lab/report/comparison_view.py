"""Two runs side by side, for the terminal and as JSON: what differs, and by more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median

from rich.table import Table
from rich.text import Text

from lab.core.comparison import Comparison, Likeness
from lab.core.quantity import Counted, Quantity, Ranged, Stated, Timed
from lab.core.text import one_line

MOST_CHANGES = 6  # changes in the sentence; the table has them all
_LIKENESS_LOOKS = {
    Likeness.DIFFERS: ("≠", "bold red"),
    Likeness.ANOTHER: ("!", "yellow"),
    Likeness.SET: ("!", "bold"),
    Likeness.ONE_SIDED: ("!", "yellow"),
    Likeness.MAY_BE_CHANCE: ("~", "dim"),
    Likeness.TOO_FEW: ("?", "dim"),
    Likeness.EQUAL: ("=", "dim"),
}


def comparison_table(found: Sequence[Comparison], left: str, right: str) -> Table:
    """Return a row for each quantity: of what, its name, both values, and what follows."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for heading in ("", "of", "what", left, right, "what follows"):
        table.add_column(Text(one_line(heading, 60)), overflow="fold")
    for each in found:
        sign, style = _LIKENESS_LOOKS[each.answer]
        follows = Text(str(each.answer), style)
        if each.why:
            follows.append(f" ({each.why})", "dim")
        row = (each.of, each.name, value(each.left), value(each.right))
        table.add_row(Text(sign, style), *(Text(one_line(cell, 120)) for cell in row), follows)
    return table


def set_differently(found: Sequence[Comparison]) -> str:
    """Return what differs on purpose: script, faults, settings, versions; "" if nothing does.

    What differs alike at several variants is said once.
    """
    changes: dict[str, list[str]] = {}
    for each in found:
        if each.answer is Likeness.SET:
            both = f"{each.name} ({value(each.left)} / {value(each.right)})"
            changes.setdefault(one_line(both, 200), []).append(each.of)
    said = [f"{what} of {one_line(', '.join(of), 120)}" for what, of in changes.items()]
    more = f"; {len(said) - MOST_CHANGES} more" if len(said) > MOST_CHANGES else ""
    return f"set differently: {'; '.join(said[:MOST_CHANGES])}{more}" if said else ""


def sentence(found: Sequence[Comparison]) -> str:
    """Return what the comparison comes to, in a sentence."""
    judged, few = compared(found), _too_few(found)
    if too_few_to_tell(found):
        # Counts are named before times.
        counts = [each for each in few if isinstance(each.left, Counted)]
        named = ", ".join(
            f"{each.name} of {each.of} ({value(each.left)} / {value(each.right)})"
            for each in (_unlike(few) or counts or few)[:MOST_CHANGES]
        )
        return (
            f"too few to tell: {one_line(named, 400)}; run each with more customers, or more often"
        )
    if not judged:
        return "nothing could be compared: the runs have no number or finding in common"
    differing = sum(each.answer is Likeness.DIFFERS for each in judged)
    left_out = f"; {len(few)} had too few to tell" if few else ""
    if not differing:
        of_all = f"(5 % for all {len(judged)} comparisons together)"
        return f"no difference beyond chance {of_all}{left_out}"
    verb = "differs" if differing == 1 else "differ"
    said = f"{differing} of {len(judged)} {verb} beyond chance (5 % for all of them together)"
    return f"{said}{left_out}"


def too_few_to_tell(found: Sequence[Comparison]) -> bool:
    """Return True if nothing differs beyond chance, but some numbers that differ are too small."""
    if any(each.answer is Likeness.DIFFERS for each in found):
        return False
    few = _too_few(found)
    another = any(each.answer is Likeness.ANOTHER for each in found)
    return bool(_unlike(few)) or (bool(few) and (another or not compared(found)))


def _too_few(found: Sequence[Comparison]) -> list[Comparison]:
    return [each for each in found if each.answer is Likeness.TOO_FEW]


def _unlike(few: Sequence[Comparison]) -> list[Comparison]:
    """Return the counts whose shares differ."""
    return [
        each
        for each in few
        if isinstance(each.left, Counted)
        and isinstance(each.right, Counted)
        and each.left.k * each.right.n != each.right.k * each.left.n
    ]


def compared(found: Sequence[Comparison]) -> list[Comparison]:
    """Return what could be compared: numbers and findings, not settings."""
    judged = (Likeness.DIFFERS, Likeness.MAY_BE_CHANCE, Likeness.EQUAL)
    return [
        each
        for each in found
        if each.answer in judged
        and not (isinstance(each.left, Stated) and each.left.role != "finding")
    ]


def value(quantity: Quantity | None) -> str:
    """Return a quantity as a cell has it."""
    match quantity:
        case Counted(k=k, n=n):
            return f"{k:,} of {n:,}"
        case Timed(samples_ms=samples):
            return f"{median(samples):,.3g} ms (n {len(samples):,})" if samples else "–"
        case Ranged(value=middle, low=low, high=high, unit=unit):
            return f"{middle:,.4g} {unit} ({low:,.4g} to {high:,.4g})"
        case Stated(word=word):
            return word
    return "–"


def as_json(found: Sequence[Comparison]) -> list[Mapping[str, object]]:
    """Return the comparisons as plain JSON values; of times the median and n."""
    return [
        {
            "of": each.of,
            "what": each.name,
            "left": _json(each.left),
            "right": _json(each.right),
            "answer": str(each.answer),
            "why": each.why,
        }
        for each in found
    ]


def _json(quantity: Quantity | None) -> Mapping[str, object] | None:
    if quantity is None:
        return None
    if isinstance(quantity, Timed):
        samples = quantity.samples_ms
        return {"median_ms": median(samples) if samples else None, "n": len(samples)}
    return {name: value for name, value in asdict(quantity).items() if name not in ("of", "name")}
