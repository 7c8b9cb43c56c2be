"""A text that a regular expression of a JSON schema matches, found without trying any."""

import importlib
import re
import warnings
from typing import Any

MOST_PATTERN_CHARS = 1000
LOWER_CASE = "abcdefghijklmnopqrstuvwxyz"
# For what looks ahead: a password is described so, more often than not.
PASSWORD_LIKE = ("Correct-Horse-7", "Correct_Horse7!", "Horse7", "text", "7", "2026-01-15", "a-b")
_CATEGORIES = {
    "CATEGORY_DIGIT": "7",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": "-",
}
_CANDIDATES = f"{LOWER_CASE}{LOWER_CASE.upper()}0123456789-_. /:@!#" + "\t\n"


def matching(pattern: str, least: int = 0, most: int = MOST_PATTERN_CHARS) -> str | None:
    """Return a text that a pattern matches, of so many characters if it can be; None if unknown.

    It is built from the pattern's parts, never searched for: no pattern takes long.
    """
    try:
        # Another version of Python may read some patterns in another way.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = importlib.import_module("re._parser").parse(pattern)
    except (re.error, OverflowError, RecursionError, ValueError):
        return None  # JavaScript's dialect has more words
    try:
        short = _Writer(0).text(tree)
        made = short if len(short) >= least else _Writer(least - len(short)).text(tree)
    except _LooksAhead:
        fit = (each for each in PASSWORD_LIKE if least <= len(each) <= most)
        return next((each for each in fit if re.search(pattern, each)), None)
    except (_Impossible, RecursionError):
        return None
    if len(made) < least and not _ends(pattern):
        made += LOWER_CASE[0] * (min(least, MOST_PATTERN_CHARS) - len(made))
    return made if least <= len(made) <= most else None


class _LooksAhead(Exception):
    """The pattern has a condition that its parts do not show."""


class _Impossible(Exception):
    """No text matches, or it would be too long."""


class _Writer:
    """Writes one text, with so many repetitions more than are needed."""

    def __init__(self, spare: int) -> None:
        self._spare = spare
        self._groups: dict[Any, str] = {}

    def text(self, tree: Any) -> str:
        made = "".join(self._one(str(kind), value) for kind, value in tree)
        if len(made) > MOST_PATTERN_CHARS:
            raise _Impossible
        return made

    def _one(self, kind: str, value: Any) -> str:
        match kind:
            case "LITERAL":
                return chr(value)
            case "NOT_LITERAL":
                return "b" if value == ord("a") else "a"
            case "ANY":
                return "a"
            case "IN":
                return _member(value)
            case "BRANCH":
                return self.text(value[1][0])
            case "SUBPATTERN":
                made = self.text(value[3])
                self._groups[value[0]] = made
                return made
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeated(*value)
            case "ATOMIC_GROUP":
                return self.text(value)
            case "GROUPREF":
                return self._groups.get(value, "")
            case "AT":
                return ""
            case _:  # ASSERT, ASSERT_NOT, GROUPREF_EXISTS
                raise _LooksAhead

    def _repeated(self, least: int, most: int, tree: Any) -> str:
        once = self.text(tree)
        more = 0
        if once and most > least:
            more = min(int(most) - int(least), -(-self._spare // len(once)))
            self._spare -= more * len(once)
        if (least + more) * max(len(once), 1) > MOST_PATTERN_CHARS:
            raise _Impossible
        return once * (least + more)


def _member(choices: Any) -> str:
    """Return a character of a class such as [A-Z_] or [^/]."""
    kinds = [(str(kind), value) for kind, value in choices]
    if kinds and kinds[0][0] == "NEGATE":
        for each in _CANDIDATES:
            if not any(_has(kind, value, each) for kind, value in kinds[1:]):
                return each
        raise _Impossible
    for kind, value in kinds:
        if kind == "LITERAL":
            return chr(value)
        if kind == "RANGE":
            low, high = value
            return "a" if low <= ord("a") <= high else chr(low)
        if kind == "CATEGORY":
            return _CATEGORIES[str(value)]
    raise _Impossible


def _has(kind: str, value: Any, character: str) -> bool:
    if kind == "LITERAL":
        return bool(value == ord(character))
    if kind == "RANGE":
        return bool(value[0] <= ord(character) <= value[1])
    word = str(value)
    is_in = {
        "DIGIT": character.isdigit(),
        "SPACE": character.isspace(),
        "WORD": character.isalnum() or character == "_",
    }[word.rpartition("_")[2]]
    return is_in != ("_NOT_" in word)


def _ends(pattern: str) -> bool:
    return pattern.rstrip().endswith(("$", r"\Z", r"\z"))
