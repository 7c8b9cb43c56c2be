"""Opens the `result.json` of a kept run, this machine's or another's, or says why it cannot."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from lab.core.errors import LabError, reason
from lab.core.text import one_line
from lab.evidence.run_document import SCHEMA_VERSION, RunDocument
from lab.report import catalog, summary, upgrade


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
    """Open RUN, or the newest run, as `catalog.find` finds it; LabError if it is not a run."""
    return read(catalog.find(run, root)[0])


def read(path: Path) -> Saved:
    """Open a result.json, whatever its name; LabError that says what is wrong with it."""
    try:
        if path.stat().st_size > summary.MOST_DOCUMENT_BYTES:
            raise LabError(f"{path} is too large for a run of the lab: {summary.SEE_RUNS}")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read {path}: {reason(error)}; {summary.SEE_RUNS}") from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LabError(f"{path} is damaged: {error}; run the experiment again") from None
    return Saved(path, checked(document, str(path)))


def checked(document: Any, where: str) -> RunDocument:
    """Return a parsed result.json of this or an earlier version; LabError for anything else."""
    if not isinstance(document, dict) or "schema" not in document:
        raise LabError(f'{where} is not a run of this lab (no "schema"): {summary.SEE_RUNS}')
    schema = document["schema"]
    if type(schema) is not int or schema < 1:
        raise LabError(
            f"{where} is not a run of this lab (schema {schema!r}): {summary.SEE_RUNS}"[:300]
        )
    if schema > SCHEMA_VERSION:
        raise LabError(
            f"{where} was written by a newer lab (schema {schema}, this one reads "
            f"{SCHEMA_VERSION}): install a newer version of the lab"
        )
    try:
        run = msgspec.convert(upgrade.upgraded(document), RunDocument)
        _check_predictions(run)
        _check_variants(run)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise LabError(f"{where} is damaged: {_why(error)}; run the experiment again") from None
    return run


class _Damaged(ValueError):
    """A document that fits its types is damaged all the same; the message is a sentence."""


def _why(error: Exception) -> str:
    """Return what is wrong as a sentence: the text of a KeyError is a name and no more."""
    if isinstance(error, msgspec.ValidationError | _Damaged):
        return one_line(error, 120)
    if isinstance(error, KeyError):
        return f"the field {one_line(error, 60)} is missing"
    if isinstance(error, RecursionError):
        return "its values are nested too deeply"
    return "a value has the wrong type for its schema"


def _check_variants(run: RunDocument) -> None:
    for experiment in run.experiments:
        if not experiment.variants:
            raise _Damaged(f"{experiment.name} has no variants")
        for variant in experiment.variants:
            _ = variant.counts  # sentences are made of them


def _check_predictions(run: RunDocument) -> None:
    for made in [each.prediction for each in run.experiments if each.prediction]:
        for index in (made.predicted, made.observed):
            if index is not None and not 0 <= index < len(made.choices):
                raise _Damaged(f"a prediction has no choice {index}")
