"""Where the lab writes: results on stdout, progress and errors on stderr.

Text is printed as it is: neither console reads markup, so `".[crowd]"` keeps its
brackets and a path with `[bold]` in it changes no colour. Colour comes from `rich.text.Text`.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import click
from rich.console import Console, ConsoleDimensions
from rich.text import Text

EXIT_INTERRUPTED = 130  # exit status after Ctrl-C: 128 + SIGINT, as shells have it
_ENDLESS = 10_000  # columns of a pipe or a file: no line is broken there
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Screen(Console):
    """A console that breaks no line and leaves no space at its end where no terminal is.

    COLUMNS gives a pipe or a file a width, as it does a terminal.
    """

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        size = super().size
        if self.is_terminal or self._environ.get("COLUMNS", "").isdigit():
            return size
        return ConsoleDimensions(_ENDLESS, size.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def print(self, *objects: Any, **how: Any) -> None:
        """Print as `rich.console.Console` does."""
        if self.is_terminal:
            super().print(*objects, **how)
            return
        with self.capture() as captured:
            super().print(*objects, **how)
        lines = captured.get().split("\n")
        self.file.write("\n".join(line.rstrip(" ") for line in lines))
        self.file.flush()


screen = Screen(highlight=False, markup=False, emoji=False)
err = Screen(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str | Text) -> None:
    """Print text on stdout without wrapping it: a command stays one line to be copied."""
    screen.print(text, soft_wrap=True)


def write_document(text: str) -> None:
    """Write a document for a program or a file on stdout: UTF-8, whatever the pipe speaks."""
    if sys.stdout.isatty():
        click.echo(text, nl=False)
    else:
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)


def write_json(text: str) -> None:
    r"""Write a JSON document on stdout; with `\u…` escapes where stdout is not UTF-8."""
    if not sys.stdout.encoding.lower().startswith("utf"):
        text = _NOT_ASCII.sub(lambda match: _json_escape(match[0]), text)
    write_document(text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


@contextmanager
def stdout_to_stderr(wanted: bool) -> Iterator[None]:
    """Send to stderr, if wanted, what a script prints, and what a program writes that it starts.

    So stdout has the JSON document and nothing else.
    """
    if not wanted:
        yield
        return
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(real, 1)
        os.close(real)


@contextmanager
def progress(quiet: bool = False, still: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a line on stderr; an empty line ends what is shown.

    On a terminal the line stands beside a spinner; elsewhere, and with `still`, each line is
    printed. `quiet` shows nothing.
    """
    if quiet or still or not err.is_terminal:
        yield lambda line: None if quiet or not line else err.print(f"· {line}", style="dim")
        return
    with err.status("", spinner="dots" if err.encoding.startswith("utf") else "line") as spinner:

        def show(line: str) -> None:
            if line:
                spinner.update(Text(line))
                spinner.start()
            else:
                spinner.stop()

        yield show
