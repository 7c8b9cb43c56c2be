"""`lab museum`: real outages by hidden state, each shown, proved, mended and proved again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.table import Table
from rich.text import Text

from lab.cli import options
from lab.cli.output import progress, say, screen, write_json
from lab.core.json_object import json_text

if TYPE_CHECKING:
    from lab.museum.piece import Piece
    from lab.museum.tour import ShownService, Tour


@click.command()
@click.argument("name", required=False)
@options.as_json
@options.out
def museum(name: str | None, as_json: bool, out: Path) -> int:
    """Visit real outages caused by hidden state, each a small service on the real package.

    Without NAME, the pieces are listed. With NAME, the piece is shown: what was reported, the
    same calls to two servers in turn, the proof by `lab check`, the remedy, and the proof
    again. That takes up to 20 seconds.

    Half of the pieces need nothing else. The others need `pip install ".[museum]"`, or packages
    of Node; the list shows which are missing, and the command that installs them.

    Examples:
      lab museum
      lab museum ctfd

    Exit status:
      0    `lab check` finds the fault, and the promised result after the remedy
      1    it finds something else
      2    wrong usage, or a package is missing
      130  stopped by Ctrl-C
    """
    if name is None:
        return _list(as_json)
    from lab.core.run_folder import new_run_folder, write_whole
    from lab.museum.piece import find
    from lab.museum.tour import Guide

    piece = find(name)
    folder = new_run_folder(out, f"museum-{piece.name}", latest=False)
    with progress(quiet=as_json) as log:
        tour = Guide(piece, folder, log).lead()
        log("")
    write_whole(folder / "tour.json", json_text(tour))
    if as_json:
        write_json(json_text(tour))
    else:
        _show(tour, folder)
    return 0 if tour.before.is_as_expected and tour.after.is_as_expected else 1


COMMANDS = (museum,)


def _list(as_json: bool) -> int:
    from lab.museum.installed import command_for_missing
    from lab.museum.piece import pieces

    here = Path.cwd()
    found = [(piece, command_for_missing(piece, here)) for piece in pieces()]
    if as_json:
        write_json(json_text([_listed(piece, missing) for piece, missing in found]))
        return 0
    width = max(len(piece.name) for piece, _ in found) + 2
    for piece, missing in found:
        label, margin = piece.label, " " * width
        say(Text.assemble((piece.name.ljust(width), "bold"), label.title))
        packages = ", ".join(label.packages or label.npm)
        say(Text(f"{margin}{label.report}, {label.year}; on {packages}", "dim"))
        if missing:
            say(Text(f"{margin}missing: {missing}", "yellow"))
    say("\nlab museum NAME  shows the fault, its proof, the remedy, and the proof again")
    return 0


def _listed(piece: "Piece", missing: str) -> dict[str, object]:
    label = msgspec.to_builtins(piece.label)
    return {"name": piece.name, **label, "story": piece.story, "missing": missing}


def _show(tour: "Tour", folder: Path) -> None:
    from lab.core.text import visible

    screen.print(Text(tour.title, "bold"))
    screen.print(Text(f"{tour.report}, {tour.year}; on {', '.join(tour.runs_on)}", "dim"))
    screen.print(f"\n{tour.story}\n")
    _show_half("The fault", tour.cause, tour.before)
    screen.print(Text("The remedy", "bold"))
    screen.print(tour.remedy)
    if screen.is_terminal:
        from rich.syntax import Syntax

        screen.print(Syntax(tour.difference, "diff", background_color="default", word_wrap=True))
    else:
        say(visible(tour.difference))
    screen.print()
    _show_half("After the remedy", "", tour.after)
    spent = f"{tour.seconds:.1f} s; {tour.url}; kept: {folder} (tour.json has the shortest script)"
    screen.print(Text(spent, "dim"), soft_wrap=True)


def _show_half(title: str, cause: str, half: "ShownService") -> None:
    from lab.check.judge import LEVEL_SIGNS

    screen.print(Text(title, "bold"))
    if cause:
        screen.print(cause)
    pids = " and ".join(map(str, half.turns.pids))
    screen.print(Text(f"two servers, processes {pids}, asked in turn:", "dim"))
    table = Table(box=None, padding=(0, 2, 0, 2), show_header=False)
    for step in half.turns.steps:
        table.add_row(step.server, Text(step.request), str(step.status), Text(step.said))
    screen.print(table)
    if half.turns.stopped:
        screen.print(Text(f"  the client cannot go on ({half.turns.stopped})"))
    mark = LEVEL_SIGNS[half.proof.verdict]
    headline = f"{mark.sign} {half.proof.verdict.upper()}  "
    say(Text(half.command, "dim"))
    screen.print(Text.assemble((headline, mark.style), half.proof.because), soft_wrap=True)
    if not half.is_as_expected:
        screen.print(Text(f"expected here: {half.expected}", "bold"))
    screen.print()
