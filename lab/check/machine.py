"""A machine simulated by a private disk: other processes do not see what its processes write.

A lab's servers share this computer's disk, as two servers of a real service do not. A
`Machine` is a view of the disk in which everything is as it was, and every change is private
(Linux: mount namespaces and overlayfs; elsewhere there is none).
"""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from lab.core.errors import LabError
from lab.processes.child import SIGKILL

_DISK_SCRIPT = Path(__file__).with_name("private_disk.py")
_LAYERS = "/dev/shm/.two-desks"
_LOCK = "sem."  # what keeps a lock keeps no state
_PYCACHES = ("__pycache__",)  # what an interpreter writes for itself is not state of the service


class CannotIsolate(LabError):
    """A process cannot be given a disk of its own here; the text says why."""


class Machine:
    """A private view of the disk, for as long as the `with` block or until `close`.

    `shared` are absolute paths at which processes see the real disk, as a volume that several
    machines have. Raises CannotIsolate where the system has no means.
    """

    def __init__(self, shared: Sequence[Path] = ()) -> None:
        if sys.platform != "linux":
            raise CannotIsolate("only Linux can give a process a disk of its own")
        command = [sys.executable, "-I", "-S", str(_DISK_SCRIPT), "hold", *map(str, shared)]
        self._holder = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C is for the lab alone
        )
        try:
            assert self._holder.stdout is not None
            said = self._holder.stdout.readline().decode(errors="replace").strip()
            if said != "ready":
                raise CannotIsolate(f"this system does not allow it ({said or 'no reason given'})")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self, words: Sequence[str], connections: str = "") -> list[str]:
        """Return the command that runs `words` (an absolute program first) on this machine.

        `connections` is the name of who is asked before each connection (see Connections).
        """
        here = (str(self._holder.pid), str(SIGKILL), str(os.getpid()), connections)
        inside = [str(_DISK_SCRIPT), "enter", *here]
        return [sys.executable, "-I", "-S", *inside, "--", *words]

    def written(self) -> list[str]:
        """Return the absolute paths of files created, deleted or changed; [] once closed.

        Shared memory counts, too: other machines do not have it.
        """
        return sorted([*self._written(), *self._memory()])

    def _memory(self) -> Iterator[str]:
        shared = Path(f"/proc/{self._holder.pid}/root/dev/shm")
        with suppress(OSError):
            names = (each.name for each in shared.iterdir() if each.name != Path(_LAYERS).name)
            yield from (f"/dev/shm/{name}" for name in names if not name.startswith(_LOCK))
        with suppress(OSError, ValueError):
            assert self._holder.stdin is not None and self._holder.stdout is not None
            self._holder.stdin.write(b"?")
            self._holder.stdin.flush()
            if int(self._holder.stdout.readline() or 0):
                yield "System V shared memory"

    def _written(self) -> Iterator[str]:
        for layer in _folders(Path(f"/proc/{self._holder.pid}/root") / _LAYERS[1:]):
            with suppress(OSError):
                place = (layer / "path").read_text(encoding="utf-8", errors="surrogateescape")
                for found, folders, files in os.walk(layer / "upper"):
                    folders[:] = [each for each in folders if each not in _PYCACHES]
                    below = Path(found).relative_to(layer / "upper")
                    for file in files:
                        if not _holds_nothing(Path(found) / file):
                            yield str(Path(place) / below / file)

    def close(self) -> None:
        """End the view. Its files are gone when the last process in it has ended."""
        for pipe in (self._holder.stdin, self._holder.stdout):
            if pipe:
                pipe.close()
        self._holder.kill()
        self._holder.wait()


def _holds_nothing(path: Path) -> bool:
    """Return True for a socket or a pipe: connections are watched elsewhere."""
    mode = path.lstat().st_mode
    return stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)


def _folders(root: Path) -> list[Path]:
    try:
        return [each for each in root.iterdir() if each.is_dir()]
    except OSError:
        return []


def can_isolate() -> bool:
    """Return True if a process here can have a disk of its own."""
    try:
        Machine().close()
    except CannotIsolate:
        return False
    return True
