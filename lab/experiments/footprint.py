"""What a variant's servers and its store hold between two requests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # an experiment's file names `Footprint` only
    from lab.experiments.script_stack import ScriptContext
    from lab.stack.session_store import Store


@dataclass(frozen=True)
class Footprint:
    """What a variant holds between two requests, in each place there is for it.

    Counts are of sessions. `process_bytes` is the whole resident set of the servers, and so
    coarse; `store_bytes` the memory of this variant's keys as the store reports it.
    """

    in_processes: int
    in_files: int
    in_store: int
    process_bytes: int
    file_bytes: int
    store_bytes: int
    written_bytes: int | None = None
    """What the servers' processes have written so far to files and pipes; None if not known."""

    requests_served: int = 0
    """How many requests the servers have had so far, those of others among them."""

    sees_files: bool = True
    """True if the lab can see session files: not on other machines."""

    @property
    def sessions(self) -> int:
        """Sessions held on the server side, in all places together."""
        return self.in_processes + self.in_files + self.in_store


def measure_footprint(context: ScriptContext) -> Footprint:
    """Ask servers and store now; LabError if a server cannot be looked at.

    Session files of servers that the lab did not start are not seen, only that they are written.
    """
    from lab.processes.waiting import at_once

    servers = context.pool.servers.values()
    looks = at_once(lambda server: server.look(), list(servers))
    written = [look.written_bytes for look in looks]
    said = [server.server_info() for server in servers]
    folder = Path(context.fill("{folder}")) / "sessions" / context.variant.name
    files = [path for path in folder.glob("*") if path.is_file()]
    store = context.store if context.variant.uses_store else None
    prefix = context.store_prefix
    return Footprint(
        in_processes=sum(each["carts_remembered"] for each in said),
        requests_served=sum(each["requests_served"] for each in said),
        in_files=len(files),
        in_store=store.stats(prefix).keys if store else 0,
        process_bytes=sum(look.memory_bytes for look in looks),
        file_bytes=sum(path.stat().st_size for path in files),
        store_bytes=_store_bytes(store, prefix) if store else 0,
        sees_files=not context.variant.server_urls,
        written_bytes=None if None in written else sum(each or 0 for each in written),
    )


def _store_bytes(store: Store, prefix: str) -> int:
    from lab.stack.store_client import ask, connect, keys_under

    # Key by key: a store's memory as a whole moves by more than a few sessions take up.
    with connect(store.url) as client:
        keys = keys_under(client, prefix)
        return sum(ask(lambda: [client.memory_usage(key) or 0 for key in keys]))
