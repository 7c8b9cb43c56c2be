"""The file through which other terminals find a running lab, and their calls to it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import psutil
import requests

from lab.core.errors import LabError
from lab.core.run_folder import is_own, write_private
from lab.core.shell import typed
from lab.processes.ports import is_open

A = TypeVar("A")

CONTROL_FILE = "up.json"
SECRET_HEADER = "X-Lab-Secret"
CONTROL_TIMEOUT_S = 60  # longer than a server may take to come up


@dataclass(frozen=True)
class ControlFile:
    """How to reach a running lab. It holds the secret: kept in a 0600 file, never printed."""

    origin: str
    secret: str
    pid: int


def link_of(origin: str, ticket: str) -> str:
    """Return the address that lets one browser in; a fragment is never sent to any server."""
    return f"{origin}/#ticket={ticket}"


def new_link(root: Path) -> str:
    """Return a new address that lets one browser into the lab that runs from `root`."""
    ticket = call(root, "POST", "/lab/ticket", dict[str, str], {})["ticket"]
    return link_of(_require_running(root).origin, ticket)


def call(
    root: Path, method: str, path: str, answer: type[A], body: Mapping[str, object] | None = None
) -> A:
    """Make one control call to the lab that runs from `root`; raise LabError if it refuses.

    `answer` is the type of what comes back.
    """
    control = _require_running(root)
    try:
        with requests.Session() as session:
            session.trust_env = False  # the secret is not for a proxy
            response = session.request(
                method,
                control.origin + path,
                json=body,
                headers={SECRET_HEADER: control.secret},
                timeout=CONTROL_TIMEOUT_S,
            )
        if not response.ok:
            raise LabError(str(response.json().get("detail", response.status_code)))
        return msgspec.json.decode(response.content, type=answer)
    except (requests.RequestException, msgspec.MsgspecError, ValueError) as error:
        raise LabError(
            f"the lab at {control.origin} did not answer: {type(error).__name__}"
        ) from None


def find_control_file(root: Path) -> ControlFile | None:
    """Return how to reach the lab that runs from `root`, or None if none does."""
    try:
        file = root / CONTROL_FILE
        if not is_own(file):
            return None
        control = ControlFile(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    # After a `kill -9` the file stays, and the process id may be another program's by now.
    port = urlsplit(control.origin).port
    return control if port and psutil.pid_exists(control.pid) and is_open(port) else None


def refuse_second(root: Path) -> None:
    """Raise LabError if a lab runs from `root` already."""
    if control := find_control_file(root):
        raise LabError(
            f"a lab is already running: {control.origin} (pid {control.pid}); stop it with Ctrl-C "
            "in its terminal, or keep this one apart with --out DIR"
        )


@contextmanager
def kept_control_file(root: Path, control: ControlFile) -> Iterator[None]:
    """Keep the control file in `root` during the block, readable by its owner alone."""
    path = root / CONTROL_FILE
    write_private(path, json.dumps(asdict(control)))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _require_running(root: Path) -> ControlFile:
    control = find_control_file(root)
    if control is None:
        raise LabError(
            f"no lab is running from {root}: start one with `{typed('lab up', root)}` (in another "
            "terminal, same folder), or point here with --out"
        )
    return control
