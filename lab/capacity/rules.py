"""From constants and assumptions to what users need. Pure.

A visit is one login, some reads and writes, and sometimes a logout. Everything is sized for
the peak, and so that no machine is fuller than the target. Nothing is extrapolated to carts
larger than those measured; everything is proportional to the number of requests.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lab.capacity.assumptions import (
    HANDSHAKE_BYTES,
    HOURS_PER_MONTH,
    THREADS_PER_SERVER,
    Assumptions,
)
from lab.capacity.constants import REQUESTS, ConstantsRow

STORE_CORES = 1  # a store runs all commands on one thread: more cores of its machine do not help


@dataclass(frozen=True)
class Part:
    """What one part of the system needs, and the resource that decides the number of machines.

    `by_resource` is in machines, not rounded; `machines` is rounded up; `copies` are the replicas
    and spare machines beyond what the load needs.
    """

    cores: float
    memory_bytes: float
    machines: int
    binds: str
    by_resource: Mapping[str, float]
    copies: int = 0

    @property
    def all_machines(self) -> int:
        """Machines for the load, replicas and spare ones."""
        return self.machines + self.copies


@dataclass(frozen=True)
class Need:
    """What one row needs at the peak. `impossible` is the reason where no machines are enough.

    `requests_per_core` is what one core of a server does in a second, doing nothing else;
    `store_wait_s` how long a request waits for the network to the store, on average;
    `cost_month` is in the currency of the prices, None without prices.
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
    """Machines of all parts, copies included; None if the row is impossible."""
    store_wait_s: float = 0.0
    cost_month: float | None = None

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

    Data centres share the users evenly; each has all parts. LabError if the carts are larger
    than those that were measured.
    """
    centres = assume.data_centres
    if centres == 1:
        return _need(row, files, assume)
    one = _need(row, files, replace(assume, users=math.ceil(assume.users / centres)))
    return _times(one, centres)


def _need(row: ConstantsRow, files: ConstantsRow | None, assume: Assumptions) -> Need:
    full = _Flow(row, assume)
    in_process = process_bytes(row, files, assume.cart_lines)
    alive = assume.visits_alive
    desk_cores = full.cores("desk_cpu")
    servers = max(math.ceil(desk_cores), math.ceil(full.waiting_servers), assume.replicas_min)
    in_bytes, out_bytes = full.traffic("request"), full.traffic("answer")
    desk_bytes = servers * row.value("at_rest", "server") + alive * in_process
    in_files, in_store = (full.kept(what) for what in ("in_files", "in_store"))
    desk = part(assume, desk_cores, desk_bytes, max(in_bytes, out_bytes))
    balancer = part(assume, full.balancer_cores, 0, in_bytes + out_bytes)
    balancer = _copied(balancer, assume.balancer_replicas, assume)
    desk = _copied(desk, 0, assume)
    remembered = bool(in_process or in_files or row.value("in_store", "session", assume.cart_lines))
    store = _store(row, full, in_store)
    impossible = _impossible(row, servers)
    parts = [desk, balancer, *([store] if store else [])]
    machines = sum(each.all_machines for each in parts)
    per_request_wait = full.store_wait_s
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
        machines=None if impossible else machines,
        store_wait_s=per_request_wait,
        cost_month=None if impossible else _cost_month(assume, machines, out_bytes),
    )


def _times(one: Need, centres: int) -> Need:
    """Return what so many data centres need, each as much as `one`."""

    def parts(each: Part) -> Part:
        return replace(
            each,
            cores=each.cores * centres,
            memory_bytes=each.memory_bytes * centres,
            machines=each.machines * centres,
            by_resource={name: share * centres for name, share in each.by_resource.items()},
            copies=each.copies * centres,
        )

    return replace(
        one,
        requests_s=one.requests_s * centres,
        requests_peak_s=one.requests_peak_s * centres,
        sessions=one.sessions * centres,
        store_operations_s=one.store_operations_s * centres,
        request_bytes_s=one.request_bytes_s * centres,
        answer_bytes_s=one.answer_bytes_s * centres,
        file_bytes=one.file_bytes * centres,
        servers=one.servers * centres,
        desk=parts(one.desk),
        balancer=parts(one.balancer),
        store=parts(one.store) if one.store else None,
        machines=None if one.machines is None else one.machines * centres,
        cost_month=None if one.cost_month is None else one.cost_month * centres,
    )


def _copied(needed: Part, replicas: int, assume: Assumptions) -> Part:
    """Return a part with its replicas and spare machines."""
    return replace(needed, copies=needed.machines * replicas + assume.spare_machines)


def _cost_month(assume: Assumptions, machines: int, peak_answer_bytes_s: float) -> float | None:
    """Return what the machines and the mean traffic of answers cost in a month of 730 hours."""
    if not assume.has_prices:
        return None
    machine = (
        assume.cores_per_machine * assume.price_core_hour
        + assume.memory_per_machine / 1e9 * assume.price_memory_hour
    )
    gigabytes = peak_answer_bytes_s / assume.peak_factor * HOURS_PER_MONTH * 3600 / 1e9
    return machines * machine * HOURS_PER_MONTH + gigabytes * assume.price_traffic


def process_bytes(row: ConstantsRow, files: ConstantsRow | None, lines: float) -> float:
    """Return the bytes of a session in a server's process, 0 if none stays there.

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


