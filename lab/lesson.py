"""The diff of the two desks: the shortest statement of what statelessness changes."""

import difflib
import importlib.util
from pathlib import Path

from lab.errors import LabError


def source_of(package: str, file: str = "app.py") -> Path:
    """Return the path of an app's source. The app is found, not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LabError(f"{package} is not installed: pip install .")
    return Path(spec.submodule_search_locations[0]) / file


def diff(file: str = "app.py") -> list[str]:
    """Return the unified diff of the twins' `file`, line by line."""
    ours, theirs = (source_of(app, file) for app in ("stateful_app", "stateless_app"))
    return list(
        difflib.unified_diff(
            ours.read_text(encoding="utf-8").splitlines(),
            theirs.read_text(encoding="utf-8").splitlines(),
            f"stateful_app/{file}",
            f"stateless_app/{file}",
            lineterm="",
        )
    )


def changed_lines(lines: list[str]) -> int:
    """Count the lines of a unified diff that stand on one side only."""
    return sum(line.startswith(("+", "-")) for line in lines[2:])
