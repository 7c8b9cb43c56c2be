"""Two runs side by side, for the terminal and as JSON: what differs, and by more than chance."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median

from rich.table import Table
from rich.text import Text

from lab.core.chance import Comparison, Likeness
from lab.core.json_object import JsonObject
from lab.core.quantity import Counted, Quantity, Ranged, Stated, Timed
from lab.core.text import one_line

_LOOKS = {
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
        sign, style = _LOOKS[each.answer]
        follows = Text(str(each.answer), style)
        if each.why:
            follows.append(f" ({each.why})", "dim")
        row = (each.of, each.name, value(each.left), value(each.right))
        table.add_row(Text(sign, style), *(Text(one_line(cell, 120)) for cell in row), follows)
    return table


def sentence(found: Sequence[Comparison]) -> str:
    """Return what the comparison comes to, in a sentence."""
    judged = compared(found)
    if not judged:
        return "nothing could be compared: the runs have no number or finding in common"
    differing = sum(each.answer is Likeness.DIFFERS for each in judged)
    if not differing:
        return f"no difference beyond chance (5 % for all {len(judged)} comparisons together)"
    verb = "differs" if differing == 1 else "differ"
    return f"{differing} of {len(judged)} {verb} beyond chance (5 % for all of them together)"


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


def as_json(found: Sequence[Comparison]) -> list[JsonObject]:
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


def _json(quantity: Quantity | None) -> JsonObject | None:
    if quantity is None:
        return None
    if isinstance(quantity, Timed):
        samples = quantity.samples_ms
        return {"median_ms": median(samples) if samples else None, "n": len(samples)}
    return {name: value for name, value in asdict(quantity).items() if name not in ("of", "name")}
