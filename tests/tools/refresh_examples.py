"""Runs the examples of the handbook, and keeps the output beside them true.

`python tests/tools/refresh_examples.py` runs every example of lab/docs/first-script.md and
check.md, and writes what it printed into the page; with `--check` it writes nothing, and exits
with 1 if a page shows something else, or if an example ended otherwise.

In a page a note before a fence says what the fence is: `<!-- file NAME -->` a file,
`<!-- run -->` a command (`<!-- run, exits 1 -->`), `<!-- seen -->` what that command printed.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from generated import DOCS, write_or_check
from refresh_readme import normalised

PAGES = ("first-script", "check")
FENCE = re.compile(
    r"<!-- (?P<kind>file|run|seen)\b(?P<more>[^\n]*?) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL
)
DEADLINE_S = 120


def main(arguments: list[str]) -> int:
    """Run the examples; write the pages, or compare them."""
    old = {DOCS / f"{name}.md": (DOCS / f"{name}.md").read_text("utf-8") for name in PAGES}
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
        env=os.environ | plain | {"PATH": paths},
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )
    if done.returncode != exits:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    lines = (line.rstrip() for line in done.stdout.strip("\n").splitlines())
    return "\n".join(lines).replace(os.path.realpath(folder) + os.sep, "").strip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
