"""The pieces of the museum: what was reported, and the files that show it."""

import difflib
import textwrap
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lab.check.judge import Level
from lab.core.errors import LabError
from lab.core.nearest import nearest

PIECES = Path(__file__).with_name("pieces")
VISIT = ("ctfd", "gunicorn", "mlflow", "docling", "fastmcp", "limiter")
"""The names of the pieces, in the order of a visit."""


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """The label of a piece, from `piece.toml`: a report in our own words, and the verdicts.

    `packages` are the Python distributions that the piece runs on, `npm` the packages of Node.
    """

    title: str
    report: str
    url: str
    year: int
    story: str
    cause: str
    remedy: str
    fault: Level
    mended: Level
    packages: list[str] = []
    npm: list[str] = []


@dataclass(frozen=True)
class Piece:
    """One outage: its name, its label, and the folder of its files."""

    name: str
    label: Label
    folder: Path

    @property
    def on_node(self) -> bool:
        """True if its service runs on Node."""
        return bool(self.label.npm)

    def service(self, state: str) -> Path:
        """Return the file of the service, `state` is "before" or "after" the remedy."""
        return self.folder / f"{state}.{'js' if self.on_node else 'py'}"

    @property
    def story(self) -> str:
        """What was reported, on one line."""
        return " ".join(textwrap.dedent(self.label.story).split())

    @property
    def difference(self) -> str:
        """The remedy, as a unified diff of one line of context."""
        before, after = self.service("before"), self.service("after")
        old, new = (path.read_text(encoding="utf-8").splitlines() for path in (before, after))
        return "\n".join(difflib.unified_diff(old, new, before.name, after.name, "", "", 1, ""))


def pieces() -> list[Piece]:
    """Return all pieces, in the order of a visit."""
    return [_read(name) for name in VISIT]


def find(name: str) -> Piece:
    """Return the piece of that name; LabError that lists the names if there is none."""
    if name in VISIT:
        return _read(name)
    near = nearest(name, VISIT)
    guess = f"did you mean {near}? It has" if near else "it has"
    raise LabError(f"the museum has no {name!r}: {guess} {', '.join(VISIT)}")


def _read(name: str) -> Piece:
    folder = PIECES / name
    label = msgspec.toml.decode((folder / "piece.toml").read_bytes(), type=Label)
    return Piece(name, label, folder)
