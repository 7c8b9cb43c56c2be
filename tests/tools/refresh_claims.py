"""Keeps the table of results in lab/docs/claims.md true.

`python tests/tools/refresh_claims.py` runs every experiment and writes the table;
`--from RESULT.json` takes a run that was made already (a full one, not --quick).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from generated import DOCS, with_block

from lab.evidence.run_document import RunDocument
from lab.report.saved import checked, load
from lab.report.wording import decision, found, signed

PAGE = DOCS / "claims.md"
DEADLINE_S = 600


def main(arguments: list[str]) -> int:
    """Write the table."""
    if arguments[:1] == ["--from"] and len(arguments) == 2:
        document = load(arguments[1], Path()).document
    elif not arguments:
        document = run_suite()
    else:
        print(__doc__, file=sys.stderr)
        return 2
    if any(each.quick or each.interrupted for each in document.experiments):
        sys.exit("the numbers of the handbook come from a full run: leave --quick away")
    text = with_block(PAGE.read_text(encoding="utf-8"), "claims", table(document))
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


def run_suite() -> RunDocument:
    """Run the whole suite and return its result.json."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "lab", "run", "--all", "--json", "--out", folder],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=DEADLINE_S,
            check=False,
        )
    if done.returncode not in (0, 1):
        sys.exit(f"the suite ended with {done.returncode}")
    return checked(json.loads(done.stdout), "the run")


def table(document: RunDocument) -> str:
    """Return the results as a Markdown table: one row an experiment, the contrast beside it."""
    rows = ["| experiment | verdict | decided by | elsewhere |", "|---|---|---|---|"]
    for each in document.experiments:
        elsewhere = [
            f"{variant.name}: {signed(variant.verdict)}"
            for variant in each.variants
            if variant.outcome and variant.name not in each.decided_by
        ]
        cells = (f"`lab run {each.name}`", found(each), decision(each), "; ".join(elsewhere))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    seconds = sum(each.seconds for each in document.experiments)
    parts = (("nginx", document.components.nginx), ("Valkey", document.components.store))
    made_with = ", ".join(f"{name} {part.version}" for name, part in parts if part)
    return "\n".join([*rows, "", f"From one run of `lab run --all`: {seconds:.0f} s, {made_with}."])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
