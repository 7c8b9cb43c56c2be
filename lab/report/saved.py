"""Opens a kept run, this machine's or another's: `result.json`, or a clear word why not."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from lab.core.errors import LabError
from lab.evidence.run_document import SCHEMA_VERSION, RunDocument
from lab.report import upgrade

MOST_RESULT_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Saved:
    """A run that was kept: its document and where it lies."""

    path: Path
    document: RunDocument

    @property
    def folder(self) -> Path:
        """The folder that holds it."""
        return self.path.parent


def load(run: str | None, root: Path) -> Saved:
    """Open RUN: a folder, a result.json, a name below `root`, or None for the newest one."""
    path = _find(run, root)
    try:
        if path.stat().st_size > MOST_RESULT_BYTES:
            raise LabError(f"{path} is too large for a run of the lab")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LabError(f"no result.json in {path.parent}: the run was stopped early") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read {path}: {error}") from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LabError(f"{path} is damaged: {error}; run the experiment again") from None
    return Saved(path, checked(document, str(path)))


def checked(document: Any, where: str) -> RunDocument:
    """Return a parsed result.json of this or an earlier version; LabError if it is none."""
    if not isinstance(document, dict) or "schema" not in document:
        raise LabError(f'{where} is not a run of this lab (it has no "schema")')
    schema = document["schema"]
    if type(schema) is not int or schema < 1:
        raise LabError(f"{where} is not a run of this lab (schema {schema!r})"[:300])
    if schema > SCHEMA_VERSION:
        raise LabError(
            f"{where} was written by a newer lab (schema {schema}, this one reads "
            f"{SCHEMA_VERSION}): update with pip install --upgrade two-desks"
        )
    try:
        run = msgspec.convert(upgrade.upgraded(document), RunDocument)
        _check_predictions(run)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        why = str(error)[:120] or type(error).__name__
        raise LabError(f"{where} is damaged: {why}; run the experiment again") from None
    return run


def _check_predictions(run: RunDocument) -> None:
    for made in [each.prediction for each in run.experiments if each.prediction]:
        for index in (made.predicted, made.observed):
            if index is not None and not 0 <= index < len(made.choices):
                raise IndexError(f"a prediction has no choice {index}")


def _find(run: str | None, root: Path) -> Path:
    if run is None:
        return _latest(root) / "result.json"
    for path in (Path(run), root / run):
        try:
            if path.is_file():
                # `latest` is a text file on Windows, where links need a privilege.
                return path if path.name != "latest" else _latest(path.parent) / "result.json"
            if path.is_dir():
                return path / "result.json"
        except (OSError, ValueError):  # too long, or no path at all
            continue
    raise LabError(f"no run {run!r}, neither here nor in {root}: give a folder or a result.json")


def _latest(root: Path) -> Path:
    latest = root / "latest"
    if latest.is_dir():
        return latest.resolve()
    try:
        name = latest.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise LabError(
            f"no run in {root} yet: `lab run crash` makes one (or name one: lab report RUN)"
        ) from None
    folder = root / Path(name).name
    if not name or not folder.is_dir():
        raise LabError(f"{latest} names no run: name one yourself, lab report RUN")
    return folder
