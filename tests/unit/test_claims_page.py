"""The page of claims is as old as the experiments: same names, claims and verdicts."""

import re

import pytest

from lab import experiments
from lab.docs import handbook

PAGE = handbook.find("claims").markdown
TABLE = PAGE.partition("<!-- claims -->")[2].partition("<!-- /claims -->")[0]
MEND = "mend it with: python tests/tools/refresh_claims.py"


def test_results_list_every_experiment_in_order_with_its_verdict():
    listed = re.findall(r"^\| `lab run ([\w-]+)` \| \S+ ([^|]+) \|", TABLE, re.MULTILINE)
    found = [
        (each.name, f"{each.expected} {each.depends_on}".strip()) for each in experiments.bundled()
    ]
    assert listed == found, MEND


@pytest.mark.parametrize("claim", sorted({each.claim for each in experiments.bundled()}))
def test_each_claim_is_quoted_once(claim):
    assert PAGE.count(claim) == 1


def test_each_experiment_is_explained_above_the_results():
    explained = PAGE.partition("<!-- claims -->")[0]
    for each in experiments.bundled():
        assert f"`lab run {each.name}`" in explained, each.name
