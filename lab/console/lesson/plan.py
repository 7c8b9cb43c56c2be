"""Reads the lesson's chapters and scenes, and lets nothing pass that the page could not do."""

import re
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import combinations
from typing import Any

from lab.console.lesson import rules as rules
from lab.console.lesson.rules import listed, one_of, refuse, table, template, text, when
from lab.console.lesson.steps import STAGE, script
from lab.core.errors import LabError

Json = dict[str, Any]

SCENES = "scenes.toml"
_FILE = re.compile(r"([0-9]{2})-([a-z0-9]+(?:-[a-z0-9]+)*)\.toml")
_PATH = re.compile(r"/api/[a-z-]+(/[a-z-]+)*")


def load(folder: Traversable | None = None) -> Json:
    """Return `{"chapters": […], "scenes": […]}` as GET /lab/chapters gives it.

    `folder` holds 01-….toml and so on, and scenes.toml; None is the lesson of the package.
    Raise LabError, naming file and key, for anything that is not as it has to be.
    """
    folder = folder or files("lab.console.lesson").joinpath("chapters")
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    chapters = [name for name in names if name != SCENES]
    for number, name in enumerate(chapters, 1):
        numbered = _FILE.fullmatch(name)
        if not numbered or int(numbered[1]) != number:
            refuse(name, f"must be named {number:02}-some-words.toml: chapters count from 01")
    if not chapters or SCENES not in names:
        raise LabError(f"the lesson needs chapters (01-….toml) and {SCENES}")
    scenes = _read(folder, SCENES, _scenes)["scenes"]
    return {"chapters": [_chapter(folder, name) for name in chapters], "scenes": scenes}


def _chapter(folder: Traversable, name: str) -> Json:
    numbered = _FILE.fullmatch(name)
    slug = numbered[2] if numbered else name
    return {"slug": slug, **_read(folder, name, _checked_chapter)}


def _read(folder: Traversable, name: str, rule: rules.Rule) -> Json:
    try:
        told = tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8"))
        checked: Json = rule("", told)
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError) as error:
        raise LabError(f"{name}: this is no TOML: {error}") from None
    except LabError as error:
        raise LabError(f"{name}: {error}") from None
    return checked


def _checked_chapter(where: str, value: Any) -> Json:
    chapter: Json = _CHAPTER(where, value)
    for number, act in enumerate(chapter["acts"]):
        _check_stage(f"acts[{number}].steps[0]", act, chapter.get("wants"))
    if "predict" not in chapter:
        # Then the first act is an experiment, and the question is its own.
        experiment = chapter["acts"][0].get("experiment")
        if experiment is None:
            refuse("predict", "is missing: only an experiment brings a question of its own")
        asked = rules.question_of(experiment)
        chapter["predict"] = {"question": asked["text"], "choices": asked["choices"]}
        chapter["predict"]["experiment"] = experiment
    return chapter


def _check_stage(where: str, act: Json, wants: Json | None) -> None:
    """What a chapter wants is what its scripts begin with, so that each can be run again."""
    if wants is None or "steps" not in act:
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
            act["question"] = rules.question_of(act["experiment"])
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
        if not rules.exclude_each_other(decided[one], decided[other]):
            refuse(f"{where}.choices[{other}].when", f"can be true together with choices[{one}]")
    if len({choice["text"] for choice in choices}) < len(choices):
        refuse(f"{where}.choices", "two of them say the same")
    return predict


def _path(where: str, value: Any) -> str:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        refuse(where, "must be a path of the shop, such as /api/cart")
    return value


def _slug(where: str, value: Any) -> str:
    if not isinstance(value, str) or not rules.NAME.fullmatch(value):
        refuse(where, "must be small letters, digits and dashes")
    return value


def _scenes(where: str, value: Any) -> Json:
    told: Json = table({"scenes": listed(_SCENE, 1, 9)})(where, value)
    slugs = [scene["slug"] for scene in told["scenes"]]
    for number, slug in enumerate(slugs):
        if slug in slugs[:number]:
            refuse(f"scenes[{number}].slug", f"{slug!r} is there twice")
    return told


_CHOICE = table({"text": text(90)}, {"when": when})
_PREDICT = table({"question": text(240), "choices": listed(_CHOICE, 2, 4)})
_ACT = table(
    {"label": text(60)}, {"say": text(120), "steps": script, "experiment": rules.experiment}
)
_METHOD = one_of("GET", "POST", "PUT", "PATCH", "DELETE")
_CHAPTER = table(
    {
        "title": text(48),
        "claim": text(110),
        "text": listed(text(400), 1, 3),
        "acts": listed(_act, 1, 8),
        "measured": listed(template, 1, 4),
        "explain": text(600),
        "commands": listed(rules.command, 1, 4),
    },
    {
        "analogy": text(140),
        "predict": _predict,
        "code": table({"method": _METHOD, "path": _path}),
        "wants": STAGE,
    },
)
_SCENE = table({"slug": _slug, "title": text(48), "say": text(140), "steps": script})
