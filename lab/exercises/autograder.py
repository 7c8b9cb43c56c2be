"""Makes graders for other systems: a zip for Gradescope, a workflow for GitHub."""

import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from lab.core.errors import LabError, reason
from lab.core.shell import quoted
from lab.exercises.exercise import Exercise
from lab.processes.spawn import HOME

TEMPLATES = Path(__file__).with_name("templates")
_PACKAGES = ("lab", "stateful_app", "stateless_app")
_LEFT_OUT_FOLDERS = ("__pycache__", "node_modules", ".git")
_EXECUTABLE_MODE, _PLAIN_MODE = 0o100755, 0o100644
_WHEN = (2026, 1, 1, 0, 0, 0)  # the same files make the same zip
_NODE = """
      - uses: actions/setup-node@v4
        with:
          node-version: "20"
      - run: npm install"""
_NPM = """
mkdir -p /autograder/node
cp /autograder/source/exercises/@NAME@/starter/package.json /autograder/node
npm install --prefix /autograder/node
"""


def write_zip(exercise: Exercise, path: Path, command: str = "") -> None:
    """Write an autograder for Gradescope: setup.sh, run_autograder, the lab and the exercise.

    The checks are in it, the hidden ones too; students do not see it.
    """
    node = _uses_node(exercise)
    packages, modules = (" nodejs npm", _NPM) if node else ("", "")
    texts = {
        "setup.sh": _filled("setup.sh", exercise, command, PACKAGES=packages, NPM=modules),
        "run_autograder": _filled("run_autograder", exercise, command),
        "requirements.txt": "\n".join(requirements()) + "\n",
    }
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for name, text in texts.items():
                mode = _PLAIN_MODE if name.endswith(".txt") else _EXECUTABLE_MODE
                _add(made, name, text.encode(), mode)
            for package in _PACKAGES:
                for file in _files(HOME / package):
                    below = file.relative_to(HOME).as_posix()
                    _add(made, f"packages/{below}", file.read_bytes())
            for file in _files(exercise.folder):
                below = file.relative_to(exercise.folder).as_posix()
                _add(made, f"exercises/{exercise.name}/{below}", file.read_bytes())
    except OSError as error:
        raise LabError(f"cannot write {path}: {reason(error)}; choose another file") from None


def workflow(exercise: Exercise, command: str = "") -> str:
    """Return a workflow that checks a student's repository on each push."""
    node = _NODE if _uses_node(exercise) else ""
    return _filled("workflow.yml", exercise, command, NODE=node)


def _uses_node(exercise: Exercise) -> bool:
    """Return True if a student may write it for Node: then its packages are in package.json."""
    return (exercise.starter / "package.json").is_file()


def requirements() -> list[str]:
    """Return what the lab needs from the package index."""
    try:
        needed = requires("two-desks") or []
    except PackageNotFoundError:
        raise LabError("the lab is not installed here: run pip install . first") from None
    return [each for each in needed if "extra ==" not in each]


def _filled(template: str, exercise: Exercise, command: str, **words: str) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    start = f" --start {quoted(command)}" if command else ""
    for name, value in {**words, "NAME": exercise.name, "START": start}.items():
        text = text.replace(f"@{name}@", value)
    return text


def _files(root: Path) -> Iterator[Path]:
    for each in sorted(root.rglob("*")):
        if each.is_file() and not {*each.relative_to(root).parts} & {*_LEFT_OUT_FOLDERS}:
            yield each


def _add(made: zipfile.ZipFile, name: str, data: bytes, mode: int = _PLAIN_MODE) -> None:
    entry = zipfile.ZipInfo(name, _WHEN)
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    made.writestr(entry, data)
