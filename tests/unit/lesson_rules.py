"""Rules for the texts and conditions of a lesson: each checks one value and names its key."""

import re
import string
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import takewhile
from typing import Any

from lab import experiments
from lab.console.request_bodies import Rule, one_of, refuse, whole
from lab.core.errors import LabError
from lab.evidence.cart_tracker import Fate
from lab.shop.desks import DESKS

NUMBERS = (
    *("kept", "lost", "answered", "refused", "unanswered", "status", "replicas", "requests"),
    *("bytes_out_mean", "store_operations", "orders", "acknowledged", "kills"),
    *("useful", "failed", "unknown", "copies", "looks", "shown", "shown_wrong"),
    *(
        "second_lost",
        "second_got",
        "resold",
        "priced",
        "old_price",
        "grown",
        "third_lost",
        "all_lost",
        "saved",
        "sessions",
    ),
)
FACTS = {f"{desk}.{fact}" for desk in DESKS for fact in (*NUMBERS, "fate")}
"""What the page works out of a learner's own exchanges; the page's facts.js has the same names."""
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
COMMANDS = ("demo", "diff", "doctor", "list", "report", "run", "show", "up")
MOST_COMPARED = 1_000_000
_COMPARISON = re.compile(r"(>=|>|<)([0-9]{1,6})")
_RANGE = re.compile(r"([0-9]{1,6})\.\.([0-9]{1,6})")


def text(most: int) -> Rule:
    """Printable text of 1 to `most` characters on one line, without blanks at its ends."""

    def check(where: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            refuse(where, "must be text, and not empty")
        if len(value) > most:
            refuse(where, f"has {len(value)} characters; at most {most} fit")
        # Not printable are control characters, and those that turn the text around them.
        if not value.isprintable() or value != value.strip():
            refuse(where, "must be one line of printable characters, with no blank at either end")
        return value

    return check


def listed(rule: Rule, least: int, most: int) -> Rule:
    """From `least` to `most` values that each follow the rule."""

    def check(where: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            refuse(where, f"must be a list of {least} to {most}")
        return [rule(f"{where}[{number}]", each) for number, each in enumerate(value)]

    return check


def template(where: str, value: Any) -> str:
    """A text in which {stateful.kept} and the like stand for facts; all of them must exist."""
    line = str(text(400)(where, value))
    try:
        parts = list(string.Formatter().parse(line))
    except ValueError as error:
        refuse(where, f"{error}: a fact is written {{stateful.kept}}")
    for _, fact, form, conversion in parts:
        if fact is None:
            continue
        if fact not in FACTS:
            refuse(where, f"there is no fact {{{fact[:40]}}}: {_facts_like(fact)}")
        if form or conversion:
            refuse(where, f"write {{{fact}}} without a format: the page chooses one")
    return line


def when(where: str, value: Any) -> dict[str, Any]:
    """What has to be measured for a choice: {"stateful.kept": 1, "stateless.refused": ">0"}."""
    if not isinstance(value, dict) or not value:
        refuse(where, "must be a table of facts, with at least one")
    for fact, condition in value.items():
        if fact not in FACTS:
            refuse(f"{where}.{fact[:40]}", f"there is no such fact: {_facts_like(fact)}")
        _check_condition(f"{where}.{fact}", fact, condition)
    return value


def command(where: str, value: Any) -> str:
    """A `lab` command that exists; `lab run` and `lab show` name bundled experiments."""
    line = str(text(80)(where, value))
    program, _, rest = line.partition(" ")
    verb, *words = rest.split() or [""]
    if program != "lab" or verb not in COMMANDS:
        refuse(where, f"must be one of lab {', lab '.join(COMMANDS)}")
    if verb in ("run", "show"):
        for word in takewhile(lambda word: not word.startswith("-"), words):
            experiment(where, word)
    return line


def experiment(where: str, value: Any) -> str:
    """The name of a bundled experiment; never a path, for that would be run."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        refuse(where, "must be the name of a bundled experiment: see `lab list`")
    try:
        return experiments.find(value).name
    except LabError as error:
        refuse(where, str(error))


def holds(condition: float | str, value: Any) -> bool:
    """True if a measured value meets a condition: the same rule as in the page's facts.js."""
    between = _RANGE.fullmatch(condition) if isinstance(condition, str) else None
    if between is not None:
        return value is not None and int(between[1]) <= value <= int(between[2])
    compared = _COMPARISON.fullmatch(condition) if isinstance(condition, str) else None
    if compared is None:
        return bool(value == condition)
    if value is None:
        return False
    sign, limit = compared[1], int(compared[2])
    return bool(value >= limit if sign == ">=" else value > limit if sign == ">" else value < limit)


def borne_out(choices: list[dict[str, Any]], facts: Mapping[str, Any]) -> list[int]:
    """Return the indices of the choices whose every condition is met by these facts."""
    return [
        number
        for number, choice in enumerate(choices)
        if all(holds(wanted, facts.get(fact)) for fact, wanted in choice["when"].items())
    ]


def exclude_each_other(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return True if no run can bear out both: some fact cannot meet the conditions of both."""
    first, second = _implied(one), _implied(other)
    return any(
        not any(
            holds(first[fact], value) and holds(second[fact], value)
            for value in _worth_trying(first[fact]) | _worth_trying(second[fact])
        )
        for fact in first.keys() & second.keys()
    )


def _check_condition(where: str, fact: str, condition: Any) -> None:
    if fact.endswith(".fate"):
        one_of(*Fate)(where, condition)
    elif isinstance(condition, str):
        if not _COMPARISON.fullmatch(condition) and not _RANGE.fullmatch(condition):
            refuse(where, f'{condition[:40]!r} is not a comparison: write 1, ">0", "<1" or "1..5"')
    else:
        whole(0, MOST_COMPARED)(where, condition)


def _implied(conditions: dict[str, Any]) -> dict[str, Any]:
    """The conditions, and that what is kept is not lost, and the other way round."""
    opposite = {"kept": "lost", "lost": "kept"}
    given = [fact.split(".") for fact, wanted in conditions.items() if wanted == 1]
    implied = {f"{desk}.{opposite[fact]}": 0 for desk, fact in given if fact in opposite}
    return implied | conditions


def _worth_trying(condition: float | str) -> set[Any]:
    between = _RANGE.fullmatch(condition) if isinstance(condition, str) else None
    if between is not None:
        return {int(between[1]), int(between[2])}
    compared = _COMPARISON.fullmatch(condition) if isinstance(condition, str) else None
    if compared is None:
        return {condition}
    limit = int(compared[2])
    return {limit - 1, limit, limit + 1} - {-1}  # a count is never negative


def _facts_like(fact: str) -> str:
    near = get_close_matches(fact, FACTS, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(FACTS))}"
