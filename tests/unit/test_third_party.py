"""constraints.txt and NOTICE.md name what an installation brings."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8")
NOTICE = (ROOT / "NOTICE.md").read_text("utf-8")


def pinned():
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    return {re.split("[=>]=", line)[0] for line in lines}


def test_notice_and_constraints_name_the_same_packages():
    assert pinned() == set(re.findall(r"^\| ([a-z0-9-]+) \|", NOTICE, re.MULTILINE))


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["test"] + extras["crowd"] + extras["museum"]
    names = {re.match(r"[A-Za-z0-9._-]+", each)[0].lower().replace("_", "-") for each in wanted}
    assert names <= pinned() | {"two-desks"}


def test_no_address_is_recorded():
    assert "://" not in CONSTRAINTS and "@" not in CONSTRAINTS and "--" not in CONSTRAINTS
