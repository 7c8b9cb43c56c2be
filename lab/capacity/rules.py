"""From constants and assumptions to what users need. Pure.

A visit is one login, some reads and writes, and sometimes a logout. Everything is sized for
the peak, and so that no machine is fuller than the target. Nothing is extrapolated to carts
larger than those measured; everything is proportional to the number of requests.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lab.capacity.assumptions import Assumptions
from lab.capacity.constants import REQUESTS, ConstantsRow


@dataclass(frozen=True)
class Part:
    """What one part of the system needs, and the resource that decides the number of machines.

    `by_resource` is in machines, not rounded; `machines` is rounded up.
    """

    cores: float
    memory_bytes: float
    machines: int
    binds: str
    by_resource: Mapping[str, float]


@dataclass(frozen=True)
class Need:
    """What one row needs at the peak. `impossible` is the reason where no machines are enough.

    `requests_per_core` is what one core of a server does in a second, doing nothing else.
    """

    row: str
    app: str
    requests_s: float
    requests_peak_s: float
    sessions: float
    requests_per_core: float
    carts_per_server: float
    store_operations_s: float
    request_bytes_s: float
    answer_bytes_s: float
    file_bytes: float
    servers: int
    desk: Part
    balancer: Part
    store: Part | None
    impossible: str | None
    machines: int | None
    """Of all parts together; None where the row is impossible."""

    @property
    def parts(self) -> list[Part]:
        """The parts that the row has."""
        return [self.desk, self.balancer, *([self.store] if self.store else [])]

    @property
    def cores(self) -> float:
        """Cores of all parts together, at the target utilisation."""
        return sum(part.cores for part in self.parts)


def need(row: ConstantsRow, files: ConstantsRow | None, assume: Assumptions) -> Need:
    """Return what a row needs. `files` is the file row: it shows what a line adds.

    LabError where the carts are larger than those that were measured.
    """
    full = _Flow(row, assume)
    in_process = process_bytes(row, files, assume.cart_lines)
    alive = assume.visits_alive
    desk_cores = full.cores("desk_cpu")
    servers = max(math.ceil(desk_cores), assume.replicas_min)
    in_bytes, out_bytes = full.total("request_bytes"), full.total("answer_bytes")
    desk_bytes = servers * row.value("at_rest", "server") + alive * in_process
    in_files, in_store = (full.kept(what) for what in ("in_files", "in_store"))
    desk = part(assume, desk_cores, desk_bytes, max(in_bytes, out_bytes))
    balancer = part(assume, full.cores("balancer_cpu"), 0, in_bytes + out_bytes)
    remembered = bool(in_process or in_files or row.value("in_store", "session", assume.cart_lines))
    store = _store(row, full, in_store)
    impossible = _impossible(row, servers)
    parts = [desk, balancer, *([store] if store else [])]
    return Need(
        row=row.name,
        app=row.app,
        requests_s=assume.requests_s,
        requests_peak_s=assume.requests_s * assume.peak_factor,
        sessions=alive if remembered else 0.0,
        requests_per_core=assume.requests_s * assume.peak_factor / full.total("desk_cpu") * 1e6,
        carts_per_server=alive / servers if in_process else 0.0,
        store_operations_s=full.total("store_operations"),
        request_bytes_s=in_bytes,
        answer_bytes_s=out_bytes,
        file_bytes=in_files,
        servers=servers,
        desk=desk,
        balancer=balancer,
        store=store,
        impossible=impossible,
        machines=None if impossible else sum(each.machines for each in parts),
    )


def process_bytes(row: ConstantsRow, files: ConstantsRow | None, lines: float) -> float:
    """Return the bytes of a session in a server's process, 0 where none stays there.

    Measured with an empty cart; a line adds what it adds to a session's file, which holds the
    same pickle.
    """
    if not row.of("in_process", "session"):
        return 0.0
    empty = row.value("in_process", "session")
    if files is None:
        return empty
    added = files.value("in_files", "session", lines) - files.value("in_files", "session")
    return empty + max(0.0, added)


def part(assume: Assumptions, cores: float, memory_bytes: float, bytes_s: float) -> Part:
    """Return what a part needs of machines of the assumed kind; `cores` has the target in it."""
    usable = assume.target_utilisation
    shares = {
        "cpu": cores / assume.cores_per_machine,
        "memory": memory_bytes / (assume.memory_per_machine * usable),
        "network": bytes_s / (assume.network_per_machine * usable),
    }
    binds = max(shares, key=lambda name: shares[name])
    return Part(cores, memory_bytes, max(1, math.ceil(shares[binds])), binds, shares)


class _Flow:
    """The requests of a row at the peak, each kind with its constants."""

    def __init__(self, row: ConstantsRow, assume: Assumptions) -> None:
        self._row, self._assume = row, assume

    def total(self, what: str) -> float:
        """Return a constant summed over the requests of one second."""
        lines = self._assume.cart_lines
        rates = self._assume.rates
        return sum(rates[kind] * self._row.value(what, kind, lines) for kind in REQUESTS)

    def cores(self, what: str) -> float:
        """Return the cores that a constant in µs takes, none busier than the target."""
        return self.total(what) / 1e6 / self._assume.target_utilisation

    def kept(self, what: str) -> float:
        """Return the bytes that are kept in files or the store, by sessions, writes and logouts."""
        row, assume = self._row, self._assume
        rates, lines = assume.mean_rates, assume.cart_lines
        left = sum(rates[kind] * row.value(what, kind, lines) for kind in ("write", "logout"))
        visits = assume.visits_alive * row.value(what, "session", lines)
        return visits + left * assume.busiest_s(assume.session_lifetime_s)


def _store(row: ConstantsRow, full: _Flow, in_store: float) -> Part | None:
    if not row.of("at_rest", "store"):
        return None
    resident = in_store + row.value("at_rest", "store")
    return part(full._assume, full.cores("store_cpu"), resident, 0)


def _impossible(row: ConstantsRow, servers: int) -> str | None:
    """Return why a row cannot have so many servers, or None: a second one must know the cart."""
    if servers < 2 or row.value("served_by_another", "read") >= 1:
        return None
    probe = row.of("served_by_another", "read")[0]
    lost = probe.n - round(probe.value * probe.n)
    return (
        f"this many users need {servers} server processes, and when there was a second one, "
        f"{lost} of {probe.n} customers were not served"
    )
