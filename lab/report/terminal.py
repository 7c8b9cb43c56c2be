"""A run in the terminal: two variants side by side, then what became of the carts."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.core.shell import quoted, typed
from lab.core.text import one_line
from lab.evidence.result import LOOKS_SHOWED_IT, Kind, Verdict
from lab.evidence.run_document import ExperimentResult, VariantResult
from lab.report import timeline, wording
from lab.report.script_failure import failure_text, troubles_view
from lab.report.wording import COLOURS, own_failure

LONGEST_STEP = 30  # characters: these leave room for the answers on a terminal of 80 columns


def experiment_view(result: ExperimentResult) -> RenderableType:
    """Return the whole of one experiment: variants, fates, verdict."""
    parts: list[RenderableType] = []
    if len(result.variants) == 2:
        parts.append(steps_table(*result.variants))
    else:
        parts.append(variants_table(result))
    parts.append(troubles_view(result))
    parts.append(Padding(failure_text(result) or verdict_text(result), (1, 1)))
    return Group(*parts)


def kept_line(folder: Path, seed: int, quick: bool) -> Text:
    """Return the line that says where a run is kept, and how it is repeated."""
    small = ", quick: small n, wide intervals" if quick else ""
    return Text(f"kept: {folder} (seed {seed}{small})", "dim")


def as_a_page_line(root: Path) -> Text:
    """Return the line that says how the newest run in `root` is opened in the browser."""
    return Text(f"as a page: {typed('lab report --open', root)}", "dim")


def steps_table(left: VariantResult, right: VariantResult) -> Table:
    """Return the two variants, step by step; a mark stands where their answers differ.

    Runs of like steps are one row, so that faults and differences are on the screen.
    """
    table = Table(box=None, padding=(0, 1), expand=False, header_style="bold")
    table.add_column("")
    several = timeline.has_several_customers(left, right)
    rows = timeline.rows(left, right)
    fits = all(len(row.step) <= LONGEST_STEP for row in rows)
    table.add_column("customers’ steps" if several else "step", no_wrap=fits)
    table.add_column(Text(f"{left.name} · {left.keeps}"), style="blue")
    table.add_column(Text(f"{right.name} · {right.keeps}"), style="bright_yellow")
    for row in rows:
        table.add_row(row.mark, row.step, row.left, row.right)
    table.add_section()
    both = (left, right)
    table.add_row("", Text("acknowledged carts", "bold"), *map(_fates, both))
    for who, shown in (("script", wording.shown), ("lab", wording.shown_to_lab)):
        if any(looks := [shown(each) for each in both]):
            table.add_row("", f"shown to the {who}", *(each or "–" for each in looks))
    return table


def variants_table(result: ExperimentResult) -> RenderableType:
    """Return one row a variant: what came of the claim or drawback there, and the number.

    A mark stands where the verdict is not that of the baseline, the plain token.
    """
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in ("", "variant", "desk", f"the {result.kind}", "because"):
        table.add_column(heading)
    flipped = flips(result)
    for variant in result.variants:
        mark = Text("≠", "bold magenta") if variant.name in flipped else ""
        seen = _verdict(variant.verdict)
        table.add_row(mark, variant.name, variant.app, seen, wording.outcome(variant))
    if not flipped:
        return table
    return Group(table, Text(f" ≠  the verdict is not that of {result.baseline}", "dim"))


def flips(result: ExperimentResult) -> set[str]:
    """Return the variants whose verdict is not that of the baseline; unknown never is."""
    verdicts = {
        variant.name: variant.verdict
        for variant in result.variants
        if variant.verdict is not Verdict.UNKNOWN
    }
    baseline = verdicts.get(result.baseline or "")
    return {name for name, verdict in verdicts.items() if baseline and verdict is not baseline}


def verdicts_table(results: Sequence[ExperimentResult]) -> Table:
    """Return a row a claim, then a row a drawback: its verdict, and what decided it."""
    table = Table(box=None, padding=(0, 1, 1, 1), header_style="bold")
    table.add_column("claim, and the command that tests it", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("decided by", ratio=3)
    kinds = list(Kind)
    last = None
    for result in sorted(results, key=lambda each: kinds.index(each.kind)):
        if result.kind is not last and len(results) > 1:
            table.add_row(Text(f"{result.kind}s", "bold underline"), "", "")
        last = result.kind
        claim = Text(f"{one_line(wording.sentence(result), 200)}\n".lstrip("\n"))
        claim.append(f"lab run {quoted(one_line(result.argument or result.name))}", "bold")
        all_failed = bool(result.variants) and all(map(own_failure, result.variants))
        decision = "" if all_failed else wording.decision(result)
        number = Text(one_line(decision, 400))
        if result.condition:
            number = Text(f"{one_line(result.condition, 200)}: ").append(number)
        for surprise in wording.surprises(result):
            number.append(f"\n! not as expected: {one_line(surprise, 300)}", "bold red")
        for variant in result.variants:
            if failed := own_failure(variant):
                between = "\n" if number else ""
                said = f"✕ {one_line(variant.name, 60)}: {failed}"
                number.append(f"{between}{said}", "bold red")
            elif variant.trouble and variant.trouble not in decision:
                trouble = one_line(f"{variant.name}: {variant.trouble}", 300)
                number.append(f"\n{trouble}", "yellow")
        if result.interrupted:
            number.append("\ncut short by Ctrl-C", "yellow")
        failed_at = any(map(own_failure, result.variants))
        word = Text("✕ script failed", "bold red") if failed_at else _verdict(result.verdict)
        table.add_row(claim, word, number)
    return table


def predictions_view(results: Sequence[ExperimentResult]) -> RenderableType:
    """Return predictions beside observations; those that were sure and wrong come first."""
    parts: list[RenderableType] = [Text("Predictions", "bold")]
    signs = {True: ("✓ right", "green"), False: ("✕ wrong", "red"), None: ("? unknown", "yellow")}
    asked = [result.prediction for result in results if result.prediction]
    for made in sorted(asked, key=lambda each: each.surprise, reverse=True):
        if made.predicted is None:
            continue
        word, colour = signs[made.right]
        text = Text.assemble((f"{word}, {made.confidence}", f"bold {colour}"), f"  {made.question}")
        text.append(f"\n  you said  {made.choices[made.predicted]}")
        if made.observed is not None:
            text.append(f"\n  observed  {made.choices[made.observed]}")
        if made.explanation:
            text.append(f"\n  {made.explanation}", "dim")
        parts.append(Padding(text, (0, 1, 1, 1)))
    return Group(*parts)


def _verdict(verdict: Verdict | None) -> Text:
    if verdict is None:
        return Text("–", "dim")
    return Text(wording.signed(verdict), f"bold {COLOURS[verdict]}")


def verdict_text(result: ExperimentResult) -> Text:
    """Return the verdict with the sentence it is about, and what each of two desks showed.

    A script without a claim has no verdict: what happened at each desk stands alone.
    """
    text = Text()
    if result.verdict:
        text.append(wording.signed(result.verdict).upper(), f"bold {COLOURS[result.verdict]}")
        for more in filter(None, (result.condition, wording.sentence(result))):
            text.append(f"  {more}")
    if result.note:
        text.append(f"\n  {result.note}")
    if len(result.variants) == 2:
        for variant in result.variants:
            if not variant.trouble:  # a reason stands once, above
                text.append("\n  " if text else "  ").append(_outcome(variant))
    for surprise in wording.surprises(result):
        text.append(f"\n  ! not as expected: {surprise}.", "bold red")
    unanswered = [v.counts.requests_unanswered for v in result.variants]
    if any(unanswered):
        counted = ", ".join(
            f"{v.name} {n}" for n, v in zip(unanswered, result.variants, strict=True)
        )
        text.append(f"\n  Requests that no server answered: {counted}.", "dim")
    return text


def _outcome(variant: VariantResult) -> Text:
    """Return what one variant showed: its word in its colour, then its numbers, on one line."""
    text = Text(f"{variant.name}: ")
    if variant.outcome and variant.verdict not in (None, Verdict.UNKNOWN):
        text.append_text(_verdict(variant.verdict)).append(", ")
    return text.append(wording.outcome(variant, without=LOOKS_SHOWED_IT))  # a row has these


def _fates(result: VariantResult) -> Text:
    text, counts = Text(), result.counts
    for fate, sign in wording.FATE_SIGNS.items():
        if number := counts.carts(fate):
            text.append(f"{sign} {number} {fate.upper()}  ", f"bold {COLOURS[fate]}")
    left = " or ".join(counts.carts_left)
    return text if text else Text(f"none since the {left}" if left else "none", "dim")
