"""The options of `lab crowd`."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli import options, stack_options
from lab.cli.options import Option, number, value
from lab.cli.param_types import RATE, WAITING_TIME, ParsedType, duration
from lab.core.errors import LabError
from lab.core.faults import STORE_FAULTS, FaultKind
from lab.core.units import MOST_WAIT_S
from lab.crowd.load_profile import MAX_SHOPPERS, MAX_WORKERS, LoadProfile
from lab.crowd.timetable import PlannedFault, parse_planned_fault

if TYPE_CHECKING:
    from lab.stack.deployment import Deployment

MASTER = "127.0.0.1:5557"
_FAULT_HELP = {
    FaultKind.KILL: "B@10s: kill server B (store@10s: the session store) after 10 s; repeatable.",
    FaultKind.RESTART: "B@12s: start it again.",
    FaultKind.PAUSE: "B@10s: freeze it: it keeps its connections and answers nothing.",
    FaultKind.RESUME: "B@12s: let a paused server continue.",
}


@dataclass(frozen=True, kw_only=True)
class CrowdOptions:
    """What `lab crowd` was given; a name for each option of it."""

    shoppers: int
    rate: float
    for_s: float
    warm_up_s: float
    kill: tuple[PlannedFault, ...]
    restart: tuple[PlannedFault, ...]
    pause: tuple[PlannedFault, ...]
    resume: tuple[PlannedFault, ...]
    closed: bool
    once: bool
    anyway: bool
    rounds: int
    seed: int
    workers: int
    threads: bool
    master: bool
    listen: str
    join: str | None
    port: int
    self_test: bool
    as_json: bool
    servers: int
    store: str
    affinity: str
    retry: str
    deployment: "Deployment"
    out: Path

    def profile(self, script: Path) -> LoadProfile:
        """Return the load that these options put on each variant."""
        from lab.crowd.worker_group import has_locust  # `--help` needs none of it

        return LoadProfile(
            script=str(script),
            shoppers=self.shoppers,
            rate=None if self.closed else self.rate,
            for_s=self.for_s,
            warm_up_s=self.warm_up_s,
            timetable=(*self.kill, *self.restart, *self.pause, *self.resume),
            engine="locust" if has_locust() and not self.threads else "threads",
            workers=self.workers,
            seed=self.seed,
            once=self.once,
            waits_for_others=self.master,
        )


def _fault_option(kind: FaultKind) -> Option:
    read = partial(parse_planned_fault, kind)
    return click.option(
        f"--{kind}", multiple=True, type=ParsedType("TARGET@TIME", read), help=_FAULT_HELP[kind]
    )


crowd_options = options.together(
    number("--shoppers", 1, MAX_SHOPPERS, 100, "Shoppers at a time."),
    value("--rate", RATE, "100/s", "Requests of all shoppers together: 300/s, 18000/min."),
    value(
        "--for",
        WAITING_TIME,
        "10s",
        "How long to measure: 500ms, 30s, 5min, 1h.",
        "for_s",
    ),
    value(
        "--warm-up",
        duration(0, MOST_WAIT_S),
        "2s",
        "Warm-up before measuring; its requests are excluded and counted separately.",
        "warm_up_s",
    ),
    *map(_fault_option, STORE_FAULTS),
    click.option(
        "--closed",
        is_flag=True,
        help="Closed model: each shopper sends its next request when the last is answered; "
        "--rate is ignored.",
    ),
    click.option(
        "--once", is_flag=True, help="Run the script once for each shopper, without repeating it."
    ),
    click.option(
        "--anyway",
        is_flag=True,
        help="Run a crowd that ends before most shoppers have arrived or have a cart.",
    ),
    number("--rounds", 1, 100, 1, "Rounds over both desks; the order alternates."),
    click.option(
        "--seed",
        type=int,
        default=0,
        show_default=True,
        metavar="N",
        help="Seed of lab.random in scripts, and of the step at which each shopper begins.",
    ),
    number("--workers", 1, MAX_WORKERS, 1, "Processes that share the shoppers."),
    click.option("--threads", is_flag=True, help="Use threads even if Locust is installed."),
    click.option(
        "--master", is_flag=True, help="Wait for --workers on other machines (see --join)."
    ),
    click.option(
        "--listen",
        metavar="HOST:PORT",
        default=MASTER,
        show_default=True,
        help="Where --master waits for the workers.",
    ),
    click.option(
        "--join",
        metavar="HOST[:PORT]",
        help="Join the `lab crowd --master` at this address, as a worker.",
    ),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=0,
        metavar="N",
        help="Port of nginx; a free one by default.",
    ),
    click.option("--self-test", is_flag=True, help="Freeze a server, to see whether p99 shows it."),
    options.as_json,
    stack_options.settings,
    stack_options.deployment,
    options.out,
)


def join_address(where: str) -> tuple[str, str]:
    """Return host and port of a value of --join. LabError if it has no port."""
    return _address("--join", where)


def listen_address(where: str) -> str:
    """Return a value of --listen as HOST:PORT. LabError unless it is on this machine."""
    host, port = _address("--listen", where)
    if host not in ("127.0.0.1", "localhost"):
        raise LabError(
            f"--listen {host}: anyone there could join; listen on 127.0.0.1, and let other "
            f"machines come by `ssh -L {port}:127.0.0.1:{port} THIS_HOST`"
        )
    return f"127.0.0.1:{port}"


def _address(option: str, where: str) -> tuple[str, str]:
    host, _, port = where.partition(":")
    port = port or MASTER.rpartition(":")[2]
    is_port = re.fullmatch("[0-9]{1,5}", port, re.ASCII) and 0 < int(port) < 65536
    if not is_port or not re.fullmatch(r"[\w.-]{1,253}", host, re.ASCII):
        raise LabError(f"{option} {where[:80]!r}: write HOST or HOST:PORT, such as {MASTER}")
    return host, port