def part(
    assume: Assumptions,
    cores: float,
    memory_bytes: float,
    bytes_s: float,
    usable_cores: int | None = None,
) -> Part:
    """Return what a part needs of machines of the assumed kind; `cores` has the target in it.

    `usable_cores` is how many of a machine's cores its program can use, None for all.
    """
    usable = assume.target_utilisation
    shares = {
        "cpu": cores / (usable_cores or assume.cores_per_machine),
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

    @property
    def balancer_cores(self) -> float:
        """The cores that nginx takes, with the handshakes of TLS: one for each visit."""
        handshakes = self._assume.rates["login"] * self._assume.tls_handshake_s
        return self.cores("balancer_cpu") + handshakes / self._assume.target_utilisation

    def traffic(self, way: str) -> float:
        """Return the bytes a second in one direction: "request" or "answer"."""
        handshakes = self._assume.rates["login"] * HANDSHAKE_BYTES[way]
        return self.total(f"{way}_bytes") + (handshakes if self._assume.tls_handshake_s else 0)

    @property
    def store_wait_s(self) -> float:
        """How long a request waits for the network to the store, on average."""
        asked = self.total("store_operations") / sum(self._assume.rates.values())
        return asked * self._assume.store_latency_s

    @property
    def waiting_servers(self) -> float:
        """Servers whose threads are all taken by requests that are worked on, or wait.

        Little's law; the target holds for threads, too.
        """
        waits_s = self.total("store_operations") * self._assume.store_latency_s
        busy = self.total("desk_cpu") / 1e6 + waits_s
        return busy / THREADS_PER_SERVER / self._assume.target_utilisation

    def kept(self, what: str) -> float:
        """Return the bytes kept in files or the store, left by sessions, writes and logouts."""
        row, assume = self._row, self._assume
        rates, lines = assume.mean_rates, assume.cart_lines
        left = sum(rates[kind] * row.value(what, kind, lines) for kind in ("write", "logout"))
        visits = assume.visits_alive * row.value(what, "session", lines)
        return visits + left * assume.busiest_s(assume.session_lifetime_s)


def _store(row: ConstantsRow, full: _Flow, in_store: float) -> Part | None:
    if not row.of("at_rest", "store"):
        return None
    resident = in_store + row.value("at_rest", "store")
    assume = full._assume
    needed = part(assume, full.cores("store_cpu"), resident, 0, STORE_CORES)
    return _copied(needed, assume.store_replicas, assume)


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
