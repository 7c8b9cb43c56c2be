"""Writes lab/docs/commands.md: the help of every command, as `--help` prints it.

`python tests/tools/refresh_commands.py`; with `--check` it writes nothing, and exits with 1
if the page shows something else.
"""

import sys
from collections.abc import Iterator

import click
from generated import DOCS, write_or_check

from lab.cli.main import cli

PAGE = DOCS / "commands.md"
WIDTH = 88
HEAD = """\
# Commands

The help of every command, as `lab COMMAND --help` prints it. \
This page is made from the commands by `python tests/tools/refresh_commands.py`.
"""


def page() -> str:
    """Return the page."""
    top = click.Context(cli, info_name="lab", **cli.context_settings)
    parts = [HEAD, section("lab", cli, top), *sections(top)]
    return "\n".join(parts)


def sections(above: click.Context) -> Iterator[str]:
    """Yield a section for each command of a group, and for the commands below it."""
    group = above.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=above, **command.context_settings)
        yield section(context.command_path, command, context)
        if isinstance(command, click.Group):
            yield from sections(context)


def section(title: str, command: click.Command, context: click.Context) -> str:
    """Return one command's help under a heading."""
    context.terminal_width = context.max_content_width = WIDTH
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {title}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    sys.exit(write_or_check({PAGE: page()}, sys.argv[1:], __doc__))
