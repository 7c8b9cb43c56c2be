"""The page's modules as the console serves them, in a folder, for node to run."""

import atexit
import shutil
import tempfile
from pathlib import Path

from lab.console import words
from lab.console.routes_public import STATIC


def served_modules() -> Path:
    """Return a folder with the page's scripts, words.js among them; it is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="page-modules-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for module in STATIC.glob("*.js"):
        shutil.copy(module, folder)
    (folder / "words.js").write_text(words.script(), encoding="utf-8")
    return folder
