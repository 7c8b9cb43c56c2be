"""Opens a page in a graphical browser, where there is one."""

import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path

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


def show_link(link: str, no_open: bool) -> None:
    """Open the page of `lab up`, unless `no_open` is set or stdout is no terminal.

    The link stands on the browser's command line, where every user of this machine can read
    it. So it holds a ticket and not the secret: the page uses the ticket at once, and then it
    is worth nothing.
    """
    if not no_open and sys.stdout.isatty():
        open_page(link, os.environ)
