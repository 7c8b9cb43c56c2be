"""Where the lab writes: results on stdout, progress and errors on stderr.

Text is printed as it is: neither console reads markup, so `".[crowd]"` keeps its
brackets and a path with `[bold]` in it changes no colour. Colour comes from `rich.text.Text`.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout

from rich.console import Console
from rich.text import Text

EXIT_INTERRUPTED = 130  # exit status after Ctrl-C: 128 + SIGINT, as shells have it
screen = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str | Text) -> None:
    """Print text on stdout without wrapping it: a command stays one line to be copied."""
    screen.print(text, soft_wrap=True)


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
    with err.status("") as spinner:

        def show(line: str) -> None:
            if line:
                spinner.update(Text(line))
                spinner.start()
            else:
                spinner.stop()

        yield show
