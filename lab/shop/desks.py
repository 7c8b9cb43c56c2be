"""The names of the two desks and of their servers."""

from typing import Literal

Desk = Literal["stateful", "stateless"]
DESKS: tuple[Desk, ...] = ("stateful", "stateless")

MOST_SERVERS = 26
"""Servers of one desk: each is named by a letter, A to Z."""


def at_server(server: str | None) -> str:
    """Return what a server's own URL adds to its desk's: "/@B"; "" for the balancer's choice."""
    return f"/@{server}" if server else ""
