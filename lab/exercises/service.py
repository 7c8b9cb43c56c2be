"""A student's service while a check talks to it: real processes, each on a disk of its own."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import requests
from requests.cookies import RequestsCookieJar

from lab.check.budget import Budget
from lab.check.http import cookie_header, send, session_of_its_own
from lab.check.launcher import Launcher
from lab.check.machine import CannotIsolate, Machine
from lab.check.process import Process
from lab.check.start import Start
from lab.core.errors import LabError, reason
from lab.core.text import without_codes
from lab.exercises.declare import NotMet
from lab.exercises.exchange import HttpExchange

ANSWER_S = 10.0
NODE_MODULES = "node_modules"
NOT_COPIED = (".git", "__pycache__", "lab-runs")
MOST_LOG = 12  # lines
_MOST_LOG_BYTES = 100_000
_DEATH_S = 15.0


class Disk:
    """A copy of the student's folder, and a folder for temporary files: what one machine has.

    Where the system can do that, it is a machine indeed: what its processes write anywhere, no
    other one sees. They share what `shared` returns when the first of them starts.
    """

    def __init__(self, source: Path, root: Path, shared: Callable[[], Sequence[Path]]) -> None:
        self.folder = root / "work"
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True)
        self._shared = shared
        self._machine: Machine | None = None
        copy_work(source, self.folder)

    def machine(self) -> Machine | None:
        """Return the machine of this disk, None if the system has no means."""
        if self._machine is None:
            with suppress(CannotIsolate):
                self._machine = Machine(self._shared())
        return self._machine

    def close(self) -> None:
        """End the machine; what its processes wrote is gone."""
        if self._machine is not None:
            self._machine.close()


def copy_work(source: Path, target: Path) -> None:
    """Copy a student's files; what is not a file or folder is left out, packages become links."""
    linked = {} if os.name == "nt" else packages_of(source)

    def left_out(folder: str, names: list[str]) -> list[str]:
        here = linked if Path(folder) == source else {}
        return [
            each
            for each in names
            if each in NOT_COPIED or each in here or not _is_plain(Path(folder) / each)
        ]

    try:
        shutil.copytree(source, target, symlinks=True, ignore=left_out)
        for name, packages in linked.items():
            (target / name).symlink_to(packages.resolve())
    except shutil.Error as several:
        file = several.args[0][0][0]
        raise LabError(f"cannot copy {file}: make it readable, or move it away") from None
    except OSError as error:
        raise LabError(f"cannot copy {source}: {reason(error)}; make it readable") from None


def packages_of(source: Path) -> dict[str, Path]:
    """Return the folders of installed packages, by the names that they have in `source`.

    Where it has no node_modules, they are at NODE_PATH.
    """
    found = {each.name: each for each in source.iterdir() if _holds_packages(each)}
    elsewhere = os.environ.get("NODE_PATH", "").partition(os.pathsep)[0]
    if elsewhere and NODE_MODULES not in found and Path(elsewhere).is_dir():
        found[NODE_MODULES] = Path(elsewhere)
    return found


def _holds_packages(folder: Path) -> bool:
    if folder.name == NODE_MODULES:
        return folder.is_dir()
    return (folder / "pyvenv.cfg").is_file()


