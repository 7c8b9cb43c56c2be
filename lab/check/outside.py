"""What a service uses besides its client's requests: ports it connects to, files it writes."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lab.check.peers import Peers
from lab.check.pool import Pool
from lab.check.process import Process
from lab.check.sockets import connected, unix_peers

MOST_FILES = 20_000
_PASSING = {".git", "__pycache__", "node_modules", ".venv", "venv", ".pytest_cache"}


@dataclass(frozen=True)
class Snapshot:
    """Size and time of files by name; `cut` says that there are more than were looked at."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    cut: bool = False


def snapshot(folder: Path, skip: frozenset[Path]) -> Snapshot:
    """Look at a folder's files (at most 20,000; tools' own and `skip`, absolute, left out)."""
    seen: dict[str, tuple[int, int]] = {}
    waiting, said = [folder], _own_output()
    while waiting and len(seen) < MOST_FILES:
        with suppress(OSError):
            for path in waiting.pop().iterdir():
                if path.is_dir() and not path.is_symlink():
                    if path.name not in _PASSING and path.absolute() not in skip:
                        waiting.append(path)
                elif path.is_file() and path.suffix != ".pyc":
                    stat = path.stat()
                    if (stat.st_dev, stat.st_ino) in said:
                        continue
                    seen[str(path.relative_to(folder))] = (stat.st_size, stat.st_mtime_ns)
    return Snapshot(seen, cut=bool(waiting))


def _own_output() -> set[tuple[int, int]]:
    """What we print may go to a file there."""
    found = set()
    for number in (1, 2):
        with suppress(OSError):
            stat = os.fstat(number)
            found.add((stat.st_dev, stat.st_ino))
    return found


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the files that came, went or changed."""
    names = before.files.keys() | after.files.keys()
    return sorted(name for name in names if before.files.get(name) != after.files.get(name))


def _connected(process: Process, family: Sequence[psutil.Process]) -> set[str]:
    """Return the names of what a process and those below it are connected to."""
    ports = connected(family, process.port, "inet")
    return {*unix_peers(family), *(f"{ip}:{port}" for ip, port in ports)}


def _open_files(each: psutil.Process, log: Path) -> Iterator[str]:
    """Yield the files that a process has open for writing."""
    for file in each.open_files():
        # Where the system does not say how (macOS), an open file is not a written one.
        if getattr(file, "mode", "r") == "r" or file.path.startswith("/dev/"):
            continue
        if Path(file.path) != log:
            yield file.path


class Outside:
    """What a service uses: call `look` before and after it runs, `ask` in between."""

    def __init__(self, pool: Pool, folder: Path, own: Path) -> None:
        self._pool = pool
        # Our own logs lie somewhere below, as a rule; the folder itself must not be skipped.
        skip = {own.absolute(), own.absolute().parent} - {folder.absolute()}
        self._folder, self._skip = folder, frozenset(skip)
        self._before: Snapshot | None = None
        self._written: list[str] = []
        self._volumes: dict[Path, Snapshot] = {}
        self._on_volumes: set[str] = set()
        self._peers: set[str] = set()
        self._open: set[str] = set()
        self.peers = Peers()
        self.caveat = ""

    def look(self) -> None:
        """Look at the files: the first call remembers them, later ones note what has changed."""
        for volume in self._pool.start.shared:
            seen = snapshot(volume, self._skip)
            for name in changed(self._volumes.setdefault(volume, seen), seen):
                self._on_volumes.add(f"it wrote {volume / name}, which is shared")
        if not self._pool.isolation:
            self._written = self._pool.written
            return
        now = snapshot(self._folder, self._skip)
        if now.cut:
            self.caveat = f" (of more than {MOST_FILES} files, only the first were looked at)"
        self._before = self._before or now
        self._written = changed(self._before, now)

    def ask(self, process: Process, family: Sequence[psutil.Process]) -> None:
        """Note the connections and open files of a process and its children."""
        self._peers |= _connected(process, family)
        for each in family:
            with suppress(psutil.Error):
                self._open |= {*_open_files(each, process.child.log_path.absolute())}

    @property
    def disk(self) -> list[str]:
        """The files that the service wrote, or has open for writing, in words."""
        shared = tuple(f"{volume}/" for volume in self._pool.start.shared)
        opened = [each for each in sorted(self._open) if not each.startswith(shared)]
        return [f"it wrote {name}" for name in self._written[:3]] + [
            f"it has {name} open for writing" for name in opened[:3]
        ]

    @property
    def network(self) -> list[str]:
        """The addresses the service talks to, and its files on a shared volume, in words."""
        self.peers.catch_up()
        talks = {f"it talks to {each}" for each in self._peers.union(self.peers.shown)}
        return sorted(talks | self._on_volumes)[:3]

    @property
    def touched(self) -> list[str]:
        """The files and addresses of the service in words, a few of each."""
        return self.disk + self.network

    @property
    def blind(self) -> str:
        """Why files and connections of the service could not be seen; "" if they could."""
        return self._pool.isolation or self._pool.unreported
