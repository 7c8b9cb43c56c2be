"""The folder that a run is kept in: a new one for each run, readable by its owner only."""

import os
import re
import shutil
import stat
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from lab.core.errors import LabError, reason

DEFAULT_ROOT = Path("lab-runs")
RUN_FOLDER_NAME = re.compile(r"(\d{8}-\d{6})-(.+)")  # when the run began, and its name
KEPT_S = 24 * 3600  # a day of teaching
_made: list[Path] = []
_latest_before: dict[Path, Path | None] = {}
"""What `latest` stood for when a folder was made."""


def newest() -> Path | None:
    """Return the newest run folder of this process, None before the first."""
    return _made[-1] if _made else None


def new_run_folder(
    root: Path, name: str, *, latest: bool = True, now: datetime | None = None
) -> Path:
    """Make `root/<time>-<name>` (mode 0700) and return it; `root/latest` then points to it.

    `latest=False`, for what gets no report, leaves that link as it is. Raises LabError if the
    folder cannot be made, or if another user could put something else in its place.
    """
    stem = f"{now or datetime.now():%Y%m%d-%H%M%S}-{name}"
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        folder = root / (stem + suffix)
        try:
            folder.mkdir(mode=0o700, parents=True)
        except FileExistsError as error:
            if os.path.lexists(folder):
                continue
            raise LabError(_in_the_way(root, error)) from None  # a folder above it
        except (OSError, ValueError) as error:  # ValueError: a NUL in its name
            raise LabError(
                f"cannot keep runs in {root}: {reason(error)}; choose another --out"
            ) from None
        _require_own(root, folder)
        _made.append(folder)
        if latest:
            _latest_before[folder] = _latest_of(root)
            _point_latest(root, folder)
        return folder
    raise LabError(f"too many runs started in this second in {root}; try again")


def discard_empty() -> None:
    """Remove this process's run folders that have no file; `latest` is what it was before."""
    for folder in [*_made]:
        with suppress(OSError):
            if all(path.is_dir() for path in folder.rglob("*")):
                _discard(folder)


def _discard(folder: Path) -> None:
    root, before = folder.parent, _latest_before.get(folder)
    is_latest = _latest_of(root) == folder
    shutil.rmtree(folder)
    _made.remove(folder)
    if is_latest and before and before.is_dir():
        _point_latest(root, before)
    elif is_latest:
        (root / "latest").unlink()


def is_own(path: Path) -> bool:
    """Return True if a file, link or folder is this user's (on Windows: always)."""
    return os.name == "nt" or path.lstat().st_uid == os.geteuid()


def _require_own(root: Path, folder: Path) -> None:
    """Remove the new folder and raise LabError if another user could exchange it.

    Not where the disk knows no rights (a USB stick, Windows' disks in WSL): all is 0777 there.
    """
    if os.name == "nt" or folder.stat().st_mode & 0o077:
        return
    if others := _who_can_replace(root):
        folder.rmdir()
        raise LabError(
            f"cannot keep runs in {root}: {others}, and could put something else in its place; "
            "work in a folder of your own, or choose another --out"
        )


def _who_can_replace(root: Path) -> str:
    """Say which other user could exchange what is in `root`, or above it; "" if none could.

    Root works in folders of others, as in a container: then only that of the runs itself counts.
    """
    for each in (root, root.resolve(), *root.resolve().parents):
        seen = each.lstat()
        is_runs = each in (root, root.resolve())
        if seen.st_uid not in (0, os.geteuid()) and (is_runs or os.geteuid() != 0):
            return f"{each} is another user's"
        if stat.S_ISLNK(seen.st_mode):
            continue
        if seen.st_mode & stat.S_IWOTH and (is_runs or not seen.st_mode & stat.S_ISVTX):
            return f"every user may write in {each}"
    return ""


def entries_of(root: Path) -> list[os.DirEntry[str]]:
    """Return what is in the folder of runs, nothing where there is none; LabError if unreadable."""
    try:
        return list(os.scandir(root))
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        if isinstance(error, FileNotFoundError) and _link_in(root) is None:
            return []
        raise LabError(_unreadable(root, error)) from None


def _unreadable(root: Path, error: OSError | ValueError) -> str:
    what = f"cannot read the runs in {root}"
    link = None if isinstance(error, PermissionError | ValueError) else _link_in(root)
    if link:
        return f"{what}: {_describe_link(link)}, or choose another --out"
    if isinstance(error, NotADirectoryError):
        return f"{what}: it is a file: move it away, or choose another --out"
    return f"{what}: {reason(error)}; choose another --out"


def _in_the_way(root: Path, error: OSError) -> str:
    if (link := _link_in(root)) is None:
        return f"cannot keep runs in {root}: {reason(error)}; choose another --out"
    return f"cannot keep runs in {root}: {_describe_link(link)}, or choose another --out"


def _link_in(root: Path) -> Path | None:
    """Return the first link on the way to `root` that leads to no folder."""
    ways = (each for each in (root, *root.parents) if each.is_symlink())
    return next((each for each in ways if not each.is_dir()), None)


def _describe_link(link: Path) -> str:
    try:
        link.stat()
        why = "which is not a folder: remove the link"
    except FileNotFoundError:
        why = "which is not a folder: make that folder, remove the link"
    except OSError as error:  # a link to itself
        why = f"which does not lead to a folder ({reason(error)}): remove the link"
    return f"{link} is a link to {link.readlink()}, {why}"


def _latest_of(root: Path) -> Path | None:
    """Return the folder that `latest` stands for, None if there is no such link."""
    latest = root / "latest"
    try:
        name = latest.read_text(encoding="utf-8") if os.name == "nt" else latest.readlink()
    except (OSError, ValueError):
        return None
    return root / name


def _point_latest(root: Path, folder: Path) -> None:
    # Made aside and moved into place: another lab may be starting in the same folder.
    aside = folder / ".latest"
    if os.name == "nt":  # symbolic links need a privilege there
        aside.write_text(folder.name, encoding="utf-8")
    else:
        aside.symlink_to(folder.name)
    try:
        aside.replace(root / "latest")
    except OSError:  # the user has a folder of that name: the link is only a convenience
        aside.unlink()


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never finds half of it."""
    unfinished = path.with_suffix(".part")
    unfinished.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    unfinished.replace(path)


def write_private(path: Path, text: str) -> None:
    """Write a file anew that only its owner may read."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def read_own(path: Path, most_bytes: int, now_s: float | None = None) -> bytes | None:
    """Return what is in a plain file of the last day that no other user can read, else None."""
    now_s = time.time() if now_s is None else now_s
    try:
        seen = path.lstat()
        mine = os.name == "nt" or (is_own(path) and not seen.st_mode & 0o077)
        fresh = 0 <= now_s - seen.st_mtime <= KEPT_S
        if not (stat.S_ISREG(seen.st_mode) and mine and fresh and seen.st_size <= most_bytes):
            return None
        return path.read_bytes()
    except OSError:
        return None
