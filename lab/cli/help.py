"""How help is written: no word is broken at a hyphen, and the lines of an example stay."""

from collections.abc import Iterable
from inspect import cleandoc

import click

_KEEP_LINES = "\b"  # click's mark: do not fill this paragraph
_NO_BREAK = "\u2011"  # a hyphen that never ends a line


class HelpFormatter(click.HelpFormatter):
    """Breaks lines at spaces only, so that a URL and an option can be copied."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", _NO_BREAK))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write a list of terms, each with its explanation."""
        kept = [(term, text.replace("-", _NO_BREAK)) for term, text in rows]
        super().write_dl(kept, col_max, col_spacing)

    def getvalue(self) -> str:
        """Return what was written."""
        return super().getvalue().replace(_NO_BREAK, "-")


class Context(click.Context):
    """The context of every command of the lab."""

    formatter_class = HelpFormatter


def prepared(command: click.Command) -> click.Command:
    """Return the command, ready to write its help and that of its subcommands."""
    command.context_class = Context
    command.help = _as_written(command.help or "")
    if isinstance(command, click.Group):
        for each in command.commands.values():
            prepared(each)
    return command


def _as_written(text: str) -> str:
    """Mark each paragraph that has an indented line, so that click keeps its lines."""
    paragraphs = [
        f"{_KEEP_LINES}\n{each}" if "\n " in each and not each.startswith(_KEEP_LINES) else each
        for each in cleandoc(text).split("\n\n")
    ]
    return "\n\n".join(paragraphs)
