"""The kept runs as a table for the terminal, and as JSON."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from lab.core.text import one_line
from lab.report.catalog import KeptRun, size_bytes


def runs_table(runs: Sequence[KeptRun]) -> Table:
    """Return a row for each run: its folder, its kind, what was run or checked, what was found."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("run", overflow="fold", min_width=24)
    table.add_column("kind", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("found")
    for each in runs:
        table.add_row(
            Text(one_line(each.folder.name, 80)),
            each.kind,
            Text(one_line(each.what, 60)),
            Text(each.found, "" if each.summary else "dim"),
            style="" if each.summary else "dim",
        )
    return table


def as_json(runs: Sequence[KeptRun]) -> list[Mapping[str, object]]:
    """Return the runs as plain JSON values, the newest first."""
    return [
        {
            "run": each.folder.name,
            "folder": str(each.folder.absolute()),
            "kind": each.kind,
            "what": list(each.summary.what) if each.summary else [each.what],
            "found": each.found,
            "began": each.began.isoformat(timespec="seconds"),
            "document": each.document.name if each.document else None,
            "bytes": size_bytes(each),
        }
        for each in runs
    ]
