"""Runs a check within its bounds, and reports what it knows when it must stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.check.budget import Budget, Spent
from lab.check.first_plays import Source
from lab.check.judge import Level, Report
from lab.check.launcher import DidNotStart
from lab.check.outside import Outside
from lab.check.pool import Pool
from lab.check.runner import Runner
from lab.check.session import Options, Session
from lab.check.sources.script_error import ScriptError
from lab.check.start import Start
from lab.core.errors import STOPPED
from lab.core.text import LogStep

TOO_EARLY = "it ended before anything was compared"


@dataclass
class Check:
    """One check of one service. `run` raises LabError if the source or the reset is wrong."""

    start: Start
    source: Source
    folder: Path
    options: Options = field(default_factory=Options)
    budget: Budget = field(default_factory=Budget)
    progress: LogStep = lambda line, done=0, of=0: None

    def run(self) -> Report:
        """Run all plays and judge; at a bound or Ctrl-C return what is known, marked partial."""
        report = Report(Level.UNKNOWN, TOO_EARLY)

        def run() -> None:
            with Pool(self.start, self.folder, self.budget, self.options.ahead) as pool:
                self.run_plays(Runner(pool, self.budget, self.options.timeout_s), report)

        bounded(run, report, self.budget)
        self.finish(report)
        return report

    def run_plays(self, runner: Runner, report: Report) -> None:
        """Run all plays; the report grows."""
        self.session(runner, report).run(self.source)

    def finish(self, report: Report) -> None:
        """Change a report, of all plays or of some, before it is returned."""

    def session(self, runner: Runner, report: Report) -> Session:
        """Return what runs the plays of one conversation."""
        outside = Outside(runner.pool, self.start.cwd, self.folder)
        return Session(self.start, self.options, runner, report, outside, self.progress)


def bounded(run: Callable[[], None], report: Report, budget: Budget) -> Report:
    """Run plays that write into a report; at a bound or Ctrl-C it is marked partial."""
    try:
        run()
    except Spent as bound:
        report.cut(str(bound))
    except DidNotStart as failure:
        report.cut(str(failure))
        report.started = budget.requests > 0
        report.because = str(failure) if not report.findings else report.because
    except ScriptError as failure:  # an assertion of the conversation failed on one process
        report.failed = str(failure)
        report.because = f"an assertion of the conversation does not hold: {failure}"
    except KeyboardInterrupt:
        report.interrupted = True
        report.cut(STOPPED)
    report.requests, report.processes = budget.requests, budget.processes
    report.seconds = budget.seconds
    return report
