"""What is printed: a handout, a worksheet and a quiz, each one HTML file made for paper.

The pages need no network, no script and no other file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from lab.teaching.questions import Bank, ShownAnswer, When


@dataclass(frozen=True)
class PredictedChapter:
    """A chapter of the page on the worksheet: what leads to its question, and its answers."""

    number: int
    title: str
    setup: str
    question: str
    choices: Sequence[str]


@dataclass(frozen=True)
class QuizQuestion:
    """A question of the quiz with its answers, and the idea it is about."""

    number: int
    idea: str
    question: str
    answers: Sequence[ShownAnswer]


def handout() -> str:
    """Return two pages to take home: the two desks, the places for a cart, the words."""
    return _environment().get_template("handout.html").render()


def worksheet(chapters: Sequence[PredictedChapter]) -> str:
    """Return a sheet to predict on, chapter by chapter, and to note what was measured."""
    return _environment().get_template("worksheet.html").render(chapters=chapters)


def quiz(bank: Bank, when: When) -> str:
    """Return the ten questions for before or after the class, and on a page of its own the key."""
    questions = [
        QuizQuestion(number, pair.idea, pair.at(when).question, bank.answers(pair.at(when)))
        for number, pair in enumerate(bank.pairs, start=1)
    ]
    return _environment().get_template("quiz.html").render(questions=questions, when=when)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lab.teaching"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _pieces
    return environment


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Return a text in pieces, each with whether it stood in backticks."""
    return [(number % 2 == 1, piece) for number, piece in enumerate(text.split("`")) if piece]
