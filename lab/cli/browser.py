"""Opens a page in a browser of the desktop, where there is one to be seen."""

import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path

# Those would take over the terminal in which the lab has something to say.
TEXT_BROWSERS = frozenset({"www-browser", "links", "links2", "elinks", "lynx", "w3m"})


def has_display(platform: str, environ: Mapping[str, str]) -> bool:
    """Whether a window can be opened here: on Linux only under X or Wayland."""
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
