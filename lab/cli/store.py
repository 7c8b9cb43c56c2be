"""`lab store`: faults of the session store of a running `lab up`."""

from pathlib import Path

import click

from lab.cli import options
from lab.cli.server_faults import give_order
from lab.core.faults import STORE_FAULTS, FaultKind


@click.command()
@click.argument(
    "do", metavar=f"[{'|'.join(STORE_FAULTS)}]", type=click.Choice([*map(str, STORE_FAULTS)])
)
@options.out
def store(do: str, out: Path) -> None:
    """Break or repair the session store of the running `lab up`.

    If it has no store yet, `lab reset --store redis` gives it one.
    """
    give_order(out, FaultKind(do), "/lab/store", {"do": do})


COMMANDS = (store,)
