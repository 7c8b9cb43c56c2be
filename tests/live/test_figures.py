"""The command that prints every figure works: one cheap figure, measured for real."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.core.environment import current_environment

FIGURES = Path(__file__).parents[1] / "benchmarks" / "figures.py"


def figures(*arguments):
    return subprocess.run(
        [sys.executable, FIGURES, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env=current_environment() | {"PYTHONIOENCODING": "utf-8"},
    )


PAGE = """# Figures
<!-- figures.py --write -->
| figure | aim | measured | | how |
|---|---|---|---|---|
| another | ≥ 2 | 3.00 | met | before |
| Record: kept for each exchange | | 99 KB | | before |
<!-- end -->
The end.
"""


@pytest.mark.long
def test_figure_becomes_a_document_and_rows_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    done = figures("record", "--quick", "--json", "--write", str(page))
    assert done.returncode == 0, done.stderr
    written = page.read_text(encoding="utf-8")
    assert written.startswith("# Figures\n") and written.endswith("<!-- end -->\nThe end.\n")
    rows = [line for line in written.splitlines() if line.startswith("| ")][1:]
    assert rows[0] == "| another | ≥ 2 | 3.00 | met | before |"
    assert "before" not in "".join(rows[1:])
    names = [line.split(" | ")[0].removeprefix("| ") for line in rows]
    assert len(names) == len(set(names))
    assert {each["what"] for each in json.loads(done.stdout)["rows"]} <= set(names)
    document = json.loads(done.stdout)
    assert document["quick"] and "cores" in document["machine"]
    row, on_disk = document["rows"]
    assert row["figure"] == "record" and row["unit"] == "KB"
    assert on_disk["median"] < row["median"] / 10  # it keeps nothing but its tallies
    low, high = row["spread"]
    # An exchange has a token, two sets of headers and a parsed body: some kilobytes.
    assert 1 < low <= row["median"] <= high < 50
    assert row["met"] is None


def test_unknown_figure_is_refused_with_those_there_are():
    done = figures("everything")
    assert done.returncode == 2 and not done.stdout
    assert "no figure everything" in done.stderr and "record" in done.stderr
