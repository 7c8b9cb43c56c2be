"""Opens a page in a graphical browser, where there is one."""

import html
import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from lab.core.run_folder import write_private

REDIRECT = (
    '<!doctype html><meta http-equiv="refresh" content="0; url={link}"><title>Two Desks</title>'
)

# These would take over the terminal in which the lab prints.
TEXT_BROWSERS = frozenset({"www-browser", "links", "links2", "elinks", "lynx", "w3m"})


def has_display(platform: str, environ: Mapping[str, str]) -> bool:
    """True if a window can be opened here: on Linux only under X or Wayland."""
    if platform in ("win32", "darwin"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def open_page(address: str, environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Open `address` in a new window or tab; False if there is no graphical browser."""
    if not has_display(platform, environ):
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if Path(getattr(browser, "name", "")).name in TEXT_BROWSERS:
        return False
    return browser.open(address)


def open_private(link: str, no_open: bool, folder: Path) -> None:
    """Open the page of `lab up`, unless `no_open` is set or stdout is not a terminal.

    The link makes its reader the instructor, and what stands on a browser's command line is
    readable for every user of this machine. So the browser gets a file in `folder` that only
    its owner can read, and that leads to the link.
    """
    if not no_open and sys.stdout.isatty():
        file = folder.absolute() / "open.html"
        write_private(file, REDIRECT.format(link=html.escape(link)))
        open_page(file.as_uri(), os.environ)
