"""The check of an MCP server whose replicas run already; the sessions it opened are closed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle

from lab.check.budget import Spent
from lab.check.judge import Level, Report
from lab.check.mcp.dialect import McpDialect
from lab.check.mcp.sessions import Meeting, meet
from lab.check.mcp.source import McpSource
from lab.check.mcp.verdicts import judge_parts
from lab.check.replicas.checker import ReplicaCheck
from lab.check.replicas.replica import Replica
from lab.check.replicas.runner import ReplicaRunner
from lab.check.trace import ClientState, Trace

_WEAKER = {Level.PROCESS: Level.REPLICA, Level.SELF_CONTAINED: Level.ALIKE}


@dataclass
class McpReplicaCheck(ReplicaCheck):
    """A check of replicas of one MCP server."""

    source: McpSource
    version: str | None = None
    _met: Meeting | None = field(default=None, init=False)

    def run_plays(self, runner: ReplicaRunner, report: Report) -> None:
        """Meet the server on two replicas, then run all plays of what it offers."""
        self.progress("which versions of MCP are spoken, and do replicas share a session?")
        self._met = met = meet(runner, in_turn(self.asked.among), self.source.wire, self.version)
        report.plays.append("two replicas, one asked in the session of the other")
        dialect = runner.dialect = McpDialect(met.wire, met.sessions, met.opened)
        self.source.wire, self.source.capabilities = met.wire, met.capabilities
        try:
            self.session(runner, report).run(self.source)
        finally:
            runner.dialect = None
            close(runner, dialect)

    def finish(self, report: Report) -> None:
        """Divide the report into its three parts."""
        if self._met is not None:
            session = self._met.report
            session.level = _WEAKER.get(session.level, session.level)
            judge_parts(report, self._met)


@contextmanager
def in_turn(among: Sequence[Replica]) -> Iterator[Callable[[], Replica]]:
    """Yield a function that returns the next replica."""
    turns = cycle(among)
    yield lambda: next(turns)


def close(runner: ReplicaRunner, dialect: McpDialect) -> None:
    """End the sessions that were opened: the replicas go on running, and need not keep them."""
    for target, end in dialect.opened:
        with suppress(Spent):
            runner.said(Trace(), end, ClientState(), target)
