"""The options of `lab plan` that are assumptions."""

import click

from lab.cli.options import RenamedOption, number, together, value
from lab.cli.param_types import (
    COUNT,
    DURATION,
    DURATION_OR_NONE,
    FACTOR,
    PRICE,
    SHARE,
    SIZE,
    CountRange,
    ParsedType,
)
from lab.core import units

MOST_ACTIONS_PER_S = 1000.0


def _actions(text: str) -> float:
    return units.parse_rate(text, MOST_ACTIONS_PER_S, needs_unit=True)


# One for each field of `lab.capacity.rules.Assumptions`.
assumptions = together(
    value("--users", COUNT, "1M", "Number of users: 50M, 1.5k."),
    value(
        "--actions-per-user",
        ParsedType("RATE", _actions),
        "20/day",
        "Requests of one user: 20/day, 3/h, 0.01/s.",
        "actions_per_user_s",
    ),
    number(
        "--actions-per-visit",
        2,
        10_000,
        10,
        "Requests in a visit: one login, reads and writes, sometimes a logout.",
    ),
    value(
        "--visit-length",
        DURATION,
        "5min",
        "From the login to the last request: 90s, 5min, 1h.",
        "visit_length_s",
    ),
    value("--logouts", SHARE, "10%", "Share of visits that end with a logout.", "logout_share"),
    value(
        "--reads",
        SHARE,
        "80%",
        "Share of reads; all other requests change the cart.",
        "read_share",
    ),
    number("--cart-lines", 1, 500, 3, "Lines in a cart."),
    value(
        "--session-lifetime",
        DURATION,
        "1h",
        "How long a store keeps an idle session or a token's entry: 1h, 7d.",
        "session_lifetime_s",
    ),
    value("--peak-factor", FACTOR, "3", "Load at the busiest time, divided by the mean."),
    number("--cores-per-machine", 1, 4096, 8, "Cores of a machine, each like the one measured."),
    value(
        "--memory-per-machine",
        SIZE,
        "32GiB",
        "Memory of a machine, for servers and store: 512MB, 32GiB.",
    ),
    value(
        "--network-per-machine",
        SIZE,
        "1.25GB",
        "Bytes a second, in each direction; 1.25GB is 10 Gbit/s.",
    ),
    value("--target-utilisation", SHARE, "60%", "How much of a machine may be in use."),
    click.option(
        "--servers-min",
        "--replicas-min",
        "replicas_min",
        cls=RenamedOption,
        type=CountRange(1, 10_000),
        default=1,
        show_default=True,
        metavar="N",
        help="Minimum number of server processes.",
    ),
    number("--store-replicas", 0, 20, 0, "Copies of each store machine."),
    number("--balancer-replicas", 0, 20, 0, "Copies of each nginx machine."),
    number("--spare-machines", 0, 100, 0, "Spare machines of each part; 1 means N+1."),
    value(
        "--store-latency",
        DURATION_OR_NONE,
        "0s",
        "Network latency of an operation of the store: 0.5ms, 70ms.",
        "store_latency_s",
    ),
    value(
        "--tls-handshake",
        DURATION_OR_NONE,
        "0s",
        "Processor time of nginx for a TLS handshake, one for each visit; 0s: no TLS.",
        "tls_handshake_s",
    ),
    number(
        "--data-centres", 1, 100, 1, "Data centres that share the users, each with all its parts."
    ),
    value("--price-core", PRICE, "0", "Price of a core for an hour.", "price_core_hour"),
    value("--price-memory", PRICE, "0", "Price of 1 GB for an hour.", "price_memory_hour"),
    value("--price-traffic", PRICE, "0", "Price of 1 GB of answers.", "price_traffic"),
)
