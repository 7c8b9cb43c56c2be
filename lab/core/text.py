"""Makes text of unknown origin fit to be shown: every character visible."""

import re
from collections.abc import Callable
from typing import Any, Protocol

# Control characters (tab and newline aside), bidirectional and invisible formatting, lone
# surrogates and non-characters: what hides, reorders, or is not XML.
_HIDDEN_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
# What a program writes to a terminal that is not text: colours, moves, titles, links (ECMA-48).
_TERMINAL_CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
)


def without_codes(text: str) -> str:
    """Return what a program wrote, without the codes for a terminal."""
    return _TERMINAL_CODES.sub("", text)


def visible(value: Any) -> str:
    """Return `value` as text in which nothing hides: a hidden character becomes its number."""
    return _HIDDEN_CHARACTERS.sub(lambda match: _escaped(match[0]), str(value))


def one_line(value: Any, most: int = 0) -> str:
    """Return a value as one line, cut with an ellipsis past `most` characters (0: never)."""
    text = " ".join(visible(value).split())
    return text if not most or len(text) <= most else text[: most - 1] + "…"


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun: "1 server", "3 servers"."""
    return f"{number} {one if number == 1 else several or f'{one}s'}"


def no_formula(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


class LogStep(Protocol):
    """Logs what is done next; `done` of `of` where it counts."""

    def __call__(self, line: str, done: int = 0, of: int = 0) -> None:
        """Log one line."""
        ...


def in_lines(show: Callable[[str], object]) -> LogStep:
    """Return a log that shows each step as a line: "every call alone: 12 of 20"."""

    def log(line: str, done: int = 0, of: int = 0) -> None:
        show(f"{line}: {done} of {of}" if of else line)

    return log
