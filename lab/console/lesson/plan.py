"""The lesson of the page: its chapters and scenes, which are TOML files of this package."""

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from lab.console.lesson.questions import AskedQuestion, question_of

CHAPTERS = files("lab.console.lesson").joinpath("chapters")
CHALLENGES = files("lab.console.lesson").joinpath("challenges.toml")
SCENES = "scenes.toml"

ChapterStep: TypeAlias = dict[str, str | int | list[str]]
"""One step of a script: `do`, what it is done with, and what is said of it."""


class CodeShown(msgspec.Struct):
    """The request whose code a chapter shows."""

    method: str
    path: str


class DeskFinding(msgspec.Struct):
    """Two words for a desk whose facts meet `when`; `good` if there is no harm."""

    words: str
    good: bool
    when: dict[str, int | str]


class DeskNumber(msgspec.Struct):
    """A fact of a desk, out of another (`of`); `unit` is its singular and its plural.

    `harm`: any number but 0 is harm.
    """

    fact: str
    unit: list[str]
    of: str | UnsetType = UNSET
    harm: bool = False


class VerdictCase(msgspec.Struct):
    """A special verdict, for facts of both desks that meet `when`."""

    words: str
    when: dict[str, int | str]


class ChapterResult(msgspec.Struct):
    """How a chapter ends: numbers for each desk, and a verdict.

    The first finding that fits a desk is its own. The verdict is that of the first of the
    `cases` that fits, else of the desks with a good finding: `verdicts` has one each for "both",
    "stateful", "stateless" and "neither".
    """

    numbers: list[DeskNumber]
    findings: list[DeskFinding]
    verdicts: dict[str, str]
    cases: list[VerdictCase] = []


class Act(msgspec.Struct, kw_only=True):
    """A button of a chapter: a script of steps, or an experiment with its question.

    `thief` is the name of the one who sends requests in it that are not the customer's. An act
    that does not ask the chapter's question ends with a `result` and an `explain` of its own.
    """

    label: str
    say: str | UnsetType = UNSET
    steps: list[ChapterStep] | UnsetType = UNSET
    thief: str | UnsetType = UNSET
    result: ChapterResult | UnsetType = UNSET
    explain: str | UnsetType = UNSET
    experiment: str | UnsetType = UNSET
    question: AskedQuestion | UnsetType = UNSET


class Chapter(msgspec.Struct, kw_only=True):
    """A chapter; `wants` are the settings of the stage that its scripts begin with.

    `setup` introduces the question, `text` says why it is asked, `explain` what decided it.
    `load`: the requests of each server are counted before it, before a server came and after.
    `evidence` names, for each answer, the chapters whose results speak of it: the guide at the end.
    """

    slug: str
    title: str
    claim: str
    setup: str
    text: list[str]
    commands: list[str]
    code: CodeShown | UnsetType = UNSET
    load: bool = False
    wants: dict[str, str | int] | UnsetType = UNSET
    evidence: list[list[str]] = []
    measured: list[str]
    explain: str
    predict: AskedQuestion
    result: ChapterResult
    acts: list[Act]


class Scene(msgspec.Struct):
    """A script for a presentation, outside of the chapters."""

    slug: str
    title: str
    say: str
    steps: list[ChapterStep]


class Challenge(msgspec.Struct):
    """A goal for a learner's own actions, reached once what the page counts meets `when`.

    `measured` says what it counts, `because` what made it possible.
    """

    slug: str
    title: str
    goal: str
    hint: str
    when: dict[str, int | str]
    measured: list[str]
    because: str


class Lesson(msgspec.Struct):
    """The body of GET /lab/chapters."""

    chapters: list[Chapter]
    scenes: list[Scene]
    challenges: list[Challenge]

    def scripts(self) -> dict[str, list[ChapterStep]]:
        """Return every script by its name: "the-crash/0" (chapter and act), "scenes/the-crash"."""
        acts = {
            f"{each.slug}/{number}": act.steps
            for each in self.chapters
            for number, act in enumerate(each.acts)
        }
        scenes = {f"scenes/{each.slug}": each.steps for each in self.scenes}
        return {name: steps for name, steps in {**acts, **scenes}.items() if steps}


def load(folder: Traversable = CHAPTERS) -> Lesson:
    """Return the lesson in a folder of 01-….toml and so on, and scenes.toml.

    tests/unit/test_lesson.py checks the texts.
    """
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    chapters = [_chapter(folder, name) for name in names if name != SCENES]
    scenes = msgspec.convert(_read(folder, SCENES)["scenes"], list[Scene])
    text = tomllib.loads(CHALLENGES.read_text(encoding="utf-8"))
    return Lesson(chapters, scenes, msgspec.convert(text["challenges"], list[Challenge]))


def _read(folder: Traversable, name: str) -> dict[str, object]:
    return tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8"))


def _chapter(folder: Traversable, name: str) -> Chapter:
    slug = name.partition("-")[2].removesuffix(".toml")
    chapter = msgspec.convert({"slug": slug, **_read(folder, name)}, Chapter)
    for act in chapter.acts:
        if act.experiment:
            act.question = question_of(act.experiment)
    return chapter
