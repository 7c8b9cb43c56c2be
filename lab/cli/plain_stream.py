"""Standard output and error that take any text, and that no reader who leaves can break."""

import codecs
import errno
import io
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

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
_files: "list[OutputFile]" = []
"""What the prepared streams write to, where that is no terminal."""


class OutputFile(io.RawIOBase):
    """A pipe or file that output goes to: once a write fails, it drops all that comes.

    So a command whose reader has left (`lab check … | head -1`) does its work to the end, and
    ends with its own status. `failure` is why output was lost where a reader is not the cause.
    """

    failure: OSError | None = None

    def __init__(self, stream: io.TextIOWrapper, file: io.FileIO) -> None:
        self._owner = stream  # it closes the file when it is collected
        self._file = file

    def write(self, data: "ReadableBuffer") -> int | None:
        """Write the data, or drop it; return how much was taken."""
        try:
            return self._file.write(data)
        except OSError as error:
            if not _reader_has_left(error):
                self.failure = error
            self._drop()
            return memoryview(data).nbytes

    def writable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, which a child process can be given."""
        return self._file.fileno()

    def _drop(self) -> None:
        """Let the descriptor lead nowhere, for the programs that the lab starts as well."""
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, self.fileno())
        os.close(devnull)


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
    _files.clear()
    sys.stdout = _prepared(sys.stdout)
    sys.stderr = _prepared(sys.stderr)


def failure() -> OSError | None:
    """Return why output was lost (a full disk), None if all that is read was written."""
    return next((each.failure for each in _files if each.failure), None)


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
    stream = _over_output_file(stream)
    if stream.encoding.lower().replace("_", "-").startswith("utf"):
        stream.reconfigure(errors="backslashreplace")  # a lone surrogate in a file's name
        return stream
    stream.flush()
    return PlainStream(stream)


def _over_output_file(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    file = getattr(stream.buffer, "raw", stream.buffer)  # the latter with `python -u`
    if not isinstance(file, io.FileIO) or stream.isatty():
        return stream
    stream.flush()
    output = OutputFile(stream, file)
    _files.append(output)
    return io.TextIOWrapper(
        output if file is stream.buffer else io.BufferedWriter(output),  # type: ignore[arg-type]
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _reader_has_left(error: OSError) -> bool:
    if os.name == "nt":
        return error.errno in (errno.EPIPE, errno.EINVAL)  # the latter is what Windows says
    return isinstance(error, ConnectionError)
