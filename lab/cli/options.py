"""Options that commands of every kind share."""

from pathlib import Path

import click

out = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("lab-runs"),
    show_default=True,
    help="Folder of the runs.",
)
port = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    metavar="N",
    help="Port of the page; 0 for any free port.  [default: 8000, or a free one if it is taken]",
)
no_open = click.option("--no-open", is_flag=True, help="Print the link; do not open a browser.")
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
)
