"""The failure of a student's own script, shown once if it failed everywhere."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from lab.evidence.run_document import ExperimentResult, VariantResult


def troubles_view(result: ExperimentResult) -> RenderableType:
    """Return what stopped a script, or kept it from showing anything, variant by variant.

    The same mistake in several variants is shown once, with the names of them all.
    """
    troubled = [each for each in result.variants if _said(each)]
    parts = []
    for text, alike in groupby(troubled, _said):
        among = list(alike)
        colour = "bold red" if among[0].script_failed else "yellow"
        shown = text + _exchanges_before(among) if len(among) > 1 else among[0].at_length or text
        names = ", ".join(each.name for each in among)
        parts.append(
            Padding(Text.assemble((f"{names}: ", colour), (shown, "yellow")), (1, 1, 0, 1))
        )
    return Group(*parts)


def failure_text(result: ExperimentResult) -> Text | None:
    """Return the line in place of a verdict where the script itself failed; None if it did not."""
    failed = [each.name for each in result.variants if each.script_failed]
    if not failed:
        return None
    at = "" if len(failed) == len(result.variants) else f" at {', '.join(failed)}"
    return Text.assemble(
        (f"✕ THE SCRIPT FAILED{at}", "bold red"), ": correct the line above, and run it again"
    )


def _said(variant: VariantResult) -> str:
    return variant.traceback or variant.trouble or ""


def _exchanges_before(variants: Sequence[VariantResult]) -> str:
    """Return the exchange before in each variant, or the one that was before in all of them."""
    before = {v.name: v.failure.before for v in variants if v.failure and v.failure.before}
    if len(set(before.values())) > 1:
        return "".join(f"\nThe exchange before, {name}: {each}" for name, each in before.items())
    return "".join(f"\nThe exchange before: {each}" for each in sorted(set(before.values())))
