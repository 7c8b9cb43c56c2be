"""Where the lab writes: what was asked for on stdout, what is going on meanwhile on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

INTERRUPTED = 130  # exit status after Ctrl-C: 128 + SIGINT, as shells have it
screen = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@contextmanager
def progress(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show what is being done on stderr while it is done; plain lines where it is no terminal."""
    if quiet or not err.is_terminal:
        yield (
            lambda line: None if quiet or not line else err.print(f"· {escape(line)}", style="dim")
        )
        return
    with err.status("") as spinner:

        def tell(line: str) -> None:
            if line:
                spinner.update(escape(line))
                spinner.start()
            else:
                spinner.stop()

        yield tell
