"""Opens a kept run, this machine's or another's: `result.json`, or a clear word why not."""

import json
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.core.errors import LabError
from lab.report.document import SCHEMA_VERSION

Json = dict[str, Any]

MOST_RESULT_BYTES = 512 * 1024 * 1024
_VERDICTS = frozenset({"holds", "fails", "depends", "unknown"})
# What every version wrote, with its type or its possible values.
_NEEDED: dict[str, dict[str, Any]] = {
    "experiment": {
        "name": str,
        "claim": str,
        "verdict": _VERDICTS,
        "because": str,
        "seconds": (int, float),
        "variants": list,
    },
    "lane": {
        "name": str,
        "app": frozenset({"stateful", "stateless"}),
        "knobs": dict,
        "measurements": dict,
        "exchanges": list,
        "faults": list,
    },
    "exchange": {
        "op": str,
        "method": str,
        "path": str,
        "status": (int, type(None)),
        "outcome": frozenset({"ok", "failed", "unknown"}),
        "at_s": (int, float),
        "request": dict,
        "response": dict,
    },
    "fault": {"kind": str, "target": str, "at_s": (int, float)},
    "message": {"headers": dict},
    "outcome": {"verdict": _VERDICTS, "number": str},
    "prediction": {"question": str, "choices": list, "predicted": int},
}
_OLD_KINDS = {"hang": "pause"}  # of the store, in runs of version 0.1
_DEFAULTS: dict[str, Json] = {
    "experiment": {
        "number": "",
        "surprises": [],
        "expected": None,
        "expectation_met": None,
        "interrupted": False,
        "seed": None,
        "quick": False,
        "prediction": None,
    },
    "lane": {
        "outcome": None,
        "trouble": None,
        "broken_expectation": None,
        "traceback": None,
        "operations": {},
        "order": [],
        "upstreams": [],
    },
    "exchange": {
        "customer": "?",
        "server": None,
        "elapsed_ms": 0.0,
        "error": None,
        "replica": None,
        "instance": None,
        "fate": None,
        "bytes_sent": 0,
        "bytes_received": 0,
    },
    "fault": {"confirmed": None, "evidence": {}},
    "message": {"body": None},
    "outcome": {},
    "prediction": {"confidence": "guess", "observed": None, "right": None, "explanation": ""},
}


@dataclass(frozen=True)
class Saved:
    """A run that was kept: its document and where it lies."""

    path: Path
    document: Json

    @property
    def folder(self) -> Path:
        """The folder that holds it."""
        return self.path.parent


def load(run: str | None, root: Path) -> Saved:
    """Open RUN: a folder, a result.json, a name below `root`, or None for the latest one."""
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


def checked(document: Any, where: str) -> Json:
    """Return the document with what later versions added filled in; raise LabError if foreign."""
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
        for experiment in document["experiments"]:
            _complete("experiment", experiment)
            if experiment["prediction"] is not None:
                _prediction(experiment["prediction"])
            for lane in experiment["variants"]:
                _lane(lane)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise LabError(f"{where} is damaged: {error}; run the experiment again") from None
    if not isinstance(document.setdefault("components", {}), dict):
        raise LabError(f"{where} is damaged: its components are none; run the experiment again")
    return document


def _lane(lane: Json) -> None:
    _complete("lane", lane)
    if not isinstance(lane["upstreams"], list):
        raise TypeError("a lane whose upstreams are no list")
    if lane["outcome"] is not None:
        _complete("outcome", lane["outcome"])
    for fault in lane["faults"]:
        _complete("fault", fault)
        fault["kind"] = _OLD_KINDS.get(fault["kind"], fault["kind"])
    for exchange in lane["exchanges"]:
        _complete("exchange", exchange)
        _complete("message", exchange["request"])
        _complete("message", exchange["response"])


def _prediction(made: Json) -> None:
    _complete("prediction", made)
    for index in (made["predicted"], made["observed"]):
        if index is not None and not 0 <= index < len(made["choices"]):
            raise IndexError(f"a prediction has no choice {index}")


def _complete(kind: str, value: Json) -> None:
    """Check what every version wrote, fill in what later versions added."""
    if not isinstance(value, dict):
        raise TypeError(f"an {kind} is {type(value).__name__}")
    for name, wanted in _NEEDED[kind].items():
        if name not in value:
            raise KeyError(f"{kind} without {name}")
        found = value[name]
        fits = found in wanted if isinstance(wanted, frozenset) else isinstance(found, wanted)
        if not fits:
            raise TypeError(f"{kind} with {name} {found!r}"[:120])
    for name, default in _DEFAULTS[kind].items():
        value.setdefault(name, copy(default))


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
