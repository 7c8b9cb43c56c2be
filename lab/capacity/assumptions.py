"""What a plan assumes and does not measure: users, their requests, the machines they get."""

from collections.abc import Mapping
from dataclasses import dataclass

from lab.core.units import DAY_S

GIB = 2**30
SESSION_LIFETIME_S = 3600  # as both desks have it: SESSION_MAX_AGE_S, TOKEN_MAX_AGE_S
NOT_MODELLED = (
    "network latency, TLS, TCP/IP's own bytes and connections that stay open",
    "what desks and store send each other: the traffic of a row with a store is its clients' alone",
    "copies of the store (a replica doubles it) and what it takes to split it over machines",
    "a shared file system: from the second machine on the file row needs one",
    "static files, other services, operating systems, garbage, growth of logs",
    "a busy server, which needs less processor time for a request than an idle one",
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
