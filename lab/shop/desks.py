"""The two desks: their names, those of their servers, and what a server says of itself."""

from typing import Literal, TypedDict

Desk = Literal["stateful", "stateless"]
DESKS: tuple[Desk, ...] = ("stateful", "stateless")

MOST_SERVERS = 26
"""Servers of one desk: each is named by a letter, A to Z."""


class ServerInfo(TypedDict):
    """The body of GET /api/server: the process that answers, and what it holds."""

    app: str
    replica: str
    pid: int
    instance: str
    requests_served: int
    carts_remembered: int


def at_server(server: str | None) -> str:
    """Return what a server's own URL adds to its desk's: "/@B"; "" for the balancer's choice."""
    return f"/@{server}" if server else ""
