"""`lab check` on services whose true verdict is known: no false green, no false alarm.

Run by itself: pytest tests/corpus. See README.md here.
"""

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.core.environment import current_environment

HERE = Path(__file__).parent
AT_ONCE = 2
# After these, no case of another corpus begins.
CORPUS_S = float(os.environ.get("TWO_DESKS_CORPUS_S", "300"))
PATIENCE_S = 240
KINDS = ("right", "unknown", "FALSE GREEN", "FALSE ALARM", "wrong", "skipped")
STATE = ("process", "local", "backing")
WORDS = {"unknown": "unknown", "self": "self", "disk": "local", "backing": "backing"}
pytestmark = pytest.mark.timeout(3600)


@dataclass(frozen=True)
class Case:
    """One service, one conversation, and the verdicts that are right."""

    corpus: Path
    row: dict[str, str]

    @property
    def name(self):
        return self.row["name"] if self.corpus == HERE else f"{self.corpus.name}:{self.row['name']}"


@dataclass(frozen=True)
class Found:
    """What the check said: a kind, or a reason why there is none."""

    kind: str
    report: str
    errors: str
    causes: tuple[str, ...] = ()


def cases():
    folders = [HERE, *(Path(each) for each in [os.environ.get("TWO_DESKS_CORPUS")] if each)]
    for folder in folders:
        with (folder / "cases.tsv").open(newline="") as file:
            yield from (Case(folder, row) for row in csv.DictReader(file, delimiter="\t"))


def kind_of(verdict):
    return next((kind for word, kind in WORDS.items() if word in verdict), "process")


def judged(case, found):
    right = case.row["expect"].split("|")
    if found.kind in right:
        return "right"
    if found.kind == "self":
        return "FALSE GREEN"
    if right == ["self"] and found.kind in STATE:
        return "FALSE ALARM"
    return found.kind if found.kind in ("unknown", "skipped") else "wrong"


def obstacle(case, deadline):
    """Return why a case cannot be run; "" if it can."""
    program = shlex.split(case.row["start"])[0]
    if shutil.which(program) is None:
        return f"no {program} on PATH"
    if case.corpus != HERE and time.monotonic() > deadline:
        return f"the {CORPUS_S:.0f} s of this run were over (TWO_DESKS_CORPUS_S)"
    return ""


def check(case, work, deadline):
    """Return what `lab check` finds, in a copy of the case's folder."""
    if reason := obstacle(case, deadline):
        return Found("skipped", reason, "")
    folder = work / case.row["name"]
    shutil.copytree(case.corpus / case.row["folder"], folder)
    for each in (folder, *folder.rglob("*")):
        each.chmod(each.stat().st_mode | 0o200)
    words = [sys.executable, "-m", "lab", "check", "--json", "--start", case.row["start"]]
    for pair in case.row["env"].split():
        words += ["--env", pair]
    words += [*shlex.split(case.row["talk"]), *shlex.split(case.row["extra"])]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**current_environment(), "LABUSER": "ada"},
        )
    except subprocess.TimeoutExpired:
        return Found("wrong", f"no verdict within {PATIENCE_S} s", "")
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return Found("wrong", "no report", done.stderr)
    named = tuple(each["name"] for each in report["causes"])
    return Found(kind_of(report["verdict"]), report["because"], done.stderr, named)


CASES = list(cases())
with (HERE / "causes.tsv").open(newline="") as file:
    CAUSES = {row["name"]: row["cause"] for row in csv.DictReader(file, delimiter="\t")}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What is found in each case, in the background."""
    work = {folder: tmp_path_factory.mktemp("corpus") for folder in {each.corpus for each in CASES}}
    deadline = time.monotonic() + CORPUS_S
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case.name: pool.submit(check, case, work[case.corpus], deadline) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, found):
    result = found[case.name].result()
    verdict = judged(case, result)
    assert "Traceback" not in result.errors
    if verdict == "skipped":
        pytest.skip(result.report)
    assert verdict in ("right", "unknown"), (case.row["expect"], result)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cause_is_the_right_one_or_none(case, found):
    result = found[case.name].result()
    named = result.causes[:1]
    if result.kind in ("self", "unknown", "backing", "skipped"):
        assert named == ()
    else:
        assert named == () or CAUSES.get(case.row["name"], *named) == named[0], (named, result)


def test_causes_are_named(found, capsys):
    """Of the root causes of the corpus, all but two at the most."""
    kinds = ("process", "local")  # what a backing service keeps is kept where it should be
    judged_here = [case for case in CASES if found[case.name].result().kind in kinds]
    wanted = {CAUSES.get(case.row["name"], "") for case in judged_here} - {""}
    named = {cause for case in judged_here for cause in found[case.name].result().causes[:1]}
    with capsys.disabled():
        print(f"\nroot causes: {len(wanted & named)} of {len(wanted)}; not: {wanted - named}")
        for case in judged_here:
            if not found[case.name].result().causes:
                print(f"no cause named: {case.name}: {found[case.name].result().report}")
    assert len(wanted - named) <= 2


def test_counts(found, capsys):
    counts = Counter(judged(case, found[case.name].result()) for case in CASES)
    said = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    with capsys.disabled():
        print(f"\ncorpus of {len(CASES)} cases: {said}")
        for case in CASES:
            result = found[case.name].result()
            if judged(case, result) == "unknown":
                print(f"unknown: {case.name}: {result.report}")
    assert counts["FALSE GREEN"] == counts["FALSE ALARM"] == 0
    assert counts["unknown"] * 10 <= len(CASES)
