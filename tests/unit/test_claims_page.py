"""The page of claims is as old as the experiments: same names, claims and verdicts."""

import ast
import re
from pathlib import Path

import pytest

from lab import experiments
from lab.docs import handbook
from lab.evidence import result

PAGE = handbook.find("claims").markdown
TABLE = PAGE.partition("<!-- claims -->")[2].partition("<!-- /claims -->")[0]
MEND = "mend it with: python tests/tools/refresh_claims.py"


def test_results_list_every_experiment_in_order_with_its_verdict():
    listed = re.findall(r"^\| `lab run ([\w-]+)` \| \S+ ([^|]+) \|", TABLE, re.MULTILINE)
    found = [
        (each.name, f"{each.expected} {each.depends_on}".strip()) for each in experiments.bundled()
    ]
    assert listed == found, MEND


def patterns_in(path):
    """Each text of a module as a pattern; an f-string may have anything in its fields."""
    for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        parts = each.values if isinstance(each, ast.JoinedStr) else [each]
        texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
        if any(isinstance(text, str) and re.search("[a-z]{3}", text) for text in texts):
            yield "".join(".+" if text is None else re.escape(str(text)) for text in texts)


def test_results_have_only_units_that_the_code_can_write():
    files = [*Path(experiments.__file__).parent.glob("*.py"), Path(result.__file__)]
    known = re.compile("|".join({each for file in files for each in patterns_in(file)}))
    measures = re.findall(r"^\| `lab run [\w-]+` \|[^|]+\| ([^|]+) \|", TABLE, re.MULTILINE)
    form = re.compile(r"(?:[\w-]+: )?(?:[\d.,]+(?: of [\d.,]+)? )?(.+?)(?: \(95 %.*\))?")
    units = {form.fullmatch(each)[1] for line in measures for each in line.split("; ")}
    assert len(units) > 20
    assert [each for each in sorted(units) if not known.fullmatch(each)] == [], MEND


@pytest.mark.parametrize("claim", sorted({each.claim for each in experiments.bundled()}))
def test_each_claim_is_quoted_once(claim):
    assert PAGE.count(claim) == 1


def test_each_experiment_is_explained_above_the_results():
    explained = PAGE.partition("<!-- claims -->")[0]
    for each in experiments.bundled():
        assert f"`lab run {each.name}`" in explained, each.name
