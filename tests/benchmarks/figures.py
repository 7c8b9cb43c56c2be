"""All figures as one table: `python tests/benchmarks/figures.py [NAME…] [--quick] [--json]`.

Each number is the median of alternating runs, at least five, so that a slow spell of the machine
falls on both sides; beside it the middle half of the rounds, and the aim. `--list` names the
figures. Progress goes to stderr. Run it on a quiet machine; a full run takes about an hour,
most of it the 100,000 shoppers of `memory`; `--quick` stops at 10,000. `--write` puts the rows into
the table of the handbook's page `figures`; where the machine was busy the row says so.
"""

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from measuring import FULL, QUICK, Row, Scale
from rich.console import Console
from rich.table import Table
from rich.text import Text

FIGURES = {
    "desks": "desks:figure",  # 1
    "tokens": "tokens:figure",  # 2
    "nginx": "balanced:figure",  # 3
    "generator": "generator:figure",  # 4
    "peers": "peers:figure",
    "memory": "growth:memory",  # 5
    "lines": "growth:lines",
    "record": "growth:record",
    "startup": "startup:figure",  # 6
    "experiments": "experiments:figure",
    "shopper": "spine:shopper",  # of issue 2
    "demo": "spine:demo",
}
"""Where each figure is made: `module:function`, which takes a Scale and yields Rows."""
HANDBOOK = Path(__file__).parents[2] / "lab" / "docs" / "figures.md"
BEGIN, END = "<!-- figures.py --write -->", "<!-- end -->"
QUIET_LOAD = 1.0  # processes that want a core: with more, a time in seconds is not a figure
WIDTH = 160  # of the table where stdout is not a terminal


def main(arguments: Sequence[str]) -> None:
    """Run the figures asked for (default: all) and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    parser.add_argument("--json", action="store_true", help="a JSON document instead of a table")
    parser.add_argument("--list", action="store_true", help="name the figures, run nothing")
    parser.add_argument(
        "--write",
        nargs="?",
        const=HANDBOOK,
        type=Path,
        metavar="FILE",
        help="put the rows into the handbook's table, too, or into that of another page",
    )
    wish = parser.parse_args(arguments)
    if unknown := [name for name in wish.names if name not in FIGURES]:
        parser.error(f"no figure {', '.join(unknown)}: there are {', '.join(FIGURES)}")
    names = wish.names or list(FIGURES)
    try:  # now, not when the others have run for half an hour
        about = {name: _about(name) for name in names}
    except ModuleNotFoundError as error:
        parser.error(f"no {error.name} here: pip install -e '.[bench]'")
    if wish.write and not _has_table(wish.write):
        parser.error(f"--write {wish.write}: no page with the lines {BEGIN} and {END}")
    if wish.list:
        print("\n".join(f"{name:8} {text}" for name, text in about.items()))
        return
    before = machine()
    rows: list[tuple[str, Row]] = []
    try:
        for row in run(names, QUICK if wish.quick else FULL):
            rows.append(row)
    finally:  # an hour's rows are not lost with the last one, nor with Ctrl-C
        if wish.json:
            documents = [{"figure": name} | row.document() for name, row in rows]
            print(json.dumps({"machine": before, "quick": wish.quick, "rows": documents}, indent=1))
        else:
            show(rows, before)
        if wish.write:
            write(wish.write, rows, before)
            print(f"written: {wish.write}", file=sys.stderr)


def run(names: Sequence[str], scale: Scale) -> Iterator[tuple[str, Row]]:
    """Yield the rows of these figures, each with the name of its figure."""
    for name in names:
        print(f"· {name}: {_about(name)}", file=sys.stderr, flush=True)
        for row in _function(name)(scale):
            print(f"    {row.what}: {_number(row.median)} {row.unit}", file=sys.stderr, flush=True)
            yield name, row


def show(rows: Sequence[tuple[str, Row]], before: str) -> None:
    """Print the table."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    table = Table(box=None, padding=(0, 1), title=before, title_justify="left")
    for heading in ("figure", "what", "measured", "middle half", "aim", "", "how it came about"):
        numeric = heading in ("measured", "middle half")
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            no_wrap=numeric or heading == "aim",
            ratio=3 if heading.startswith("how") else None,
        )
    for name, row in rows:
        spread = "–".join(map(_number, row.spread)) if row.spread else "one run"
        word, style = {True: ("met", "green"), False: ("MISSED", "red"), None: ("", "")}[row.met]
        measured = f"{_number(row.median)} {row.unit}".strip()
        table.add_row(name, row.what, measured, spread, _aim(row), Text(word, style), row.how)
    console.print(table)


def write(page: Path, rows: Sequence[tuple[str, Row]], before: str) -> None:
    """Put the rows into a page's table: in the place of those of the same name, or below."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    table, _, tail = rest.partition(END)
    kept = {line.split("|")[1].strip(): line for line in table.strip().splitlines()[2:]}
    load = before.partition(", load ")[2].partition(" ")[0]
    busy = "" if float(load) < QUIET_LOAD else f"busy machine, load {load}; "
    for _, row in rows:
        spread = f" ({'–'.join(map(_number, row.spread))})" if row.spread else ", one run"
        met = {True: "met", False: "**missed**", None: ""}[row.met]
        measured = f"{_number(row.median)} {row.unit}".strip() + spread
        cells = [row.what, _aim(row), measured, met, f"{busy}{row.how}"]
        kept[row.what] = "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
    lines = ["| figure | aim | measured | | how |", "|---|---|---|---|---|", *kept.values()]
    page.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}", encoding="utf-8")


def _has_table(page: Path) -> bool:
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    return BEGIN in text and END in text.partition(BEGIN)[2]


def machine() -> str:
    """What the numbers depend on."""
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, "
        f"Python {platform.python_version()}"
    )


def _function(name: str):
    module, _, function = FIGURES[name].partition(":")
    # Only then: a figure's own needs (PyJWT) are not those of the others.
    return getattr(importlib.import_module(module), function)


def _about(name: str) -> str:
    return _function(name).__doc__.splitlines()[0]


def _aim(row: Row) -> str:
    if row.at_least is not None:
        return f"≥ {row.at_least}"
    return "" if row.at_most is None else f"≤ {row.at_most}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    main(sys.argv[1:])
