"""Servers that run already: where each is, which desk it is, and the commands that break it."""

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from lab.core.errors import LabError
from lab.processes.ports import in_url, is_open
from lab.processes.waiting import at_once
from lab.shop.desks import DESKS, MOST_SERVERS
from lab.stack.fault_commands import (
    AS_USUAL,
    OF_ONE_SERVER,
    PLACEHOLDERS,
    HowToRun,
    filled,
    split,
    split_for_each,
)
from lab.stack.server import SIGNING_KEYS, server_info

_MOST_URL_CHARACTERS = 300
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
# As REPLICA in `lab.shop.http`, but no leading dash: it may become a word of a command.
_SERVER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,31}")
_URL_HINT = "write http://HOST:PORT, nothing before or after it"


@dataclass(frozen=True)
class ExternalServerSpec:
    """One server of a deployment. Made by `find`; every field has been checked by then."""

    host: str
    """The host as it was given: a name or an IP address."""
    ip: str
    """What the name stood for when the lab asked."""
    port: int
    app: str = ""
    """Which desk it says it is: "stateful" or "stateless"."""
    name: str = ""
    """What it calls itself, in X-Served-By too, so that evidence and commands agree on it."""
    instance: str = ""
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """Words of the command for each fault that has one; they may hold PLACEHOLDERS."""
    how: HowToRun = AS_USUAL

    def __str__(self) -> str:
        return f"{self.name} at {self.label}"

    @property
    def url(self) -> str:
        """Where it is: "http://10.0.0.2:5001"."""
        return f"http://{self.label}"

    @property
    def label(self) -> str:
        """Where it is, short: "10.0.0.2:5001"."""
        return f"{in_url(self.host)}:{self.port}"

    def command(self, fault: str) -> list[str]:
        """Return the words that make this fault here; LabError that names the missing option."""
        if fault not in self.commands:
            what = WHAT_IT_DOES.get(fault, f"{fault} a server")
            raise LabError(
                f"say how to {what} with --{fault}-command: the lab did not start these servers"
            )
        values = {
            "{host}": self.host,
            "{port}": str(self.port),
            "{name}": self.name,
            "{name_lower}": self.name.lower(),
            "{desk}": self.app,
        }
        return filled(self.commands[fault], values)

    def at(self, url: str) -> "ExternalServerSpec":
        """Return the server that answers there now, with the commands of this one."""
        place = _place(url)
        return _identified(replace(self, host=place.host, ip=place.ip, port=place.port))


WHAT_IT_DOES = {
    "restart-env": "restart a server with other variables",
    "look": "look at a server's process",
}


@dataclass(frozen=True)
class Deployment(Mapping[str, tuple[ExternalServerSpec, ...]]):
    """The servers of each desk that has any: {"stateful": (…), "stateless": (…)}; and its store.

    `store_commands` are the words of the command for each fault of the session store.
    """

    servers: Mapping[str, tuple[ExternalServerSpec, ...]] = field(default_factory=dict)
    store_commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    signing_keys: str = field(default="", repr=False)
    """Keys of the stateless desk, in the form of STATELESS_SIGNING_KEYS; "" if not known."""
    how: HowToRun = AS_USUAL

    def __getitem__(self, desk: str) -> tuple[ExternalServerSpec, ...]:
        return self.servers[desk]

    def __iter__(self) -> Iterator[str]:
        return iter(self.servers)

    def __len__(self) -> int:
        return len(self.servers)


