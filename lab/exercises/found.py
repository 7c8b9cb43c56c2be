"""`lab check` on a student's service: the conversation of a check, and what was found."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.check.budget import Budget
from lab.check.checker import Check
from lab.check.curl import as_curl
from lab.check.first_plays import Source
from lab.check.judge import Level, Report
from lab.check.session import Options
from lab.check.sources.http_file import HttpFileSource
from lab.check.sources.script import ScriptSource
from lab.check.start import Start
from lab.core.text import in_lines
from lab.exercises.declare import NotMet


@dataclass(frozen=True)
class Found:
    """What `lab check` found of a student's service."""

    report: Report
    start: Start

    @property
    def level(self) -> Level:
        """Where the state is."""
        return self.report.level

    @property
    def self_contained(self) -> bool:
        """True if `lab check` found no state."""
        return self.report.level is Level.SELF_CONTAINED and not self.report.failed

    @property
    def because(self) -> str:
        """Why, in a sentence."""
        return self.report.because

    def shown(self) -> str:
        """Return the shortest script that shows the state, for bash; or why there is none."""
        return as_curl(self.report, self.start) or self.because


def check(
    start: Start,
    conversation: str,
    folder: Path,
    ignore: frozenset[str],
    max_seconds: float,
    progress: Callable[[str], None],
) -> Found:
    """Check a service with a conversation; NotMet if it ended before anything was compared."""
    options, budget = Options(ignored=ignore), Budget(max_seconds=max_seconds)
    source = _source(conversation, folder)
    report = Check(start, source, folder, options, budget, in_lines(progress)).run()
    if report.level is Level.UNKNOWN and report.processes <= 1 and not report.findings:
        raise NotMet(f"`lab check` ends early: {report.because}")
    return Found(report, start)


def _source(conversation: str, folder: Path) -> Source:
    is_python = "def script(" in conversation
    path = folder / ("conversation.py" if is_python else "conversation.http")
    path.write_text(conversation, encoding="utf-8")
    return ScriptSource(path) if is_python else HttpFileSource(path)
