"""Standard output and error that take any text, whatever encoding the terminal or pipe has."""

import codecs
import io
import os
import re
import sys
from pathlib import Path
from typing import TextIO

# Signs of the lab's own, as they are written where the encoding does not have them.
PLAIN_SIGNS = {
    "✓": "ok",
    "✕": "x",
    "≠": "!=",
    "≈": "~",
    "≤": "<=",
    "≥": ">=",
    "±": "+/-",
    "×": "x",
    "÷": "/",
    "µ": "u",
    "…": "...",
    "–": "-",
    "−": "-",
    "—": "--",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "·": "-",
    "•": "*",
    "○": "o",
    "→": "->",
    "←": "<-",
    "↻": "again",
    "●": "*",
    "‖": "||",
    "↓": "v",
    "▲": "^",
    "─": "-",
    "━": "-",
    "\u00a0": " ",
    "\u2011": "-",
}


class PlainStream(io.TextIOWrapper):
    """Writes text in a narrow encoding: signs as ASCII words, other characters as numbers."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._narrow = stream.encoding
        self._owner = stream  # it closes the buffer when it is collected
        super().__init__(
            stream.buffer,
            # click answers a stream of ASCII by writing UTF-8 past it: it is not shown one.
            encoding="latin-1" if codecs.lookup(self._narrow).name == "ascii" else self._narrow,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, text: str) -> int:
        """Write all of it; return the number of characters given."""
        super().write(in_encoding(text, self._narrow))
        return len(text)


def prepare() -> None:
    """Make sys.stdout and sys.stderr take any text; a closed one swallows it."""
    sys.stdout = _prepared(sys.stdout)
    sys.stderr = _prepared(sys.stderr)


def drop(stream: TextIO) -> None:
    """Throw away what waits in `stream` and what comes: its reader has gone, its disk is full."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, stream.fileno())
    except (OSError, ValueError):  # it has no file
        pass
    finally:
        os.close(devnull)


def in_encoding(text: str, encoding: str) -> str:
    """Return the text with only the characters that `encoding` has.

    A longer word takes its room from the spaces that follow, so the columns of a table stay.
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_narrow_line(line, encoding) for line in text.splitlines(keepends=True))
    return text


def _narrow_line(line: str, encoding: str) -> str:
    narrow, excess = [], 0
    for piece in re.findall(r" {2,}|.", line, re.DOTALL):
        if piece.startswith("  "):
            taken = min(excess, len(piece) - 1)
            narrow.append(piece[taken:])
            excess -= taken
            continue
        word = _narrow(piece, encoding)
        narrow.append(word)
        excess += len(word) - len(piece)
    return "".join(narrow)


def _narrow(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return PLAIN_SIGNS.get(character) or character.encode("ascii", "backslashreplace").decode()
    return character


def _prepared(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed by the shell: `lab list >&-`
        return Path(os.devnull).open("w", encoding="utf-8", errors="backslashreplace")
    if isinstance(stream, PlainStream) or not isinstance(stream, io.TextIOWrapper):
        return stream
    if stream.encoding.lower().replace("_", "-").startswith("utf"):
        stream.reconfigure(errors="backslashreplace")  # a lone surrogate in a file's name
        return stream
    stream.flush()
    return PlainStream(stream)
