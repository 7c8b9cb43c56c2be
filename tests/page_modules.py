"""The page's modules as the console serves them, and one node that runs scripts with them."""

import atexit
import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from lab.console import words
from lab.console.routes_public import STATIC

RUNNER = Path(__file__).with_suffix(".mjs")
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node here to run the page's modules with")


@functools.cache
def served_modules() -> Path:
    """Return a folder with the page's scripts, words.js among them; it is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="page-modules-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for module in STATIC.glob("*.js"):
        shutil.copy(module, folder)
    (folder / "words.js").write_text(words.script(), encoding="utf-8")
    return folder


def address(name: str) -> str:
    """Return where a script imports a module of the page from, as a JavaScript string."""
    return json.dumps((served_modules() / f"{name}.js").as_uri())


@functools.cache
def _runner() -> subprocess.Popen[str]:
    """Start the node that runs all scripts of this process: to start one costs more than a case."""
    assert NODE is not None
    command = [NODE, "--experimental-vm-modules", "--no-warnings", str(RUNNER)]
    runner = subprocess.Popen(
        command,
        cwd=RUNNER.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    atexit.register(runner.communicate)
    return runner


def printed(script: str) -> Any:
    """Run a JavaScript module; return the value that it prints as JSON."""
    runner = _runner()
    assert runner.stdin and runner.stdout
    try:
        runner.stdin.write(json.dumps(script) + "\n")
        runner.stdin.flush()
        answer = runner.stdout.readline()
    except BaseException:  # the test's deadline, in a script without an end
        runner.kill()
        _runner.cache_clear()
        raise
    assert answer, f"node has ended with {runner.wait(60)}"
    done = json.loads(answer)
    assert done["error"] is None, done["error"]
    return json.loads(done["printed"])
