"""The starters in Express: as the ones in Python, they fail, and their references pass."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lab.exercises.checking import Asked, run_checks
from lab.exercises.exercise import find
from lab.exercises.result import CheckStatus

HERE = Path(__file__).parent
START = "node server.js {port}"
NAMES = ("sign-in-again", "missing-photo")


def installed(name, folder, *, mended):
    """A student's folder with what npm brings."""
    npm = shutil.which("npm")
    shutil.copytree(find(name).starter, folder)
    words = [npm or "npm", "install", "--no-audit", "--no-fund"]
    if npm is None or subprocess.run(words, cwd=folder, timeout=250).returncode:
        pytest.skip("Node and npm are not here, or npm cannot install")
    if mended:
        shutil.copy(HERE / name / "reference" / "server.js", folder)
    return folder


def results(name, folder):
    asked = Asked(find(name), folder, 7, START, hidden=True)
    return list(run_checks(asked, asked.checks()))


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_starter_in_express_keeps_its_contract_and_has_the_fault(name, tmp_path):
    found = results(name, installed(name, tmp_path / "work", mended=False))
    assert found[0].passed, f"{found[0].rationale}\n{found[0].evidence}"
    assert CheckStatus.FAILED in {each.status for each in found}
    assert not found[-1].passed


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_reference_in_express_passes(name, tmp_path):
    found = results(name, installed(name, tmp_path / "work", mended=True))
    assert all(each.passed for each in found), [(e.name, e.rationale, e.evidence) for e in found]
