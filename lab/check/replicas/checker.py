"""Checks replicas that already run, within bounds, and reports what it knows when it must stop."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lab.check.budget import Budget
from lab.check.checker import TOO_EARLY, bounded
from lab.check.first_plays import Source
from lab.check.judge import Level, Report
from lab.check.replicas.asked import AskedReplicas
from lab.check.replicas.runner import ReplicaRunner
from lab.check.replicas.session import ReplicaSession
from lab.check.session import Options
from lab.core.text import LogStep


@dataclass
class ReplicaCheck:
    """One check of replicas; `say` is given what is going to be sent, before it is."""

    asked: AskedReplicas
    source: Source
    options: Options = field(default_factory=Options)
    budget: Budget = field(default_factory=Budget)
    progress: LogStep = lambda line, done=0, of=0: None
    say: Callable[[str], None] = lambda line: None

    def run(self) -> Report:
        """Run all plays and judge; at a bound or Ctrl-C return what is known, marked partial."""
        report = Report(Level.UNKNOWN, TOO_EARLY)
        runner = ReplicaRunner(self.budget, self.options.timeout_s, self.asked.dropped)
        bounded(lambda: self.run_plays(runner, report), report, self.budget)
        if report.spread:
            for each in report.spread.replicas:
                each.requests = runner.requests[each.name]
        self.finish(report)
        return report

    def run_plays(self, runner: ReplicaRunner, report: Report) -> None:
        """Run all plays; the report grows."""
        self.session(runner, report).run(self.source)

    def finish(self, report: Report) -> None:
        """Change a report, of all plays or of some, before it is returned."""

    def session(self, runner: ReplicaRunner, report: Report) -> ReplicaSession:
        """Return what runs the plays of one conversation."""
        return ReplicaSession(self.asked, self.options, runner, report, self.progress, self.say)
