"""`lab store`: faults of the session store of a running `lab up`."""

from pathlib import Path

import click

from lab.cli import options
from lab.cli.server_faults import give_order

_DONE = {
    "kill": "✕ store: pid {pid} {signal}, {seen}",
    "restart": "✓ store: started again, empty",
    "pause": "~ store: paused; `lab store resume` resumes it",
    "resume": "✓ store: resumed",
}


@click.command()
@click.argument("do", metavar=f"[{'|'.join(_DONE)}]", type=click.Choice(list(_DONE)))
@options.out
def store(do: str, out: Path) -> None:
    """Break or repair the session store of the running `lab up`.

    If it has no store yet, `lab reset --store redis` gives it one.
    """
    give_order(out, "/lab/store", {"do": do}, _DONE[do])


COMMANDS = (store,)
