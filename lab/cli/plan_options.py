"""The assumptions of a plan as options of a command, each read strictly."""

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
    click.option("--users", type=COUNT, default="1M", show_default=True, help="50M, 1.5k, 2000."),
    click.option(
        "--actions-per-user",
        "actions_per_user_s",
        type=ParsedType("RATE", _actions),
        default="20/day",
        show_default=True,
        help="Requests of one user: 20/day, 3/h.",
    ),
    click.option(
        "--actions-per-visit",
        type=click.IntRange(2, 10_000),
        default=10,
        show_default=True,
        help="One login, reads and writes, now and then a logout.",
    ),
    click.option(
        "--visit-length",
        "visit_length_s",
        type=DURATION,
        default="5min",
        show_default=True,
        help="From login to the last request.",
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
        help="Share of reads; the rest changes the cart.",
    ),
    click.option(
        "--cart-lines", type=click.IntRange(1, 500), default=3, show_default=True, help="In a cart."
    ),
    click.option(
        "--session-lifetime",
        "session_lifetime_s",
        type=DURATION,
        default="1h",
        show_default=True,
        help="How long an idle session, or what a token left in a store, is kept.",
    ),
    click.option(
        "--peak-factor",
        type=FACTOR,
        default="3",
        show_default=True,
        help="The busiest time against the mean.",
    ),
    click.option(
        "--cores-per-machine",
        type=click.IntRange(1, 4096),
        default=8,
        show_default=True,
        help="Cores like the one measured.",
    ),
    click.option(
        "--memory-per-machine",
        type=SIZE,
        default="32GiB",
        show_default=True,
        help="Of servers and store.",
    ),
    click.option(
        "--network-per-machine",
        type=SIZE,
        default="1.25GB",
        show_default=True,
        help="Bytes a second each way; 1.25GB is 10 Gbit/s.",
    ),
    click.option(
        "--target-utilisation",
        type=SHARE,
        default="60%",
        show_default=True,
        help="How full a machine may be.",
    ),
    click.option(
        "--replicas-min",
        type=click.IntRange(1, 10_000),
        default=1,
        show_default=True,
        help="Server processes at the least.",
    ),
)


def assumptions(command: Command) -> Command:
    """Give a command an option for each field of `lab.capacity.rules.Assumptions`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
