"""A pool as it is asked for: plain values, checked before anything is started."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.core.errors import require
from lab.shop.desks import MOST_SERVERS
from lab.stack.deployment import ExternalServerSpec

Affinity = Literal["none", "cookie"]
Retry = Literal["off", "on"]
LETTERS = string.ascii_uppercase[:MOST_SERVERS]
"""The names of servers."""


@dataclass(frozen=True)
class PoolSpec:
    """One app, its number of servers, and how the balancer treats them.

    Raises LabError if a value could not become a path, a process or a line of nginx.conf.
    """

    name: str
    """Path prefix and label: "stateful" is served under /stateful/."""
    app: str
    """Module run as `python -m APP --port N`."""
    servers: int = 3
    """Servers at the start, 1 to 26, named A, B, C, …"""
    affinity: Affinity = "none"
    """"cookie": a client stays with the server that answered it first (a sticky session)."""
    retry: Retry = "off"
    """"on": nginx asks the next server where one fails, as it does by default."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment of every server (settings and secrets; never on a command line)."""
    server_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """More environment, by server name."""
    directives: tuple[str, ...] = ()
    """More nginx directives for the pool's locations; they win over the lab's defaults."""
    http_directives: tuple[str, ...] = ()
    """More for nginx's http block, e.g. `proxy_cache_path …`; they win over the lab's defaults."""
    tls: bool = False
    """True if clients reach it by HTTPS, and its cookies are for HTTPS only."""
    external: tuple[ExternalServerSpec, ...] = ()
    """Servers that run already, in place of `servers` of the lab's own."""

    def __post_init__(self) -> None:
        require(
            re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", self.name),
            f"pool name {self.name!r}: use a letter, then letters, digits, - or _ (lower case)",
        )
        require(
            re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", self.app, re.ASCII),
            f"app {self.app!r}: give the name of a Python module, such as stateful_app",
        )
        most = MOST_SERVERS
        require(1 <= self.servers <= most, f"servers is {self.servers}: choose 1 to {most}")
        require(self.affinity in ("none", "cookie"), f"affinity {self.affinity!r}: none or cookie")
        require(self.retry in ("off", "on"), f"retry {self.retry!r}: off or on")
        for directive in self.directives:
            require(
                re.fullmatch(r"\w+ [^{}\x00-\x1f]+", directive),
                f"directive {directive!r}: one line, such as `proxy_read_timeout 1s`, no braces",
            )
