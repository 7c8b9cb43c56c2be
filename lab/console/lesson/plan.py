"""The lesson of the page: its chapters and scenes, which are TOML files of this package."""

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from lab.console.lesson.questions import question_of

Json = dict[str, Any]

CHAPTERS = files("lab.console.lesson").joinpath("chapters")
SCENES = "scenes.toml"


def load(folder: Traversable = CHAPTERS) -> Json:
    """Return `{"chapters": […], "scenes": […]}`, the body of GET /lab/chapters.

    `folder` has 01-….toml and so on, and scenes.toml. tests/unit/test_lesson.py checks them.
    """
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    chapters = [_chapter(name, _read(folder, name)) for name in names if name != SCENES]
    return {"chapters": chapters, "scenes": _read(folder, SCENES)["scenes"]}


def _read(folder: Traversable, name: str) -> Json:
    return tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8"))


def _chapter(name: str, chapter: Json) -> Json:
    for act in chapter["acts"]:
        if "experiment" in act:
            act["question"] = question_of(act["experiment"])
    if "predict" not in chapter:
        # Then the first act is an experiment, and the chapter asks its question.
        act = chapter["acts"][0]
        predict = {"question": act["question"]["text"], "choices": act["question"]["choices"]}
        chapter["predict"] = predict | {"experiment": act["experiment"]}
    slug = name.partition("-")[2].removesuffix(".toml")
    return {"slug": slug, **chapter}
