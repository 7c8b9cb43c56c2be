"""Keeps the output of `lab demo` in README.md true.

`python tests/tools/refresh_readme.py` runs the demo and writes its output into the README;
with `--check` it writes nothing, and exits with 1 if the README shows something else.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- demo -->", "<!-- /demo -->"
DEADLINE_S = 60
# What differs from run to run, and says nothing.
MASKS = (
    (r"pid \d+", "pid N"),
    (r"\b127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\binstance [0-9a-f]+", "instance ID"),
    (r"lab-runs[/\\][\w-]+", "lab-runs/RUN"),
    (r"\bseed\s+\d+", "seed N"),
    (r"\b\d+ requests, \d+ processes, [\d.]+ s\b", "N requests, N processes, N s"),
)


def main(arguments: list[str]) -> int:
    """Write the block, or check it."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    text = README.read_text(encoding="utf-8")
    before, shown, after = split(text)
    seen = block(run_demo())
    if arguments:
        if normalised(shown) == normalised(seen):
            return 0
        print(f"README.md does not show what `lab demo` prints now:\n{seen}", file=sys.stderr)
        print("mend it with: python tests/tools/refresh_readme.py", file=sys.stderr)
        return 1
    README.write_text(before + seen + after, encoding="utf-8")
    return 0


def split(text: str) -> tuple[str, str, str]:
    """Cut the README into what is before the block, the block, and what is after it."""
    before, begin, rest = text.partition(BEGIN)
    shown, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"README.md needs the markers {BEGIN} and {END}")
    return before + begin, shown, end + after


def run_demo() -> str:
    """Return what `lab demo` prints on a terminal of 80 columns without colour."""
    plain = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "lab", "demo"],
            cwd=folder,
            env=os.environ | plain,
            capture_output=True,
            encoding="utf-8",
            timeout=DEADLINE_S,
            check=False,
        )
    if done.returncode:
        sys.exit(f"lab demo ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def block(output: str) -> str:
    """Return the output as the README shows it."""
    return f"\n```text\n$ lab demo\n{output}\n```\n"


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
