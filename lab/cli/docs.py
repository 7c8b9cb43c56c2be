"""`lab docs`: the handbook in the terminal or in the browser, offline."""

import os
import tempfile
from pathlib import Path

import click

from lab.cli.output import screen, write_document
from lab.core.errors import LabError


@click.command()
@click.argument("page", default="index", metavar="[PAGE]")
@click.option("--open", "open_it", is_flag=True, help="Show the page in the browser.")
def docs(page: str, open_it: bool) -> None:
    """Read the handbook, offline: the list of its pages, or one PAGE.

    In a pipe the output is the page's Markdown, in UTF-8. The page of `lab up` shows the same
    handbook at /docs/.

    Examples:
        lab docs                 list the pages
        lab docs first-script    write a script of your own, in ten minutes
        lab docs claims --open   in the browser
    """
    from lab.docs import handbook

    wanted = handbook.find(page)
    if open_it:
        _open(wanted.name)
    elif screen.is_terminal:
        from rich.markdown import Markdown

        screen.print(Markdown(wanted.markdown, hyperlinks=False))
    else:
        write_document(wanted.markdown)


def _open(name: str) -> None:
    from lab.cli.browser import open_page
    from lab.docs import web

    # The browser reads the files after this command has ended, so nothing removes them here.
    folder = Path(tempfile.mkdtemp(prefix="two-desks-handbook-"))
    file = web.write_folder(folder).with_name(f"{name}.html")
    if not open_page(file.as_uri(), os.environ):
        raise LabError(f"found no browser: open {file} yourself")
    screen.print(f"opened: {file}", soft_wrap=True, markup=False)


COMMANDS = (docs,)
