"""A conversation with two servers that live: the calls go to one and the other in turn."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import requests

from lab.check.family import listening, tree
from lab.core.errors import LabError
from lab.core.neighbours import new_module
from lab.core.text import one_line
from lab.processes.child import Child
from lab.processes.ports import free_ports, is_open
from lab.processes.spawn import Children, clean_environment, prepare_run_dir
from lab.processes.waiting import end_of, wait_until

_PIECE_READY_S = 60.0
_PIECE_ANSWERS_S = 20.0
_MOST_QUOTED = 76  # characters of a body


class Turn(msgspec.Struct):
    """One call: which server was asked, and what it said."""

    server: str
    request: str
    status: int
    said: str


class Turns(msgspec.Struct):
    """A conversation with two servers. `stopped` is why the client gave up, "" if it did not."""

    pids: list[int]
    steps: list[Turn]
    stopped: str = ""


@dataclass(frozen=True)
class TurnServer:
    """One process of the service, with a disk (a working folder) of its own."""

    name: str
    pid: int
    url: str


class InTurn(requests.Session):
    """A client that asks two servers in turn, and keeps its cookies."""

    def __init__(self, servers: Sequence[TurnServer]) -> None:
        super().__init__()
        self.trust_env = False
        self.steps: list[Turn] = []
        self._servers = servers

    def request(self, method: str, url: str, **how: Any) -> requests.Response:  # type: ignore[override]
        """Send one call to the server whose turn it is; `url` is a path. Follow no redirect."""
        server = self._servers[len(self.steps) % len(self._servers)]
        how |= {"allow_redirects": False, "timeout": _PIECE_ANSWERS_S}
        answer = super().request(method, server.url + url, **how)
        said = answer.headers.get("location") or " ".join(answer.text.split())
        self.steps.append(
            Turn(server.name, f"{method} {url}", answer.status_code, one_line(said, _MOST_QUOTED))
        )
        return answer


def run_talk(talk: Path, servers: Sequence[TurnServer]) -> Turns:
    """Run the conversation of a file `talk.py`; where its client cannot go on, say why."""
    module, run = new_module(talk, "museum")
    run()
    client, stopped = InTurn(servers), ""
    with client:
        try:
            module.script(client)
        except (LookupError, ValueError, requests.RequestException) as error:
            # An answer came without what a client needs, or none came.
            stopped = f"{type(error).__name__}: {one_line(error, _MOST_QUOTED)}"
    return Turns([each.pid for each in servers], client.steps, stopped)


@contextmanager
def two_servers(
    service: Path, words: Sequence[str], env: Mapping[str, str], folder: Path
) -> Iterator[list[TurnServer]]:
    """Start a service twice; yield both when they listen.

    `words` is the program and what stands before the file, whose name and port follow.
    """
    prepare_run_dir(folder)
    children = Children()
    try:
        names = zip("AB", free_ports(2), strict=True)
        yield [_start(children, service, words, env, folder, name, port) for name, port in names]
    finally:
        children.close()


def _start(
    children: Children,
    service: Path,
    words: Sequence[str],
    env: Mapping[str, str],
    folder: Path,
    name: str,
    port: int,
) -> TurnServer:
    disk, log = folder / name, folder / "logs" / f"{name}.log"
    disk.mkdir()
    shutil.copy(service, disk)
    child = children.spawn(
        f"server {name}",
        [*words, service.name, str(port)],
        log_path=log,
        env=clean_environment(env),
        cwd=disk,
    )
    ready = wait_until(lambda: _listens(child, port) or not child.running(), _PIECE_READY_S)
    if not ready or not child.running():
        raise LabError(f"{service.name} did not start; {end_of(log)}")
    return TurnServer(name, child.pid, f"http://127.0.0.1:{port}")


def _listens(child: Child, port: int) -> bool:
    """Return True if this child listens: another program may have taken the port."""
    return is_open(port) and any(port in listening(each) for each in tree(child.pid))
