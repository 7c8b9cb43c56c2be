"""Runs the examples of the documents, and keeps the output beside them true.

`python tests/tools/refresh_examples.py` runs every example of README.md and of two pages of
the handbook, and writes what it printed into the page; with `--check` it writes nothing, and
exits with 1 if a page shows something else, or if an example ended otherwise.

In a page a note before a fence says what the fence is: `<!-- file NAME -->` a file,
`<!-- run -->` a command (`<!-- run, exits 1 -->`), `<!-- seen -->` what that command printed.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from generated import DOCS, REPOSITORY, write_or_check

from lab.core.environment import current_environment

PAGES = (REPOSITORY / "README.md", DOCS / "first-script.md", DOCS / "check.md")
FENCE = re.compile(
    r"<!-- (?P<kind>file|run|seen)\b(?P<more>[^\n]*?) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL
)
DEADLINE_S = 120
# What differs from run to run, and says nothing.
MASKS = (
    (r"\bpid \d+", "pid PID"),
    (r"\b127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\binstance [0-9a-f]+", "instance ID"),
    (r"lab-runs[/\\][\w-]+", "lab-runs/RUN"),
    (r"\bseed\s+\d+", "seed N"),
    (r"\b\d{4,}\b", "PID"),  # in a narrow column its line may break before it
    (r"\b\d+ requests, \d+ processes, [\d.]+ s\b", "N requests, N processes, N s"),
)


def main(arguments: list[str]) -> int:
    """Run the examples; write the pages, or compare them."""
    old = {page: page.read_text("utf-8") for page in PAGES}
    new = {path: refreshed(text) for path, text in old.items()}
    if arguments != ["--check"]:
        return write_or_check(new, arguments, __doc__)
    drifted = [path.name for path in old if normalised(old[path]) != normalised(new[path])]
    for name in drifted:
        print(f"{name} drifted: python tests/tools/refresh_examples.py", file=sys.stderr)
    return 1 if drifted else 0


def refreshed(page: str) -> str:
    """Return the page with what its commands print now."""
    with tempfile.TemporaryDirectory() as folder:
        printed = ""

        def play(fence: re.Match[str]) -> str:
            nonlocal printed
            if fence["kind"] == "file":
                (Path(folder) / fence["more"].split()[0]).write_text(fence["text"], "utf-8")
            elif fence["kind"] == "run":
                expected = re.search(r"exits (\d+)", fence["more"])
                printed = run(fence["text"], folder, int(expected[1]) if expected else 0)
            else:
                return f"<!-- seen -->\n```text\n{printed}\n```"
            return fence[0]

        return FENCE.sub(play, page)


def run(command: str, folder: str, exits: int) -> str:
    """Run a line of shell in that folder; return what it printed on an 80-column terminal."""
    plain = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1"}
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    python = f'lab() {{ "{sys.executable}" -m lab "$@"; }}\n'
    done = subprocess.run(
        ["sh", "-c", python + command],
        cwd=folder,
        env=current_environment() | plain | {"PATH": paths},
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )
    if done.returncode != exits:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    lines = (line.rstrip() for line in done.stdout.strip("\n").splitlines())
    return "\n".join(lines).replace(os.path.realpath(folder) + os.sep, "").strip("\n")


def normalised(shown: str) -> list[list[str]]:
    """Return each paragraph's words in alphabetical order, what differs by run masked.

    A process id with a digit more widens a column and moves line breaks; so neither the
    breaks nor the order of words across columns can be compared.
    """
    for pattern, mask in MASKS:
        shown = re.sub(pattern, mask, shown)
    paragraphs = re.split(r"\n\s*\n", shown.strip())
    return [sorted(paragraph.split()) for paragraph in paragraphs]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
