"""The options of `lab check --mcp`, and what is checked with them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lab.core.json_object import JsonObject

if TYPE_CHECKING:
    from lab.check.mcp.checker import McpCheck
    from lab.check.mcp.source import McpSource
    from lab.check.replicas.asked import AskedReplicas
    from lab.check.replicas.checker import ReplicaCheck
    from lab.check.start import Start

VERSIONS = ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26")
R = TypeVar("R")


@dataclass(frozen=True)
class McpOptions:
    """Where the endpoint is ("" without --mcp), the version to speak, the tools to call."""

    path: str = ""
    version: str | None = None
    called: tuple[tuple[str, JsonObject | None], ...] = ()

    def source(
        self, files: Sequence[Path | None], sent: tuple[tuple[str, str], ...] = ()
    ) -> "McpSource":
        """Return the source of the conversation; UsageError if another one is given too.

        `sent` are headers that go with every message.
        """
        from lab.check.mcp.messages import Wire
        from lab.check.mcp.source import McpSource

        if given := [str(each) for each in files if each]:
            raise click.UsageError(f"--mcp makes up its own conversation: leave out {given[0]}")
        return McpSource(dict(self.called), Wire(self.path, self.version or VERSIONS[0], sent))

    def check_replicas(self, asked: "AskedReplicas", source: Any, *others: Any) -> "ReplicaCheck":
        """Return the check of replicas that run already; `others` as of any such check."""
        from lab.check.mcp.replicas import McpReplicaCheck

        made = McpReplicaCheck(asked, source, *others)
        made.version = self.version
        return made

    def check(self, start: "Start", source: Any, *others: Any) -> "McpCheck":
        """Return the check of the server that a command starts; `others` as of any check."""
        from lab.check.mcp.checker import McpCheck

        made = McpCheck(start, source, *others)
        made.version = self.version
        return made


def mcp_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options of --mcp to a command, which gets them as one argument, `mcp`."""

    @click.option(
        "--mcp",
        is_flag=False,
        flag_value="/mcp",
        default="",
        metavar="[PATH]",
        help="Check an MCP server, without a conversation.  [default path: /mcp]",
    )
    @click.option(
        "--call",
        "called",
        multiple=True,
        metavar="NAME[=JSON]",
        help="With --mcp: also call this tool, although it is not marked as read-only.",
    )
    @click.option(
        "--mcp-version",
        type=click.Choice(VERSIONS),
        help="With --mcp: speak only this version of the protocol.",
    )
    @wraps(command)
    def with_mcp(
        *args: Any, mcp: str, called: tuple[str, ...], mcp_version: str | None, **others: Any
    ) -> R:
        if mcp and not mcp.startswith("/"):
            raise click.UsageError(f"--mcp {mcp!r}: give a path that begins with /")
        if not mcp and (called or mcp_version):
            raise click.UsageError("--call and --mcp-version belong to --mcp: give it as well")
        options = McpOptions(mcp, mcp_version, tuple(map(_tool, called)))
        return command(*args, mcp=options, **others)

    return with_mcp


def _tool(text: str) -> tuple[str, JsonObject | None]:
    name, equals, given = text.partition("=")
    if not name:
        raise click.UsageError(f"--call {text!r}: give the name of a tool")
    if not equals:
        return name, None
    try:
        arguments = json.loads(given)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise click.UsageError(f"--call {text!r}: give its arguments as a JSON object, {{…}}")
    return name, arguments