def find(
    urls: Sequence[str],
    commands: Mapping[str, Sequence[str]],
    store_commands: Mapping[str, str] | None = None,
    signing_keys: str = "",
    wait_s: float = HowToRun.wait_s,
) -> Deployment:
    """Ask each URL which desk it is, and return what is there, by desk, in the order given.

    `commands` has, by fault, one command for all or one for each URL; `store_commands` the one
    for each fault of the store. LabError if a URL or a command cannot be one, if no desk
    of the shop answers, or where two are the same.
    """
    most = MOST_SERVERS * len(DESKS)
    if len(urls) > most:
        raise LabError(
            f"{len(urls)} servers: the lab takes at most {most}, {MOST_SERVERS} of each desk"
        )
    how = HowToRun(wait_s, {SIGNING_KEYS: signing_keys} if signing_keys else {})
    of_store = {
        fault: split(f"store-{fault}", each) for fault, each in (store_commands or {}).items()
    }
    given = {
        fault: split_for_each(fault, each, len(urls)) for fault, each in commands.items() if each
    }
    places = [
        replace(_place(url), commands={fault: each[n] for fault, each in given.items()}, how=how)
        for n, url in enumerate(urls)
    ]
    found = at_once(_identified, places)
    _require_distinct(found)
    for fault, each in commands.items():
        if len(each) == 1 and any(part in each[0] for part in OF_ONE_SERVER):
            _require_one_each(fault, found)
    by_desk = {desk: tuple(each for each in found if each.app == desk) for desk in DESKS}
    for desk, servers in by_desk.items():
        if len(servers) > MOST_SERVERS:
            raise LabError(
                f"{len(servers)} {desk} servers: the lab takes at most {MOST_SERVERS} of a desk"
            )
    return Deployment(
        {desk: servers for desk, servers in by_desk.items() if servers}, of_store, signing_keys, how
    )


def _place(url: str) -> ExternalServerSpec:
    shown = f"--upstream {url[:60]!r}{'…' if len(url) > 60 else ''}"
    if "@" in url:  # not quoted: there may be a password before it
        raise LabError(f"an --upstream has a user name in it, or an @: {_URL_HINT}")
    if len(url) > _MOST_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise LabError(f"{shown}: {_URL_HINT}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise LabError(f"{shown}: {_URL_HINT}") from None
    if parts.scheme != "http":
        raise LabError(f"{shown}: the load balancer talks plain http to its servers; {_URL_HINT}")
    if not port or not _HOST.fullmatch(host) or url[len("http://") :].rstrip("/") != parts.netloc:
        raise LabError(f"{shown}: {_URL_HINT}")
    return ExternalServerSpec(host, _ip_of(host, port), port)


def _ip_of(host: str, port: int) -> str:
    """Return the address behind a name: of several the first where a program listens."""
    try:
        known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise LabError(f"the host {host!r} is unknown here: check the name in --upstream") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in known))
    return next((ip for ip in addresses if is_open(port, ip)), addresses[0])


def _identified(place: ExternalServerSpec) -> ExternalServerSpec:
    """Ask a server for its name, twice: a balancer in between would hide the servers."""
    first, second = (server_info(place.port, host=place.ip) for _ in range(2))
    if first is None or second is None:
        raise LabError(
            f"{place.url} does not answer GET /api/server as a desk does: "
            "check that it runs, and that this machine may reach it"
        )
    app, name, instance = first["app"], first["replica"], first["instance"]
    if not (app in DESKS and _SERVER_NAME.fullmatch(name) and instance):
        raise LabError(f"{place.url} is not a desk of the shop: give the address of one")
    if second["instance"] != instance:
        raise LabError(
            f"{place.url} is more than one server: give the address of each, not of a load balancer"
        )
    return replace(place, app=app, name=name, instance=instance)


def _require_distinct(found: Sequence[ExternalServerSpec]) -> None:
    seen: dict[tuple[str, str], ExternalServerSpec] = {}
    for each in found:
        for key in (("instance", each.instance), (each.app, each.name)):
            other = seen.setdefault(key, each)
            if other is each:
                continue
            if other.instance == each.instance:
                raise LabError(f"{other.url} and {each.url} are the same server: name it once")
            raise LabError(
                f"{other.url} and {each.url} both call themselves {each.name!r}: start each "
                f"with a name of its own in REPLICA, such as A and B"
            )


def _require_one_each(fault: str, found: Sequence[ExternalServerSpec]) -> None:
    """Raise LabError if a command that names a server is the same for two servers."""
    seen: dict[tuple[str, ...], ExternalServerSpec] = {}
    for each in found:
        other = seen.setdefault(tuple(each.command(fault)), each)
        if other is not each:
            raise LabError(
                f"--{fault}-command is the same for {other.app}/{other} and {each.app}/{each}: "
                f"write {', '.join(PLACEHOLDERS)} in it until each has its own"
            )
