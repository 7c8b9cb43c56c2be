"""The names of the two desks."""

from typing import Literal

Desk = Literal["stateful", "stateless"]
DESKS: tuple[Desk, ...] = ("stateful", "stateless")