def _is_plain(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


class Caller:
    """A client that keeps the cookies it is given, and sends `headers` with each request."""

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self.headers = dict(headers or {})
        self.cookies = RequestsCookieJar()


class Transcript:
    """What happened in one check: requests with their answers, and what was done to servers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.last: HttpExchange | None = None
        self.servers = 0
        self._ends: dict[int, int] = {}

    def add(self, line: str) -> None:
        """Note what was done to a server."""
        self.lines.append(f"# {line}")

    def exchanged(self, exchange: HttpExchange) -> None:
        """Note an exchange."""
        self.lines.append(f"{exchange.curl}\n  # {exchange.summary()}")
        self.last = exchange
        self._ends[id(exchange)] = len(self.lines)

    def until(self, exchange: HttpExchange) -> str:
        """Return what happened up to an exchange of this check; what repeats stands once."""
        end = self._ends.get(id(exchange), len(self.lines))
        return "\n".join(_once(line, len(list(same))) for line, same in groupby(self.lines[:end]))


def _once(line: str, times: int) -> str:
    return line if times == 1 else f"{line}\n  # {times} times in a row"


class Service:
    """A running service of the student's; a process of it is killed whole, by SIGKILL."""

    def __init__(
        self, start: Callable[[Disk], Start], disk: Disk, logs: Path, log: Transcript, left_s: float
    ) -> None:
        self.disk = disk
        self._start = start
        self._logs = logs
        self._left_s = left_s
        self._transcript = log
        self._transcript.servers += 1
        self.number = self._transcript.servers
        self._launchers: list[Launcher] = []
        self._process: Process | None = None

    def begin(self) -> None:
        """Start a process, and return when it answers; DidNotStart if it does not."""
        folder = self._logs / f"life-{len(self._launchers) + 1}"
        budget = Budget(max_seconds=self._left_s)
        launcher = Launcher(self._start(self.disk), folder, budget)
        self._launchers.append(launcher)
        self._process = launcher.launch(self.disk.machine())

    def close(self) -> None:
        """End every process of it."""
        for launcher in self._launchers:
            launcher.close()

    def kill(self) -> None:
        """Kill the server: it no longer answers."""
        self._kill()
        self._transcript.add(f"server {self.number} is killed")

    def restart(self, disk: Disk | None = None) -> None:
        """Kill the server and start it again with its disk, or with another as on a new machine."""
        self._kill()
        where = "" if disk is None else " on a machine without its files"
        self._transcript.add(f"server {self.number} is killed, and started again{where}")
        self.disk = disk or self.disk
        self.begin()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._launchers[-1].close()  # it returns when all of it has ended

    def request(
        self,
        method: str,
        path: str,
        *,
        caller: Caller | None = None,
        timeout_s: float = ANSWER_S,
        may_fail: bool = False,
        **how: Any,
    ) -> HttpExchange:
        """Send a request; `how` is what `requests.request` takes (json, headers, params, data).

        A `caller` keeps cookies. No redirect is followed. NotMet if no answer comes, unless it
        `may_fail`.
        """
        assert self._process is not None, "it is not running"
        caller = caller or Caller()
        how["headers"] = {**caller.headers, **(how.get("headers") or {})}
        address = self._process.address
        with session_of_its_own() as session:
            seen = requests.Request(method, address.url + path, **how)
            sent = session.prepare_request(seen)
            if carried := cookie_header(caller.cookies, sent):
                sent.headers["Cookie"] = carried
        request = requests.Request(method, path, **how)
        answer = send(address, request, caller.cookies, timeout_s)
        shown = str(sent.url).removeprefix(address.url)
        exchange = HttpExchange(self.number, shown, sent, answer, self._shown)
        self._transcript.exchanged(exchange)
        if answer.status is None and not may_fail:
            raise NotMet(
                f"{exchange.line}: {answer.error}",
                evidence=exchange,
                help="See the end of what the service wrote, below.",
            )
        return exchange

    def get(self, path: str, **how: Any) -> HttpExchange:
        """GET a path."""
        return self.request("GET", path, **how)

    def post(self, path: str, **how: Any) -> HttpExchange:
        """POST to a path."""
        return self.request("POST", path, **how)

    def put(self, path: str, **how: Any) -> HttpExchange:
        """PUT to a path."""
        return self.request("PUT", path, **how)

    def patch(self, path: str, **how: Any) -> HttpExchange:
        """PATCH a path."""
        return self.request("PATCH", path, **how)

    def delete(self, path: str, **how: Any) -> HttpExchange:
        """DELETE a path."""
        return self.request("DELETE", path, **how)

    @property
    def log(self) -> str:
        """The log of the present process; only the end of a long one."""
        if self._process is None:
            return ""
        with self._process.child.log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _MOST_LOG_BYTES))
            return log.read().decode("utf-8", "replace")

    def _shown(self, exchange: HttpExchange) -> str:
        text = self._transcript.until(exchange)
        if exchange.answer.status is None or exchange.answer.status >= 500:
            tail = without_codes(self.log).strip().splitlines()[-MOST_LOG:]
            text += "".join(f"\n  | {line}" for line in tail)
        return text


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """Run a service for a `with` block; afterwards nothing of it is left."""
    try:
        service.begin()
        yield service
    finally:
        service.close()


def as_command(command: str) -> str:
    """Return a start command in which `python` is the one that runs the lab."""
    first, space, rest = command.partition(" ")
    if first in ("python", "python3"):
        quote = '"' if os.name == "nt" else "'"
        return f"{quote}{sys.executable}{quote}{space}{rest}"
    return command
