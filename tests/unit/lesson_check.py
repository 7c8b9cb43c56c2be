"""Checks the chapters and scenes of a lesson: nothing in them that the page cannot do."""

import re
import tomllib
from importlib.resources.abc import Traversable
from itertools import combinations
from typing import Any

from lab.console.lesson.plan import CHAPTERS, SCENES
from lab.console.lesson.questions import question_of
from lab.console.request_bodies import Rule, one_of, refuse, table, whole
from lab.core.errors import LabError
from lab.shop.desks import DESKS

from .lesson_rules import (
    NAME,
    NUMBERS,
    command,
    exclude_each_other,
    experiment,
    listed,
    template,
    text,
    when,
)
from .lesson_steps import STAGE, script

Json = dict[str, Any]

_FILE = re.compile(r"([0-9]{2})-([a-z0-9]+(?:-[a-z0-9]+)*)\.toml")
_PATH = re.compile(r"/api/[a-z-]+(/[a-z-]+)*")


def check_lesson(folder: Traversable = CHAPTERS) -> None:
    """Raise LabError, naming file and key, for the first mistake in the lesson of `folder`."""
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    chapters = [name for name in names if name != SCENES]
    for number, name in enumerate(chapters, 1):
        numbered = _FILE.fullmatch(name)
        if not numbered or int(numbered[1]) != number:
            refuse(name, f"must be named {number:02}-some-words.toml: chapters count from 01")
    if not chapters or SCENES not in names:
        raise LabError(f"the lesson needs chapters (01-….toml) and {SCENES}")
    _read(folder, SCENES, _scenes)
    for name in chapters:
        _read(folder, name, _checked_chapter)


def _read(folder: Traversable, name: str, rule: Rule) -> Json:
    try:
        chapter = tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8"))
        checked: Json = rule("", chapter)
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError) as error:
        raise LabError(f"{name}: this is not TOML: {error}") from None
    except LabError as error:
        raise LabError(f"{name}: {error}") from None
    return checked


def _checked_chapter(where: str, value: Any) -> Json:
    chapter: Json = _CHAPTER(where, value)
    for number, act in enumerate(chapter["acts"]):
        _check_stage(f"acts[{number}].steps[0]", act, chapter.get("wants"))
    for number, choice in enumerate(chapter["predict"]["choices"]):
        if "steps" not in (*chapter["acts"], *[{}] * 12)[choice.get("act", 0)]:
            refuse(f"predict.choices[{number}].act", "must be the number of an act with steps")
    return chapter


def _check_stage(where: str, act: Json, wants: Json | None) -> None:
    """What a chapter wants is what its scripts begin with; a case of its own has its own stage."""
    if wants is None or "steps" not in act or "result" in act:
        return
    first = {key: each for key, each in act["steps"][0].items() if key not in ("do", "say")}
    if act["steps"][0]["do"] != "stage" or first != wants:
        refuse(where, "must set the stage that the chapter wants")


def _act(where: str, value: Any) -> Json:
    act: Json = _ACT(where, value)
    if ("steps" in act) == ("experiment" in act):
        refuse(where, "needs either steps or an experiment")
    if "experiment" in act:
        try:
            question_of(act["experiment"])
        except LabError as error:
            refuse(f"{where}.experiment", str(error))
    return act


def _predict(where: str, value: Any) -> Json:
    predict: Json = _PREDICT(where, value)
    choices = predict["choices"]
    decided = [choice["when"] for choice in choices if "when" in choice]
    if decided and len(decided) < len(choices):
        refuse(f"{where}.choices", "either each has a `when`, or none has one")
    for one, other in combinations(range(len(decided)), 2):
        if not exclude_each_other(decided[one], decided[other]):
            refuse(f"{where}.choices[{other}].when", f"can be true together with choices[{one}]")
    if len({choice["text"] for choice in choices}) < len(choices):
        refuse(f"{where}.choices", "two of them say the same")
    return predict


def _path(where: str, value: Any) -> str:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        refuse(where, "must be a path of the shop, such as /api/cart")
    return value


def _slug(where: str, value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        refuse(where, "must be small letters, digits and dashes")
    return value


def _scenes(where: str, value: Any) -> Json:
    chapter: Json = table({"scenes": listed(_SCENE, 1, 9)})(where, value)
    slugs = [scene["slug"] for scene in chapter["scenes"]]
    for number, slug in enumerate(slugs):
        if slug in slugs[:number]:
            refuse(f"scenes[{number}].slug", f"{slug!r} is there twice")
    return chapter


def _words(least: int, most: int, characters: int) -> Rule:
    def check(where: str, value: Any) -> str:
        line = str(text(characters)(where, value))
        if not least <= len(line.split()) <= most:
            refuse(where, f"has {len(line.split())} words: {least} to {most} fit")
        return line

    return check


def _own_when(where: str, value: Any) -> Json:
    """The facts of one desk: {"kept": 1}."""
    if not isinstance(value, dict):
        refuse(where, "must be a table of facts, with at least one")
    when(where, {f"stateful.{fact}": wanted for fact, wanted in value.items()})
    return value


def _yes_or_no(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        refuse(where, "must be true or false")
    return value


_CHOICE = table({"text": text(60), "because": text(120)}, {"when": when, "act": whole(0, 11)})
_FINDING = table({"words": _words(2, 2, 24), "good": _yes_or_no, "when": _own_when})
_NUMBER = table(
    {"fact": one_of(*NUMBERS), "unit": listed(_words(2, 4, 28), 2, 2)},
    {"of": one_of(*NUMBERS), "harm": _yes_or_no},
)
_CASE = table({"words": text(80), "when": when})
_VERDICTS = table({side: text(70) for side in ("both", *DESKS, "neither")})
_RESULT = table(
    {
        "numbers": listed(_NUMBER, 1, 2),
        "findings": listed(_FINDING, 2, 4),
        "verdicts": _VERDICTS,
    },
    {"cases": listed(_CASE, 1, 3)},
)
_PREDICT = table({"question": text(240), "choices": listed(_CHOICE, 2, 4)})
_OF_SCRIPT = {"thief": text(24), "result": _RESULT, "explain": _words(1, 60, 360)}
_ACT = table(
    {"label": text(60)},
    {"say": text(120), "steps": script, "experiment": experiment, **_OF_SCRIPT},
)
_METHOD = one_of("GET", "POST", "PUT", "PATCH", "DELETE")
_CHAPTER = table(
    {
        "title": text(48),
        "claim": text(110),
        "setup": _words(15, 40, 260),
        "text": listed(text(400), 1, 3),
        "predict": _predict,
        "result": _RESULT,
        "acts": listed(_act, 1, 12),
        "measured": listed(template, 1, 4),
        "explain": _words(1, 60, 360),
        "commands": listed(command, 1, 4),
    },
    {
        "evidence": listed(listed(_slug, 1, 4), 1, 6),
        "code": table({"method": _METHOD, "path": _path}),
        "load": _yes_or_no,
        "wants": STAGE,
    },
)
_SCENE = table({"slug": _slug, "title": text(48), "say": text(140), "steps": script})
