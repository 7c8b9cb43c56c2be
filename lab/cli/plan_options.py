"""The options of `lab plan` that are assumptions."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from lab.cli.param_types import COUNT, DURATION, FACTOR, SHARE, SIZE, ParsedType
from lab.core import units

Command = TypeVar("Command", bound=Callable[..., Any])
MOST_ACTIONS_PER_S = 1000.0


def _actions(text: str) -> float:
    return units.parse_rate(text, MOST_ACTIONS_PER_S, needs_unit=True)


_OPTIONS = (
    click.option(
        "--users", type=COUNT, default="1M", show_default=True, help="Number of users: 50M, 1.5k."
    ),
    click.option(
        "--actions-per-user",
        "actions_per_user_s",
        type=ParsedType("RATE", _actions),
        default="20/day",
        show_default=True,
        help="Requests of one user: 20/day, 3/h, 0.01/s.",
    ),
    click.option(
        "--actions-per-visit",
        type=click.IntRange(2, 10_000),
        metavar="N",
        default=10,
        show_default=True,
        help="Requests in a visit: one login, reads and writes, sometimes a logout.",
    ),
    click.option(
        "--visit-length",
        "visit_length_s",
        type=DURATION,
        default="5min",
        show_default=True,
        help="From the login to the last request: 90s, 5min, 1h.",
    ),
    click.option(
        "--logouts",
        "logout_share",
        type=SHARE,
        default="10%",
        show_default=True,
        help="Share of visits that end with a logout.",
    ),
    click.option(
        "--reads",
        "read_share",
        type=SHARE,
        default="80%",
        show_default=True,
        help="Share of reads; all other requests change the cart.",
    ),
    click.option(
        "--cart-lines",
        type=click.IntRange(1, 500),
        metavar="N",
        default=3,
        show_default=True,
        help="Lines in a cart.",
    ),
    click.option(
        "--session-lifetime",
        "session_lifetime_s",
        type=DURATION,
        default="1h",
        show_default=True,
        help="How long a store keeps an idle session or a token's entry: 1h, 7d.",
    ),
    click.option(
        "--peak-factor",
        type=FACTOR,
        default="3",
        show_default=True,
        help="Load at the busiest time, divided by the mean.",
    ),
    click.option(
        "--cores-per-machine",
        type=click.IntRange(1, 4096),
        metavar="N",
        default=8,
        show_default=True,
        help="Cores of a machine, each like the one measured.",
    ),
    click.option(
        "--memory-per-machine",
        type=SIZE,
        default="32GiB",
        show_default=True,
        help="Memory of a machine, for servers and store: 512MB, 32GiB.",
    ),
    click.option(
        "--network-per-machine",
        type=SIZE,
        default="1.25GB",
        show_default=True,
        help="Bytes a second, in each direction; 1.25GB is 10 Gbit/s.",
    ),
    click.option(
        "--target-utilisation",
        type=SHARE,
        default="60%",
        show_default=True,
        help="How much of a machine may be in use.",
    ),
    click.option(
        "--replicas-min",
        type=click.IntRange(1, 10_000),
        metavar="N",
        default=1,
        show_default=True,
        help="Minimum number of server processes.",
    ),
)


def assumptions(command: Command) -> Command:
    """Add an option for each field of `lab.capacity.rules.Assumptions` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
