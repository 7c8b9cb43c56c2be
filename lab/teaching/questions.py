"""The concept questions as typed data, read from questions.toml."""

import hashlib
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

QUESTIONS_FILE = Path(__file__).with_name("questions.toml")
When = Literal["before", "after"]
BEFORE_AND_AFTER: tuple[When, ...] = ("before", "after")


class Misconception(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A misconception behind a wrong answer, and the truth."""

    name: str
    says: str
    answer: str


class WrongAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A distractor; `reveals` is the name of the misconception that leads to it."""

    text: str
    reveals: str


class ConceptQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question with one right answer, the reason for it, and three wrong answers."""

    question: str
    right: str
    because: str
    wrong: tuple[WrongAnswer, WrongAnswer, WrongAnswer]

    def __post_init__(self) -> None:
        if len({self.right, *(each.text for each in self.wrong)}) < 1 + len(self.wrong):
            raise ValueError(f"two answers of {self.question[:40]!r} are the same")


class ShownAnswer(msgspec.Struct, frozen=True):
    """One answer as it is shown: its letter, its text, and what is said to those who chose it."""

    letter: str
    text: str
    is_right: bool
    feedback: str


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two questions about one idea, which is that of a chapter of the page."""

    name: str
    idea: str
    chapter: int
    before: ConceptQuestion
    after: ConceptQuestion

    def at(self, when: When) -> ConceptQuestion:
        """Return the question for before or after the class."""
        return self.before if when == "before" else self.after


class Bank(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """All pairs, and the misconceptions that their wrong answers reveal."""

    misconceptions: tuple[Misconception, ...]
    pairs: tuple[Pair, ...]

    def __post_init__(self) -> None:
        names = [each.name for each in self.misconceptions] + [each.name for each in self.pairs]
        if len(set(names)) < len(names):
            raise ValueError("two misconceptions or pairs have the same name")
        for pair in self.pairs:
            for wrong in (*pair.before.wrong, *pair.after.wrong):
                if wrong.reveals not in self.by_name:
                    raise ValueError(f"{pair.name} reveals {wrong.reveals!r}, which is not listed")

    @cached_property
    def by_name(self) -> dict[str, Misconception]:
        """The misconceptions by their names."""
        return {each.name: each for each in self.misconceptions}

    def answers(self, question: ConceptQuestion) -> list[ShownAnswer]:
        """Return the four answers in an order that says nothing, the same one each time."""
        wrong = [
            (each.text, False, f"{misconception.says} {misconception.answer}")
            for each in question.wrong
            for misconception in (self.by_name[each.reveals],)
        ]
        mixed = sorted(wrong, key=_shuffled)
        mixed.insert(self._places[question.question], (question.right, True, question.because))
        return [ShownAnswer(letter, *each) for letter, each in zip("ABCD", mixed, strict=True)]

    def about(self, chapters: Collection[int]) -> "Bank":
        """Return the pairs of these chapters alone."""
        return Bank(self.misconceptions, tuple(p for p in self.pairs if p.chapter in chapters))

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each right answer stands: in a round each letter is right equally often."""
        places: dict[str, int] = {}
        for when in BEFORE_AND_AFTER:
            texts = sorted((p.at(when) for p in self.pairs), key=lambda q: _digest(q.right))
            places |= {each.question: number % 4 for number, each in enumerate(texts)}
        return places

    def asked(self) -> Iterator[tuple[Pair, When, ConceptQuestion]]:
        """Yield every question: all of those for before the class, then the others."""
        for when in BEFORE_AND_AFTER:
            for pair in self.pairs:
                yield pair, when, pair.at(when)


def _shuffled(answer: tuple[str, bool, str]) -> bytes:
    return _digest(answer[0])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def read() -> Bank:
    """Return the questions of the lab."""
    return msgspec.toml.decode(QUESTIONS_FILE.read_bytes(), type=Bank)
