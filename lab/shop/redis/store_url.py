"""URLs of Redis stores: one server, a cluster, or a primary behind sentinels.

For one server they are redis-py's own. redis-py has no URLs for a cluster or for sentinels;
those here follow other tools (limits, redis-sentinel-url, Prefect): the scheme names the kind,
commas separate hosts, and the path names the sentinels' service.
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
    "or redis+sentinel://HOST:PORT,HOST/SERVICE/0; with TLS rediss://…, and ?ssl_ca_certs=FILE "
    "for an authority of your own"
)
DEFAULT_PORTS = {"cluster": 6379, "sentinel": 26379}

_URL_PARTS = re.compile(
    r"(?:(?P<account>[^/?#\s]*)@)?(?P<hosts>[^/?#@\s]+)(?P<path>/[^?#\s]*)?"
    r"(?:\?(?P<query>[^#\s]*))?"
)
_ONE_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_PATHS = {
    "cluster": re.compile(r"/?(?P<db>0?)"),
    # The characters that a sentinel takes in a service's name.
    "sentinel": re.compile(r"/(?P<service>[A-Za-z0-9._-]+)(?:/(?P<db>[0-9]*))?"),
}
_SENTINEL_ACCOUNT = {"sentinel_username": "username", "sentinel_password": "password"}


TIMEOUTS = ("socket_timeout", "socket_connect_timeout")


@dataclass(frozen=True)
class StoreUrl:
    """The parts of a store's URL. `str` and `repr` show no secret."""

    scheme: str  # "redis+cluster", say
    kind: str  # "", "cluster" or "sentinel"
    hosts: tuple[tuple[str, int], ...]  # () for one server: its host is in `one_server`
    service: str  # what the sentinels call the primary; "" elsewhere
    one_server: str = field(repr=False)
    """The URL of the first host for redis-py, with account, database and options."""
    sentinel_account: Mapping[str, str] = field(repr=False)
    """`username` and `password` for the sentinels themselves, as far as given."""


def parse(text: str) -> StoreUrl:
    """Parse a store's URL; raise ValueError, without repeating the URL.

    redis-py checks the rest itself: a single server's URL, and options.
    """
    scheme, _, rest = text.partition("://")
    if not text.startswith(SCHEMES):
        raise ValueError(FORMS)
    if any(f"{name}=" in text.partition("?")[2] for name in TIMEOUTS):
        raise ValueError(f"{FORMS}; without {' or '.join(TIMEOUTS)}: the time limits are set here")
    plain_scheme, _, kind = scheme.partition("+")
    if not kind:
        return StoreUrl(scheme, kind, (), "", text, MappingProxyType({}))
    parts = _URL_PARTS.fullmatch(rest)
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


UNREADABLE_STORE = "a store whose URL cannot be read"


def label(text: str) -> str:
    """Return scheme, hosts and service of a store's URL, without its secrets."""
    try:
        url = parse(text)
        if url.kind:
            hosts = ",".join(f"{_bracketed(name)}:{port}" for name, port in url.hosts)
            return f"{url.scheme}://{hosts}{f'/{url.service}' if url.service else ''}"
        one = urlsplit(text)
        if "@" in text.partition("://")[2][len(one.netloc) :]:
            return UNREADABLE_STORE  # a password with a bare #, / or ?: part of it would be shown
        return f"{one.scheme}://{one.hostname or ''}{f':{one.port}' if one.port else ''}"
    except ValueError:
        return UNREADABLE_STORE


def _host(text: str, default_port: int) -> tuple[str, int]:
    found = _ONE_HOST.fullmatch(text)
    port = int(found["port"] or default_port) if found else 0
    if not found or not 0 < port < 65536:
        raise ValueError(FORMS)
    return found["name"].strip("[]"), port


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
