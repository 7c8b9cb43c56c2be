"""The README's table of claims is as old as the experiments: same names, claims, verdicts."""

import re
from pathlib import Path

from lab import experiments

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("<!-- ledger -->")[2].partition("<!-- /ledger -->")[0]
MEND = "mend it with: python tests/tools/refresh_ledger.py"


def test_the_table_lists_every_experiment_in_order():
    listed = re.findall(r"^\| (.+?)<br>`lab run ([\w-]+)` \| \S+ (\w+) \|", TABLE, re.MULTILINE)
    there = [(each.claim, each.name, str(each.expected)) for each in experiments.bundled()]
    assert listed == there, MEND
