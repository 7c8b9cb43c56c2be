"""What the handbook gives for Gradescope, Classroom 50 and GitHub, run as it stands there."""

import json
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from documents import DOCS, fences, run

from lab.exercises.autograder import workflow
from lab.exercises.exercise import find

pytestmark = pytest.mark.long
EXERCISE = find("punch-card")
TOTAL = sum(each.points for each in EXERCISE.checks())
HERE_FIRST = {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "PIP_CONSTRAINT": "",  # a file of .ci/run's folder, and pip runs in another one
}
RUNNER = {
    "CLASSROOM": "web",
    "ASSIGNMENT": "punch-card",
    "SUBMISSION_TAG": "submit/2026-11-27T10-00-00Z-abc1234",
    "COMMIT_URL": "https://example.org/commit/abc",
    "RELEASE_URL": "https://example.org/releases/1",
}


def test_autograder_of_classroom50_leaves_its_result(tmp_path):
    (code,) = fences((DOCS / "grading.md").read_text(encoding="utf-8"), "python", "classroom50")
    shutil.copytree(EXERCISE.starter, tmp_path / "student")
    # The lab is installed here: pip is asked for something else that is.
    text = re.sub('LAB = ".*"  #', 'LAB = "click"  #', code["text"])
    assert text != code["text"]
    (tmp_path / "autograder.py").write_text(text, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "autograder.py")]
    done = run(command, cwd=tmp_path / "student", env={**HERE_FIRST, **RUNNER})
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads((tmp_path / "student" / "result.json").read_text(encoding="utf-8"))
    assert 0 < made["score"] < made["max-score"] == TOTAL
    assert made["submission"] == RUNNER["SUBMISSION_TAG"]


@pytest.mark.skipif(os.name != "posix", reason="Gradescope runs a shell script")
def test_autograder_of_gradescope_grades_with_the_lab_that_is_in_the_zip(tmp_path):
    root = tmp_path / "autograder"
    asked = ["grade", "--exercise", "punch-card", "--gradescope-zip", "a.zip"]
    done = run([sys.executable, "-m", "lab", *asked], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        packed.extractall(root / "source")
    shutil.copytree(EXERCISE.starter, root / "submission")
    (root / "results").mkdir()
    # setup.sh makes an environment with what the lab needs; here it is the one of this test.
    script = (root / "source" / "run_autograder").read_text(encoding="utf-8")
    script = script.replace("/autograder/venv/bin/python", sys.executable)
    (root / "run_autograder").write_text(script.replace("/autograder", str(root)))
    graded = run(["bash", "run_autograder"], cwd=root)
    assert graded.returncode == 0, graded.stdout + graded.stderr
    made = json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))
    assert 0 < made["score"] == sum(each["score"] for each in made["tests"]) < TOTAL
    assert [each["visibility"] for each in made["tests"]] == ["visible"] * 4 + ["after_published"]


def test_workflow_is_valid_by_githubs_schema(tmp_path):
    (tmp_path / "checks.yml").write_text(workflow(EXERCISE), encoding="utf-8")
    schema = ["--builtin-schema", "vendor.github-workflows"]
    done = run([sys.executable, "-m", "check_jsonschema", *schema, str(tmp_path / "checks.yml")])
    assert done.returncode == 0, done.stdout + done.stderr
