"""A replica of a service that runs already, or the balancer before them: where it is reached."""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from urllib.parse import urlsplit

from lab.check.address import LOOPBACKS, Address
from lab.core.errors import LabError
from lab.core.text import counted, one_line

# The host that cookies are kept for, whatever host a replica is reached by.
OWNER = "service.invalid"
MOST_REPLICAS = 9
_PORTS = {"http": 80, "https": 443}
NO_REPLICA = (502, 503, 504)  # how a balancer says that none answered
_REPLICA_HOST = re.compile(r"[\w.:-]+(%\w+)?")


@dataclass(frozen=True)
class BasedAddress(Address):
    """An address below which the service is: `base` stands before each path."""

    base: str = ""

    @property
    def url(self) -> str:
        """Scheme, host, port and base: "http://10.5.7.11:8000/shop"."""
        return f"{super().url}{self.base}"


@dataclass(frozen=True)
class Replica:
    """A replica to ask. The time of its start is not known: `started` is 0.0."""

    name: str
    address: BasedAddress
    started: float = 0.0

    def __str__(self) -> str:
        return f"{self.name} {self.address.url}"


def replica(name: str, url: str, option: str, host: str | None = None) -> Replica:
    """Return the replica at a URL; LabError, naming the option, for a URL that cannot be used."""
    said = f"{option} {one_line(url, 80)!r}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise LabError(f"{said}: {error}") from None
    written = re.fullmatch(r"[!-~]*", url)
    if (
        not written
        or parts.scheme not in _PORTS
        or not parts.hostname
        or not _REPLICA_HOST.fullmatch(parts.hostname)
    ):
        raise LabError(f"{said}: give a URL such as http://10.0.0.7:8080")
    if parts.username is not None or parts.query or parts.fragment:
        raise LabError(f"{said}: leave out the user, the query and the fragment")
    if port == 0:
        raise LabError(f"{said}: nothing can listen at port 0")
    return Replica(
        name,
        BasedAddress(
            port or _PORTS[parts.scheme],
            parts.hostname,
            host,
            parts.scheme == "https",
            OWNER,
            parts.path.rstrip("/"),
        ),
    )


def replicas(urls: Sequence[str], host: str | None = None) -> list[Replica]:
    """Return the replicas at these URLs, named A, B, C; LabError if there are no two."""
    if not 2 <= len(urls) <= MOST_REPLICAS:
        raise LabError(
            f"--url was given {counted(len(urls), 'time')}: give 2 to {MOST_REPLICAS} URLs; each "
            "must be a single replica, not the load balancer"
        )
    found = [replica(ascii_uppercase[n], url, "--url", host) for n, url in enumerate(urls)]
    for number, each in enumerate(found):
        for other in found[:number]:
            if _same(each.address, other.address):
                raise LabError(
                    f"--url {each.address.url} was given twice: name two different replicas"
                    if each.address == other.address
                    else f"--url {each.address.url} is {other.address.url} under another name: "
                    "name two different replicas"
                )
    return found


def _same(one: BasedAddress, other: BasedAddress) -> bool:
    """Return True if both are the same port of the same machine, judged without DNS."""
    where = [(each.port, each.base) for each in (one, other)]
    return where[0] == where[1] and bool(_hosts(one.host) & _hosts(other.host))


def _hosts(name: str) -> set[str]:
    if name == "localhost" or name.endswith(".localhost"):
        return {*LOOPBACKS}
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        return {name}
    return {str(each[4][0]) for each in found}
