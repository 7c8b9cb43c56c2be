"""`lab up`: both stacks on one origin, and a file by which other terminals find them."""

import json
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import requests
import waitress

from lab.console.control import SECRET_HEADER, Control, create_app
from lab.errors import LabError
from lab.evidence.result import Variant
from lab.lanes import Bench
from lab.runner import new_run_folder
from lab.stack.ports import is_open

DOOR_FILE = "up.json"
DEFAULT_PORT = 8000
CALL_TIMEOUT_S = 30


@dataclass(frozen=True)
class Door:
    """How to reach a running lab. It holds the secret: kept in a 0600 file, never printed."""

    origin: str
    secret: str
    pid: int


@contextmanager
def running(
    variants: Sequence[Variant],
    root: Path,
    port: int,
    progress: Callable[[str], None],
) -> Iterator[str]:
    """Keep a stack and its control service up; yield the origin."""
    _refuse_second(root)
    folder = new_run_folder(root, "up")
    control_app = _Later()
    server = waitress.create_server(control_app, host="127.0.0.1", port=0, threads=2)
    control_at = f"http://127.0.0.1:{server.effective_port}"
    # The Host that the client named is passed on: the console checks it.
    location = f"location / {{ proxy_pass {control_at}; proxy_set_header Host $http_host; }}"
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    try:
        with Bench(folder, progress).open(variants, port, (location,)) as stack:
            door = Door(stack.origin, secrets.token_urlsafe(24), os.getpid())
            host = stack.origin.removeprefix("http://")
            allowed = frozenset({host, host.replace("127.0.0.1", "localhost")})
            control_app.app = create_app(Control(stack), door.secret, allowed)
            with _left_ajar(root, door):
                yield stack.origin
    finally:
        server.close()


def call(root: Path, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make one control call to the lab that runs from `root`; raise LabError if it refuses."""
    door = find_door(root)
    if door is None:
        raise LabError(
            f"no lab is running from {root}: start one with `lab up` (in another terminal, same "
            "folder), or point here with --out"
        )
    try:
        with requests.Session() as session:
            session.trust_env = False  # the secret is not for a proxy
            answer = session.request(
                method,
                door.origin + path,
                json=body,
                headers={SECRET_HEADER: door.secret},
                timeout=CALL_TIMEOUT_S,
            )
        told: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise LabError(f"the lab at {door.origin} did not answer: {type(error).__name__}") from None
    if not answer.ok:
        raise LabError(str(told.get("detail", answer.status_code)))
    return told


def choose_port(asked: int | None) -> int:
    """Return the port asked for; with none asked, 8000 if it is free, else 0 (any)."""
    if asked is not None:
        return asked
    with socket.socket() as probe:
        if os.name != "nt":  # there it would mean something else
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            return 0
    return DEFAULT_PORT


def find_door(root: Path) -> Door | None:
    """Return how to reach the lab that runs from `root`, or None if none does."""
    try:
        door = Door(**json.loads((root / DOOR_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    # After a `kill -9` the file stays, and the process id may be somebody else's by now.
    port = urlsplit(door.origin).port
    return door if port and psutil.pid_exists(door.pid) and is_open(port) else None


class _Later:
    """A WSGI app that is set once the origin it has to check is known."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if self.app is None:
            start_response("503 Service Unavailable", [("Retry-After", "1")])
            return [b""]
        return self.app(environ, start_response)


def _refuse_second(root: Path) -> None:
    if door := find_door(root):
        raise LabError(
            f"a lab is up already: {door.origin} (pid {door.pid}); stop it with Ctrl-C in its "
            "terminal, or keep this one apart with --out DIR"
        )


@contextmanager
def _left_ajar(root: Path, door: Door) -> Iterator[None]:
    path = root / DOOR_FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(door), file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
