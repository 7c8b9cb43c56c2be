"""The document of a crowd, `crowd.json`: written by `lab crowd`, read again for its report."""

from pathlib import Path

import msgspec

from lab.core.errors import LabError, reason
from lab.core.json_object import JsonObject, json_text
from lab.core.text import one_line
from lab.crowd.result import CrowdResult

# What earlier versions call a field.
OLD_NAMES = {
    "answered": "responses",
    "lane": "variant",
    "visit_requests": "iteration_requests",
}


class CrowdDocument(msgspec.Struct):
    """The crowds of one run, in their order."""

    crowds: list[CrowdResult]


class _KeptCrowds(msgspec.Struct):
    crowds: list[JsonObject]


def text(document: CrowdDocument) -> str:
    """Return the document as JSON text."""
    return json_text(document)


def read(path: Path) -> CrowdDocument:
    """Read a crowd.json, of an earlier version too; LabError that says what is wrong with it."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_KeptCrowds).crowds
        crowds = [{OLD_NAMES.get(name, name): each[name] for name in each} for each in kept]
        return CrowdDocument(msgspec.convert(crowds, list[CrowdResult]))
    except OSError as error:
        raise LabError(f"cannot read {path}: {reason(error)}; `lab runs` lists the runs") from None
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        why = one_line(error, 120)
        raise LabError(f"{path} is damaged, or of another lab: {why}; run it again") from None
