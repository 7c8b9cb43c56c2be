"""What a service touches beside its client: other ports it talks to, files it writes."""

from contextlib import suppress
from pathlib import Path

import psutil

from lab.check.service import Process

MOST_FILES = 20_000
_PASSING = {".git", "__pycache__", "node_modules", ".venv", "venv", ".pytest_cache"}
Snapshot = dict[str, tuple[int, int]]


def snapshot(folder: Path, skip: Path) -> Snapshot:
    """Return size and time of a folder's files (at most 20,000; tools' own and `skip` left out)."""
    seen: Snapshot = {}
    waiting = [folder]
    while waiting and len(seen) < MOST_FILES:
        with suppress(OSError):
            for path in waiting.pop().iterdir():
                if path.is_dir() and not path.is_symlink():
                    if path.name not in _PASSING and path.absolute() != skip.absolute():
                        waiting.append(path)
                elif path.is_file() and path.suffix != ".pyc":
                    stat = path.stat()
                    seen[str(path.relative_to(folder))] = (stat.st_size, stat.st_mtime_ns)
    return seen


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the files that came, went or changed."""
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )


def contacts(process: Process) -> list[str]:
    """Return what the process tree is connected to and has open for writing, in words."""
    told: set[str] = set()
    for each in process.family():
        with suppress(psutil.Error):
            for connection in each.net_connections("inet"):
                if connection.raddr and connection.laddr.port != process.port:
                    told.add(f"it talks to {connection.raddr.ip}:{connection.raddr.port}")
        with suppress(psutil.Error):
            for file in each.open_files():
                mode = str(getattr(file, "mode", "r"))
                own_log = Path(file.path) == process.child.log_path.absolute()
                if not own_log and mode != "r" and not file.path.startswith("/dev/"):
                    told.add(f"it has {file.path} open for writing")
    return sorted(told)
