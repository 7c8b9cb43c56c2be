"""What a plan assumes and does not measure: users, their requests, the machines they get."""

from collections.abc import Mapping
from dataclasses import dataclass

from lab.core.units import DAY_S

GIB = 2**30
SESSION_LIFETIME_S = 3600  # as both desks have it: SESSION_MAX_AGE_S, TOKEN_MAX_AGE_S
THREADS_PER_SERVER = 8  # as both desks have it: each waits for one request's store at a time
HOURS_PER_MONTH = 730
HANDSHAKE_BYTES = {"request": 600, "answer": 4000}  # a TLS 1.3 handshake, certificates of 3 kB
NOT_MODELLED = (
    "the way to the client, TCP/IP's own bytes and connections that stay open",
    "what desks and store send each other: the traffic of a row with a store is its clients' alone",
    "what it takes to split a store over machines, and what copies send each other",
    "a shared file system: from the second machine on the file row needs one",
    "static files, other services, operating systems, garbage, growth of logs",
)


@dataclass(frozen=True)
class Assumptions:
    """What is assumed, not measured. Shares are from 0 to 1, bytes and seconds as named."""

    users: int = 1_000_000
    actions_per_user_s: float = 20 / 86_400
    actions_per_visit: int = 10
    visit_length_s: float = 300
    logout_share: float = 0.1
    read_share: float = 0.8
    cart_lines: int = 3
    session_lifetime_s: float = SESSION_LIFETIME_S
    peak_factor: float = 3
    cores_per_machine: int = 8
    memory_per_machine: float = 32 * GIB
    network_per_machine: float = 1.25e9
    target_utilisation: float = 0.6
    replicas_min: int = 1
    store_replicas: int = 0
    balancer_replicas: int = 0
    spare_machines: int = 0
    store_latency_s: float = 0.0
    tls_handshake_s: float = 0.0
    """Processor time of nginx for one handshake; a visit has one. 0: no TLS."""
    data_centres: int = 1
    price_core_hour: float = 0.0
    price_memory_hour: float = 0.0
    """Price of 1 GB for an hour."""
    price_traffic: float = 0.0
    """Price of 1 GB of answers."""

    @property
    def has_prices(self) -> bool:
        """True if a cost can be computed."""
        return bool(self.price_core_hour or self.price_memory_hour or self.price_traffic)

    @property
    def requests_s(self) -> float:
        """Requests a second, on average."""
        return self.users * self.actions_per_user_s

    @property
    def mean_rates(self) -> Mapping[str, float]:
        """Requests a second on average, by kind."""
        visits = self.requests_s / self.actions_per_visit
        shopping = visits * (self.actions_per_visit - 1 - self.logout_share)
        reads = shopping * self.read_share
        return {
            "login": visits,
            "read": reads,
            "write": shopping - reads,
            "logout": visits * self.logout_share,
        }

    @property
    def rates(self) -> Mapping[str, float]:
        """Requests a second at the peak, by kind."""
        return {kind: rate * self.peak_factor for kind, rate in self.mean_rates.items()}

    @property
    def visits_alive(self) -> float:
        """Visits whose session is still held, at the busiest (Little's law).

        A session ends with a logout, else a lifetime after the visit.
        """
        here, idle = self.busiest_s(self.visit_length_s), self.busiest_s(self.session_lifetime_s)
        return self.mean_rates["login"] * (here + (1 - self.logout_share) * idle)

    def busiest_s(self, window_s: float) -> float:
        """Return how many seconds of the mean rate fit in the busiest window of this length.

        A window may be at the peak all the time, but it has at most the requests of all the
        days that it touches.
        """
        return min(window_s * self.peak_factor, window_s + DAY_S)
