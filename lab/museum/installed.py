"""What a piece runs on: the versions that are here, and the command that brings what is not."""

import json
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from lab.museum.piece import Piece

_EXTRA = 'pip install ".[museum]"'
_NO_NODE = "install Node 18 or later (node and npm), then: "


def versions(piece: Piece, folder: Path) -> list[str]:
    """Return "name version" of each package that is installed, as seen from `folder`."""
    if piece.on_node:
        found = ((_bare(name), _npm_version(_bare(name), folder)) for name in piece.label.npm)
    else:
        found = ((name, _version(name)) for name in piece.label.packages)
    return [f"{name} {version}" for name, version in found if version]


def command_for_missing(piece: Piece, folder: Path) -> str:
    """Return the command, to be run in `folder`, that installs what is missing; "" if nothing is.

    Packages of Node are looked for as Node does: in `node_modules` of that folder or above it.
    """
    if len(versions(piece, folder)) == len(piece.label.npm or piece.label.packages):
        return "" if not piece.on_node or shutil.which("node") else _NO_NODE + _npm(piece)
    if not piece.on_node:
        return _EXTRA
    return _npm(piece) if shutil.which("node") else _NO_NODE + _npm(piece)


def modules_of_node(piece: Piece, folder: Path) -> Path:
    """Return the folder that has the piece's packages of Node."""
    first = _bare(piece.label.npm[0])
    return next(each for each in _node_modules(folder) if (each / first).is_dir())


def _npm(piece: Piece) -> str:
    return f"npm install {' '.join(piece.label.npm)}"


def _bare(package: str) -> str:
    return package.partition("@")[0]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _node_modules(folder: Path) -> Iterator[Path]:
    here = folder.absolute()
    return (each / "node_modules" for each in (here, *here.parents))


def _npm_version(name: str, folder: Path) -> str:
    for modules in _node_modules(folder):
        try:
            described = json.loads((modules / name / "package.json").read_bytes())
        except (OSError, ValueError):
            continue
        return str(described.get("version", "")) if isinstance(described, dict) else ""
    return ""
