"""The names of the two desks."""

from typing import Literal

Desk = Literal["stateful", "stateless"]
DESKS: tuple[Desk, ...] = ("stateful", "stateless")

MOST_SERVERS = 26
"""Servers of one desk: each is named by a letter, A to Z."""
