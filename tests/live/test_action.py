"""action.yml: its steps, run by hand as a runner does, on a service with and without state."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab.core.environment import current_environment

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
FLASK = f"{sys.executable} -m flask --app shop run --port {{port}}"
TALK = """
def script(http):
    http.post("/login", json={"name": "Ada"})
    http.post("/cart", json={"item": "pen"})
    http.get("/cart")
"""
DEADLINE_S = 200


@pytest.fixture
def action(tmp_path):
    """Runs the steps of the action in a copy of a shop; return the last status and its outputs."""
    work, temp = tmp_path / "work", tmp_path / "temp"
    work.mkdir()
    temp.mkdir()
    (work / "shop.py").write_text((ROOT / "tests/suites/flask/shop.py").read_text("utf-8"))
    (work / "talk.py").write_text(TALK)
    files = {f"GITHUB_{name}": temp / name for name in ("OUTPUT", "STEP_SUMMARY", "PATH")}

    def run(keep="", **inputs):
        given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()} | inputs
        values = {f"inputs.{name}": value for name, value in given.items()}
        values |= {"github.action_path": str(ROOT), "runner.temp": str(temp)}
        # `lab` is on PATH, so that nothing is installed.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**current_environment(), "KEEP": keep, "PATH": path}
        env |= {name: str(file) for name, file in files.items()}
        for file in files.values():
            file.write_text("")
        for step in ACTION["runs"]["steps"]:
            mine = {name: filled(text, values) for name, text in step["env"].items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=work,
                env=env | mine,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
            )
            if done.returncode:
                break
        outputs = dict(
            line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().split("\n") if line
        )
        assert files["GITHUB_PATH"].read_text() == ""
        return done, outputs, files["GITHUB_STEP_SUMMARY"].read_text(), work

    return run


def filled(text, values):
    """Return a value of `env` with its expressions replaced; each has to be a known one."""
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: values[found[1]], text)


def test_action_puts_no_expression_into_a_script():
    assert not [step for step in ACTION["runs"]["steps"] if "${{" in step["run"]]


def test_action_outputs_are_those_of_its_step():
    script = "".join(step["run"] for step in ACTION["runs"]["steps"])
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.check.outputs.{name} }}}}"
        assert f'"{name}=$' in script


@pytest.mark.long
def test_action_fails_on_state_and_leaves_its_files(action):
    done, outputs, summary, work = action("memory", start=FLASK, conversation="talk.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert outputs == {"status": "1", "sarif": "lab-check.sarif"}
    assert "STATE IN THE PROCESS" in done.stdout
    assert "STATE IN THE PROCESS" in summary
    (run,) = json.loads((work / "lab-check.sarif").read_text("utf-8"))["runs"]
    assert {each["ruleId"] for each in run["results"]} == {"state-in-process"}
    uris = [
        each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for each in run["results"]
    ]
    assert {*uris} == {"talk.py"}
    assert 'failures="2"' in (work / "lab-check.xml").read_text("utf-8")


@pytest.mark.long
def test_action_passes_without_state_and_takes_quoted_arguments(action):
    """The arguments hold a quoted command, and words that a shell would run."""
    arguments = """--require-dependency --env 'NOTE=a b $(touch x) "c"' --max-seconds 3min"""
    done, outputs, _, work = action(start=FLASK, conversation="talk.py", arguments=arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert outputs == {"status": "0", "sarif": "lab-check.sarif"}
    assert json.loads((work / "lab-check.sarif").read_text("utf-8"))["runs"][0]["results"] == []
    assert not (work / "x").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ({"start": FLASK, "conversation": "talk.py", "arguments": "--no-such-option"}, 2),
        ({"start": FLASK}, 2),
        ({"conversation": "talk.py", "start": FLASK, "arguments": "'"}, 1),
    ],
)
def test_action_with_wrong_inputs_fails_at_once(action, inputs, status):
    done, outputs, _, work = action(**inputs)
    assert done.returncode == status, done.stdout + done.stderr
    assert "sarif" not in outputs
    assert not (work / "lab-runs").exists()
