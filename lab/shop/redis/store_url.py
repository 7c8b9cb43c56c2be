"""The URLs by which a Redis store is named: one server, a cluster, or a primary behind sentinels.

For one server they are redis-py's own. It takes a cluster or sentinels as objects only, so
their URLs follow what its users have agreed on (limits, redis-sentinel-url, Prefect): the
scheme says the kind, hosts are separated by commas, and sentinels are told a service name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode, urlsplit

SCHEMES = (
    *("redis://", "rediss://", "unix://"),
    *("redis+cluster://", "rediss+cluster://"),
    *("redis+sentinel://", "rediss+sentinel://"),
)
FORMS = (
    "redis://HOST:PORT/0, redis+cluster://HOST:PORT,HOST:PORT "
    "or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/0"
)
DEFAULT_PORTS = {"cluster": 6379, "sentinel": 26379}

_PARTS = re.compile(
    r"(?:(?P<account>[^/?#\s]*)@)?(?P<hosts>[^/?#@\s]+)(?P<path>/[^?#\s]*)?"
    r"(?:\?(?P<query>[^#\s]*))?"
)
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_PATHS = {
    "cluster": re.compile(r"/?(?P<db>0?)"),
    # The characters that a sentinel takes in a service's name.
    "sentinel": re.compile(r"/(?P<service>[A-Za-z0-9._-]+)(?:/(?P<db>[0-9]*))?"),
}
_SENTINEL_ACCOUNT = {"sentinel_username": "username", "sentinel_password": "password"}


LIMITS = ("socket_timeout", "socket_connect_timeout")


@dataclass(frozen=True)
class StoreUrl:
    """What a store's URL says. `str` and `repr` show no secret of it."""

    scheme: str  # "redis+cluster", say
    kind: str  # "", "cluster" or "sentinel"
    hosts: tuple[tuple[str, int], ...]  # () for one server: `one_server` says where it is
    service: str  # what the sentinels call the primary; "" elsewhere
    one_server: str = field(repr=False)
    """The URL of the first host as redis-py takes it: account, database and options are in it."""
    sentinel_account: Mapping[str, str] = field(repr=False)
    """`username` and `password` for the sentinels themselves, as far as given."""


def parse(text: str) -> StoreUrl:
    """Return what a store's URL says; raise ValueError, which does not quote it, if it is none.

    What redis-py checks itself (a single server's URL, options) is left to redis-py.
    """
    scheme, _, rest = text.partition("://")
    if not text.startswith(SCHEMES):
        raise ValueError(FORMS)
    if any(f"{name}=" in text.partition("?")[2] for name in LIMITS):
        raise ValueError(f"{FORMS}; without {' or '.join(LIMITS)}: the time limits are set here")
    plain_scheme, _, kind = scheme.partition("+")
    if not kind:
        return StoreUrl(scheme, kind, (), "", text, MappingProxyType({}))
    parts = _PARTS.fullmatch(rest)
    path = parts and _PATHS[kind].fullmatch(parts["path"] or "")
    if not parts or not path:
        raise ValueError(FORMS)
    options = parse_qsl(parts["query"] or "", keep_blank_values=True)
    if kind == "cluster" and any(name == "db" for name, _ in options):
        raise ValueError(FORMS)  # a cluster has one database, 0
    own = [pair for pair in options if kind == "cluster" or pair[0] not in _SENTINEL_ACCOUNT]
    hosts = tuple(_host(each, DEFAULT_PORTS[kind]) for each in parts["hosts"].split(","))
    account = "" if parts["account"] is None else f"{parts['account']}@"
    place = f"{_bracketed(hosts[0][0])}:{hosts[0][1]}"
    return StoreUrl(
        scheme,
        kind,
        hosts,
        path.groupdict().get("service") or "",
        f"{plain_scheme}://{account}{place}/{path['db'] or 0}?{urlencode(own)}",
        {_SENTINEL_ACCOUNT[name]: value for name, value in options if (name, value) not in own},
    )


UNREADABLE = "a store whose URL cannot be read"


def label(text: str) -> str:
    """Return scheme, hosts and service of a store's URL: what everybody may see of it."""
    try:
        url = parse(text)
        if url.kind:
            hosts = ",".join(f"{_bracketed(name)}:{port}" for name, port in url.hosts)
            return f"{url.scheme}://{hosts}{f'/{url.service}' if url.service else ''}"
        one = urlsplit(text)
        if "@" in text.partition("://")[2][len(one.netloc) :]:
            return UNREADABLE  # a password with a bare #, / or ?: part of it would be shown
        return f"{one.scheme}://{one.hostname or ''}{f':{one.port}' if one.port else ''}"
    except ValueError:
        return UNREADABLE


def _host(text: str, default_port: int) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    port = int(found["port"] or default_port) if found else 0
    if not found or not 0 < port < 65536:
        raise ValueError(FORMS)
    return found["name"].strip("[]"), port


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
