"""Compares two kept runs, and prints how they differ."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from lab.cli import kept
from lab.cli.output import err, screen, write_json
from lab.core.comparison import Comparison, Key, Likeness, RunToRun, run_to_run
from lab.core.comparison import compare as compared
from lab.core.errors import LabError
from lab.core.json_object import json_text
from lab.core.quantity import Quantity, Stated
from lab.core.shell import typed
from lab.core.text import one_line
from lab.report import catalog, comparison_view, summary

MOST_LIKE_IT = 30  # runs of the same thing that are read to learn how much times vary
Read = tuple[Path, list[Quantity]]


def compare_runs(left: str, right: str, everything: bool, as_json: bool, out: Path) -> int:
    """Compare the runs of these names; return the exit status."""
    ours, theirs = _pair(left, right, out)
    kind, other = summary.summary(ours).kind, summary.summary(theirs).kind
    if kind != other:
        raise LabError(
            f"{_name(ours)} is a {kind} and {_name(theirs)} a {other}: compare two runs of one "
            f"kind; `{typed('lab runs', out)}` shows what each one is"
        )
    first, second = (kept.quantities_of(kind, each) for each in (ours, theirs))
    noise = _noise(kind, (ours, first), (theirs, second), out)
    found = compared(first, second, noise)
    if as_json:
        _print_json(found, kind, ours, theirs)
    else:
        _print(found, everything, ours, theirs)
    if comparison_view.too_few_to_tell(found) or not comparison_view.compared(found):
        return 3
    return 1 if _differs(found) else 0


def _pair(left: str, right: str, out: Path) -> tuple[Path, Path]:
    """Return both documents; a name that is given twice means the two newest runs of it."""
    ours, theirs = (catalog.find(run, out)[0] for run in (left, right))
    if ours.resolve() != theirs.resolve():
        return ours, theirs
    newest = catalog.newest(left, out, 2) if left == right else []
    if len(newest) == 2:
        theirs, ours = newest
        said = f"the two newest runs of {left}: {_name(ours)}, then {_name(theirs)}"
    else:
        said = (
            f"both names are the same run, {_name(ours)}: run it again, or give two of those "
            f"that `{typed('lab runs', out)}` lists"
        )
    err.print(Text(f"· {one_line(said, 400)}"), soft_wrap=True)
    return ours, theirs


def _print(found: Sequence[Comparison], everything: bool, ours: Path, theirs: Path) -> None:
    """Print what was set differently, then the numbers, then what they come to."""
    said = Text(comparison_view.sentence(found), "bold")
    nothing = not (comparison_view.compared(found) or comparison_view.too_few_to_tell(found))
    if nothing:
        screen.print(said, soft_wrap=True)
        if not everything:
            screen.print("--all shows what each of them has", style="dim")
            return
    screen.print(Text(f"left:  {_name(ours)}\nright: {_name(theirs)}"), soft_wrap=True)
    if changes := comparison_view.set_differently(found):
        screen.print(Text(changes, "bold"), soft_wrap=True)
    shown = [each for each in found if everything or each.answer is not Likeness.EQUAL]
    if shown:
        screen.print(comparison_view.comparison_table(shown, "left", "right"))
    if len(shown) < len(found):
        screen.print(f"{len(found) - len(shown)} equal (--all shows them)", style="dim")
    if not nothing:
        screen.print(said, soft_wrap=True)


def _differs(found: Sequence[Comparison]) -> bool:
    return any(each.answer is Likeness.DIFFERS for each in found)


def _name(document: Path) -> str:
    known = document.name in catalog.DOCUMENTS
    return one_line(document.resolve().parent.name if known else document.name, 120)


def _noise(kind: str, left: Read, right: Read, root: Path) -> dict[Key, RunToRun]:
    """Learn how times vary from the kept runs that were set as one of these two was."""
    groups: dict[frozenset[tuple[str, str, str]], list[Read]] = {}
    for path, quantities in (left, right):
        group = groups.setdefault(_settings(quantities), [])
        if path.resolve() not in {each.resolve() for each, _ in group}:
            group.append((path, quantities))
    what = {summary.summary(path).what for path, _ in (left, right)}
    known = {path.resolve() for path, _ in (left, right)}
    others = [
        each.document
        for root in dict.fromkeys((root, left[0].parent.parent, right[0].parent.parent))
        for each in catalog.kept_runs(root)
        if each.document
        and each.summary
        and each.summary.kind == kind
        and each.summary.what in what
        and each.document.resolve() not in known
    ]
    for path in others[:MOST_LIKE_IT]:
        try:
            quantities = kept.quantities_of(kind, path)
        except LabError:  # damaged: it teaches nothing
            continue
        if (settings := _settings(quantities)) in groups:
            groups[settings].append((path, quantities))
    return run_to_run([[quantities for _, quantities in each] for each in groups.values()])


def _settings(quantities: Sequence[Quantity]) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (each.of, each.name, each.word)
        for each in quantities
        if isinstance(each, Stated) and each.role == "setting"
    )


def _print_json(found: Sequence[Comparison], kind: str, left: Path, right: Path) -> None:
    document = {
        "kind": kind,
        "left": str(left),
        "right": str(right),
        "differs": _differs(found),
        "set_differently": comparison_view.set_differently(found),
        "summary": comparison_view.sentence(found),
        "comparisons": comparison_view.as_json(found),
    }
    write_json(json_text(document))
