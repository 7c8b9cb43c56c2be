"""The action and the recipes of the handbook are valid by the schemas of their systems."""

import json
import re
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from documents import DOCS, REPOSITORY, fences
from jsonschema.validators import validator_for

SCHEMAS = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
PAGE = (DOCS / "ci.md").read_text("utf-8")
ACTION = (REPOSITORY / "action.yml").read_text("utf-8")


def recipe(note):
    (found,) = fences(PAGE, "yaml", note)
    return found["text"]


WORKFLOW, GITLAB = recipe("workflow"), recipe("gitlab")


def validator(name):
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    return validator_for(schema)(schema)


@pytest.mark.parametrize(
    ("schema", "text"),
    [("github-actions", ACTION), ("github-workflows", WORKFLOW), ("gitlab-ci", GITLAB)],
    ids=["action", "workflow", "gitlab"],
)
def test_recipe_is_valid_by_the_schema_of_its_system(schema, text):
    # YAML 1.1 reads the key `on` as true.
    found = {"on" if key is True else key: value for key, value in yaml.safe_load(text).items()}
    check = validator(schema)
    check.validate(found)
    broken = next(iter(found)) if schema == "gitlab-ci" else "jobs" if "jobs" in found else "runs"
    assert not check.is_valid(found | {broken: 7}), "the schema refuses nothing"


def test_workflow_gives_the_action_inputs_that_it_has():
    (job,) = yaml.safe_load(WORKFLOW)["jobs"].values()
    (step,) = [each for each in job["steps"] if "two-desks" in each.get("uses", "")]
    action = yaml.safe_load(ACTION)
    assert step["with"].keys() <= action["inputs"].keys()
    for name in action["outputs"].keys() & {"sarif"}:
        assert f"steps.{step['id']}.outputs.{name}" in WORKFLOW


# A name on an index that nobody owns yet: "pip install two-desks", "LAB: two-desks".
UNOWNED = re.compile(r"(?:pip install[^`\n]*? |\bLAB(?: =|:) )\"?two-desks\b(?!@)")


def test_recipes_say_so_where_they_install_a_name_that_no_project_owns_yet():
    assert UNOWNED.search("- pip install -r requirements.txt two-desks")
    assert not UNOWNED.search('pip install "git+https://host/OWNER/two-desks@v0.2.0"')
    files = [each for each in (REPOSITORY / "lab").rglob("*.*") if each.suffix != ".pyc"]
    found = [
        f"{path}: {line}"
        for path in (*files, *REPOSITORY.glob("*.md"), REPOSITORY / "action.yml")
        for line in path.read_text("utf-8", errors="ignore").splitlines()
        if UNOWNED.search(line) and "once it is published" not in line.lower()
    ]
    assert found == []
