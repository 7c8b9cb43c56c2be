"""The options of `lab check --url`, and what is checked with them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lab.cli.param_types import WAITING_TIME

if TYPE_CHECKING:
    from lab.check.replicas.asked import AskedReplicas

R = TypeVar("R")
_BELONG = (
    "--through, --between, --replica-header and --drop-cookie belong to --url: give it as well"
)


@dataclass(frozen=True)
class ReplicaOptions:
    """The URLs of replicas that run already (none without --url), and how they are asked."""

    urls: tuple[str, ...] = ()
    through: str | None = None
    between: str = ""
    between_s: float = 600.0
    header: str | None = None
    dropped: tuple[str, ...] = ()

    def asked(self, host: str | None, ready: str | None) -> "AskedReplicas":
        """Return what is asked; LabError if a URL cannot be read."""
        from lab.check.replicas.asked import AskedReplicas
        from lab.check.replicas.replica import replica, replicas

        return AskedReplicas(
            replicas(self.urls, host),
            replica("the balancer", self.through, "--through", host) if self.through else None,
            self.header,
            self.dropped,
            self.between,
            self.between_s,
            ready or "/",
        )


def replica_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options of --url to a command, which gets them as one argument, `running`."""

    @click.option(
        "--url",
        "urls",
        multiple=True,
        metavar="URL",
        help="Instead of --start: a replica that already runs. Name at least two.",
    )
    @click.option(
        "--through",
        metavar="URL",
        help="With --url: also send the calls through the load balancer at this address.",
    )
    @click.option(
        "--between",
        default="",
        metavar="COMMAND",
        help="With --url: shell command to run once in the middle of conversations, such as a "
        "rollout.",
    )
    @click.option(
        "--between-wait",
        default="10min",
        show_default=True,
        type=WAITING_TIME,
        help="How long that command may take.",
    )
    @click.option(
        "--replica-header",
        metavar="NAME",
        help="With --url: header that names the replica.  [default: found automatically]",
    )
    @click.option(
        "--drop-cookie",
        multiple=True,
        metavar="NAME",
        help="With --url: the client does not keep this cookie, such as one for affinity.",
    )
    @wraps(command)
    def with_replicas(
        *args: Any,
        urls: tuple[str, ...],
        through: str | None,
        between: str,
        between_wait: float,
        replica_header: str | None,
        drop_cookie: tuple[str, ...],
        **others: Any,
    ) -> R:
        if not urls and (through or between or replica_header or drop_cookie):
            raise click.UsageError(_BELONG)
        running = ReplicaOptions(urls, through, between, between_wait, replica_header, drop_cookie)
        return command(*args, running=running, **others)

    return with_replicas
