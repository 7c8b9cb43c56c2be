"""`lab open`: another link with a ticket for the page of a running `lab up`."""

from pathlib import Path

import click

from lab.cli import browser, options
from lab.cli.output import say


@click.command("open")
@options.no_open
@options.out
def open_(no_open: bool, out: Path) -> None:
    """Open the page of the running `lab up` as its instructor.

    The link works once. Use this command for a second browser, or to open a closed page
    again.
    """
    from lab.console import control_file  # `--help` needs none of it

    link = control_file.new_link(out)
    say(f"{link}\nThis link works once.")
    browser.open_private(link, no_open, out)


COMMANDS = (open_,)
