"""Which kept runs may go, and how they go: nothing but folders that the lab made itself."""

import re
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from lab.core.errors import reason
from lab.report.catalog import KeptRun

MAY_STILL_RUN = timedelta(hours=1)
USED_AGAIN = ("measurement", "recording")
"""The kinds of run of which another command uses the newest."""
_MADE_BY_THE_LAB = re.compile(r"\d{8}-\d{6}-.+")


def superfluous(runs: Sequence[KeptRun], keep: int, now: datetime) -> list[KeptRun]:
    """Return the runs older than the newest `keep` that have a report.

    Never one that may still be going on, the newest measurement (`lab plan` uses it) or
    recording (`lab play` does), or a folder that the user has renamed.
    """
    with_report = [each for each in runs if each.summary]
    if len(with_report) <= keep:
        return []
    older = runs[runs.index(with_report[keep - 1]) + 1 :]
    used = [next((each for each in runs if each.kind == kind), None) for kind in USED_AGAIN]
    return [
        each
        for each in older
        if each not in used
        and _MADE_BY_THE_LAB.fullmatch(each.folder.name)
        and not _may_still_run(each, now)
    ]


def remove(run: KeptRun) -> str | None:
    """Remove a run's folder; return why that failed, None if it is gone."""
    try:
        shutil.rmtree(run.folder)
    except OSError as error:
        return f"{run.folder}: {reason(error)}"
    return None


def drop_dangling_latest(root: Path) -> None:
    """Remove `latest` where the run that it names is gone."""
    latest = root / "latest"
    try:
        if latest.is_symlink():
            gone = not latest.exists()
        else:  # a text file on Windows
            name = latest.read_text(encoding="utf-8").strip()
            gone = bool(_MADE_BY_THE_LAB.fullmatch(name)) and not (root / name).exists()
        if gone:
            latest.unlink()
    except (OSError, ValueError):  # the link is only a convenience
        return


def _may_still_run(run: KeptRun, now: datetime) -> bool:
    if run.document is None and now - run.began < MAY_STILL_RUN:
        return True
    try:
        pids = [*run.folder.glob("nginx.pid"), *run.folder.glob("*/nginx.pid")]
        return any(psutil.pid_exists(int(path.read_text())) for path in pids)
    except (OSError, ValueError, OverflowError):
        return False
