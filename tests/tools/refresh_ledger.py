"""Keeps the table of claims in README.md true.

`python tests/tools/refresh_ledger.py` runs the whole ledger and writes its table into the
README; `--from RESULT.json` takes a run that was made already (a full one, not --quick).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import experiments

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- ledger -->", "<!-- /ledger -->"
DEADLINE_S = 600
SIGNS = {"holds": "✓ holds", "fails": "✕ fails", "depends": "~ depends", "unknown": "? unknown"}


def main(arguments: list[str]) -> int:
    """Write the table."""
    if arguments[:1] == ["--from"] and len(arguments) == 2:
        document = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
    elif not arguments:
        document = run_ledger()
    else:
        print(__doc__, file=sys.stderr)
        return 2
    if any(each["quick"] or each["interrupted"] for each in document["experiments"]):
        sys.exit("the README's numbers come from a full run: leave --quick away")
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{table(document)}\n{END}{after}", encoding="utf-8")
    return 0


def run_ledger() -> dict:
    """Run the whole ledger and return its result.json."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "lab", "run", "--all", "--json", "--out", folder],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=DEADLINE_S,
            check=False,
        )
    if done.returncode not in (0, 1):
        sys.exit(f"the ledger ended with {done.returncode}")
    return json.loads(done.stdout)


def table(document: dict) -> str:
    """Return the claims as a Markdown table: one row an experiment, the contrast below it."""
    rows = ["| claim | verdict | decided by | elsewhere |", "|---|---|---|---|"]
    for each in document["experiments"]:
        experiment = experiments.find(each["name"])
        subjects = {lane.name for lane in experiment.variants if experiment.about(lane)}
        elsewhere = [
            f"{lane['name']}: {SIGNS[lane['outcome']['verdict']]}"
            for lane in each["variants"]
            if lane["outcome"] and lane["name"] not in subjects
        ]
        claim = f"{each['claim']}<br>`lab run {each['name']}`"
        cells = (claim, SIGNS[each["verdict"]], each["number"], "<br>".join(elsewhere))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    seconds = sum(each["seconds"] for each in document["experiments"])
    nginx, store = (document["components"].get(name) or {} for name in ("nginx", "store"))
    made_with = ", ".join(
        f"{name} {part['version']}"
        for name, part in (("nginx", nginx), ("Valkey", store))
        if "version" in part
    )
    return "\n".join([*rows, "", f"From one run of `lab run --all`: {seconds:.0f} s, {made_with}."])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
