"""What both engines have in common: the lab run against a deployment, and what must come of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.core.environment import current_environment

ROOT = Path(__file__).parents[2]
REQUIRED = os.environ.get("TWO_DESKS_REQUIRE_ENGINE") == "1"
DEADLINE_S = 1500


def no_engine(why):
    """Skip, in one sentence; where the engine is required, fail."""
    if REQUIRED:
        pytest.fail(f"TWO_DESKS_REQUIRE_ENGINE=1, and {why}")
    pytest.skip(why)


def works(*command):
    """True if the program is here and the command succeeds within a minute."""
    if shutil.which(command[0]) is None:
        return False
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def said(*command, env=None):
    """Return what a command prints; fail with its own words."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        cwd=ROOT,
        env={**current_environment(), **(env or {})},
    )
    assert done.returncode == 0, f"{' '.join(command[:4])}: {done.stdout}{done.stderr}"
    return done.stdout


def lab(folder, *words, with_key=False):
    """Run the lab from the folder of the shipped files; return its document.

    The deployment's key is in the environment only if it is asked for: --on finds it.
    """
    own = {} if with_key else {"STATELESS_SIGNING_KEYS"}
    env = {name: value for name, value in current_environment().items() if name not in own}
    done = subprocess.run(
        [sys.executable, "-m", "lab", *words, "--json", "--out", str(folder)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        cwd=ROOT,
        env=env,
    )
    notes = re.findall(r'"(?:trouble|note)": ".+"', done.stdout)
    assert done.returncode == 0, f"exit {done.returncode}\n{notes}\n{done.stderr}"
    assert "is left as it is" not in done.stderr
    return json.loads(done.stdout)["experiments"]


def check_crash(experiment):
    """The death of a server was its instance gone, and no cart went with it."""
    for variant in experiment["variants"]:
        (kill,) = [fault for fault in variant["faults"] if fault["kind"] == "kill"]
        assert kill["confirmed"] and kill["evidence"]["instance_gone"]
        seen = variant["measurements"]
        assert seen["kill_confirmed"] and seen["carts_kept"] == seen["carts_acknowledged"] > 0


def check_suite(experiments, unknown=()):
    """Every claim but these has a verdict, the expected one, and no variant is in trouble."""
    found = {each["name"]: each for each in experiments}
    assert len(found) == 18
    left_open = {name for name, each in found.items() if each["verdict"] == "unknown"}
    assert left_open == set(unknown), {name: found[name] for name in left_open - set(unknown)}
    decided = [each for name, each in found.items() if name not in unknown]
    assert not [each["name"] for each in decided if each["expectation_met"] is not True]
    troubles = {
        (each["name"], variant["name"]): variant["trouble"]
        for each in decided
        for variant in each["variants"]
        if variant["trouble"]
    }
    assert not troubles


def note_seconds(experiments, record_property):
    """Keep how long it took, for the figures of the handbook."""
    for each in experiments:
        record_property(f"seconds of {each['name']}", each["seconds"])
    total = sum(each["seconds"] for each in experiments)
    print(f"\n{len(experiments)} experiments in {total:.0f} s")
