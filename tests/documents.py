"""The Markdown documents as tests read them: fences with the note before them, and links."""

import re
import subprocess
from pathlib import Path

from lab.core.environment import current_environment

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "lab" / "docs"
TOOLS = REPOSITORY / "tests" / "tools"
FENCE = re.compile(r"(?:<!-- (?P<note>[^\n]+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
DEADLINE_S = 120


def fences(text, kind, note=""):
    """The fences of a kind, with a note before them that begins with this (or none)."""
    return [
        fence
        for fence in FENCE.finditer(text)
        if fence["kind"] == kind and (fence["note"] or "").startswith(note)
    ]


def anchors(text):
    """The ids of a document's headings, as GitHub makes them."""
    without_code = FENCE.sub("", text)
    headings = re.findall(r"^#+ (.*)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def broken_links(path):
    """Links of a document that lead nowhere: to no file, or to no heading."""
    text = path.read_text(encoding="utf-8")
    broken = []
    for target in LINK.findall(FENCE.sub("", text)):
        if "://" in target:
            continue
        name, _, part = target.partition("#")
        file = (path.parent / name) if name else path
        if not file.exists() or (part and part not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


def run(command, env=None, **how):
    """Run a command to its end; its output as text."""
    return subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        env=current_environment() | {"PYTHONUTF8": "1"} | (env or {}),
        timeout=DEADLINE_S,
        check=False,
        **how,
    )
