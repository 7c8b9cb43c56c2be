"""`lab teach`: what an instructor hands out."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.options import Command
from lab.cli.output import say, write_document
from lab.core.errors import LabError, reason

if TYPE_CHECKING:
    from lab.teaching.paper import PredictedChapter

DEFAULT_CHAPTERS = "1,3,6,7,10"
"""The chapters of the plan for 50 minutes."""
_file = click.Path(dir_okay=False, path_type=Path)


@click.group()
def teach() -> None:
    """Print what a class needs: a handout, a worksheet or concept questions.

    `lab docs teaching` has plans for 20, 50 and 90 minutes, and all else about teaching.

    Examples:
      lab teach handout --open             two pages to take home
      lab teach worksheet --open           predictions, chapter by chapter
      lab teach questions --gift FILE      twenty questions for Moodle
      lab teach questions --qti FILE       for other platforms (QTI 2.1)
      lab teach questions --paper FILE     on paper, with a key
    """


def _sheet(command: Command) -> Command:
    """Give a command --out, --force and --open; it returns its HTML."""
    for option in (
        click.option("--open", "open_it", is_flag=True, help="Show it in the browser."),
        click.option("--force", is_flag=True, help="Replace FILE if it exists."),
        click.option("--out", type=_file, metavar="FILE", help="Write to FILE.  [default: stdout]"),
    ):
        command = option(command)
    return command


@teach.command()
@_sheet
def handout(out: Path | None, force: bool, open_it: bool) -> None:
    """Print two pages to take home: desks, places for a cart, words."""
    from lab.teaching import paper

    _hand_out("handout", paper.handout(), out, force, open_it)


@teach.command()
@click.option(
    "--chapters",
    default=DEFAULT_CHAPTERS,
    show_default=True,
    metavar="N,N",
    help="Chapters of the page that you are going to run.",
)
@_sheet
def worksheet(chapters: str, out: Path | None, force: bool, open_it: bool) -> None:
    """Print a worksheet: questions of chapters, room for results."""
    from lab.teaching import paper

    _hand_out("worksheet", paper.worksheet(_chapters(chapters)), out, force, open_it)


@teach.command()
@click.option("--gift", type=_file, metavar="FILE", help="Write them as GIFT, for Moodle.")
@click.option("--qti", type=_file, metavar="FILE", help="Write them as a QTI 2.1 package (zip).")
@click.option("--paper", type=_file, metavar="FILE", help="Write them as HTML to print.")
@click.option(
    "--round",
    "when",
    type=click.Choice(["before", "after"]),
    default="before",
    show_default=True,
    help="With --paper: the questions for before the class, or for after it.",
)
@click.option(
    "--chapters",
    default=None,
    metavar="N,N",
    help="Only the questions about these chapters of the page.  [default: all]",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
def questions(
    gift: Path | None,
    qti: Path | None,
    paper: Path | None,
    when: Any,
    chapters: str | None,
    force: bool,
) -> None:
    """Write the twenty concept questions, or list them.

    They form ten pairs. Both questions of a pair ask about the same idea, one before the class
    and one after it. Each wrong answer is a known misconception. Without a FILE, the command
    lists them with the right answers.
    """
    from lab.teaching.questions import read

    bank = read()
    if chapters is not None:
        bank = bank.about([each.number for each in _chapters(chapters)])
        if not bank.pairs:
            raise click.BadParameter(f"--chapters {chapters}: no question is about these")
    if gift:
        from lab.teaching.gift import gift as as_gift

        _write(gift, as_gift(bank).encode(), force)
    if qti:
        from lab.teaching.qti import package

        _write(qti, package(bank), force)
    if paper:
        from lab.teaching.paper import quiz

        _write(paper, quiz(bank, when).encode(), force)
    if not (gift or qti or paper):
        for pair, round_, question in bank.asked():
            say(f"\n{pair.name}, {round_}: {pair.idea}\n  {question.question}")
            for answer in bank.answers(question):
                say(f"  {'✓' if answer.is_right else ' '} {answer.letter} {answer.text}")


def _chapters(numbers: str) -> "list[PredictedChapter]":
    from lab.console.lesson.plan import load
    from lab.teaching.paper import PredictedChapter

    lesson = load().chapters
    try:
        chosen = [int(each) for each in numbers.split(",")]
    except ValueError:
        chosen = []
    if not chosen or not all(1 <= number <= len(lesson) for number in chosen):
        raise click.BadParameter(
            f"--chapters: write numbers from 1 to {len(lesson)}, such as {DEFAULT_CHAPTERS}"
        )
    found = [(number, lesson[number - 1]) for number in chosen]
    return [
        PredictedChapter(
            number,
            each.title,
            each.setup,
            each.predict.question,
            [one.text for one in each.predict.choices],
        )
        for number, each in found
    ]


def _hand_out(name: str, html: str, out: Path | None, force: bool, open_it: bool) -> None:
    if out:
        _write(out, html.encode(), force)
    elif not open_it:
        write_document(html)
        return
    if open_it:
        _open(out or _temporary(name, html))


def _temporary(name: str, html: str) -> Path:
    # The browser reads the file after this command has ended, so nothing removes it here.
    file = Path(tempfile.mkdtemp(prefix="two-desks-teach-"), f"{name}.html")
    file.write_text(html, encoding="utf-8")
    return file


def _open(file: Path) -> None:
    from lab.cli.browser import open_page

    if not open_page(file.absolute().as_uri(), os.environ):
        raise LabError(f"found no browser: open {file} yourself")
    say(f"opened: {file}")


def _write(file: Path, data: bytes, force: bool) -> None:
    try:
        with file.open("wb" if force else "xb") as into:
            into.write(data)
    except FileExistsError:
        raise LabError(f"{file} exists already: choose another name, or --force") from None
    except (OSError, ValueError) as error:
        raise LabError(f"cannot write {file}: {reason(error)}; choose another name") from None
    say(f"written: {file}")


COMMANDS = (teach,)
