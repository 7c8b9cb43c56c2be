"""Checks an MCP server: meets it, plays its conversation, and gives its three verdicts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.check.checker import Check
from lab.check.judge import STATE, Report
from lab.check.launcher import OneAtATime
from lab.check.mcp.dialect import McpDialect, Sessions
from lab.check.mcp.sessions import MOST_REFUSALS, KnownSource, Meeting, meet
from lab.check.mcp.source import McpSource
from lab.check.mcp.verdicts import judge_parts
from lab.check.process import Process
from lab.check.runner import Runner


@dataclass
class McpCheck(Check):
    """A check of one MCP server, in one version of the protocol or in all that it speaks."""

    source: McpSource
    version: str | None = None
    _met: Meeting | None = field(default=None, init=False)

    def run_plays(self, runner: Runner, report: Report) -> None:
        """Meet the server, then run all plays of what it offers."""
        self.progress("which versions of MCP are spoken, and do processes share a session?")
        self._met = met = meet(runner, other_processes(runner), self.source.wire, self.version)
        report.plays.append("two processes, one asked in the session of the other")
        if met.shared and met.report.conversation is not None:
            runner.dialect = McpDialect(met.wire)
            self.session(runner, met.report).run(KnownSource(met.report.conversation))
            if met.report.level in STATE:  # a session kept in a process would hide all other state
                met.sessions = Sessions.EACH
        runner.dialect = McpDialect(met.wire, met.sessions)
        self.source.wire, self.source.capabilities = met.wire, met.capabilities
        self.session(runner, report).run(self.source)

    def finish(self, report: Report) -> None:
        """Divide the report into its three parts."""
        if self._met is not None:
            judge_parts(report, self._met)


@contextmanager
def other_processes(runner: Runner) -> Iterator[Callable[[], Process]]:
    """Yield a function that returns another process; it ends the last one if only one can run."""
    with runner.processes(1 + MOST_REFUSALS) as start:  # the next play takes the rest
        used: list[Process] = []

        def another() -> Process:
            try:
                used.append(start())
            except OneAtATime:
                if not used:
                    raise
                used[-1].kill()
                used.append(start())
            return used[-1]

        yield another
