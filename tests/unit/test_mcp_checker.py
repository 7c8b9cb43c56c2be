"""The order of an MCP check: sessions that all processes know are judged first, then the rest."""

from types import SimpleNamespace

import pytest

from lab.check.conversation import Conversation
from lab.check.judge import Level, Report
from lab.check.mcp import checker
from lab.check.mcp.checker import McpCheck
from lab.check.mcp.dialect import Sessions
from lab.check.mcp.messages import Wire
from lab.check.mcp.sessions import KnownSource, Meeting
from lab.check.mcp.source import McpSource
from lab.check.start import Start


@pytest.mark.parametrize(
    ("level", "sessions"),
    [
        (Level.DISK, Sessions.EACH),  # or nothing could be said of what is behind them
        (Level.BACKING_SERVICE, Sessions.EACH),
        (Level.SELF_CONTAINED, Sessions.ONE),
        (Level.UNKNOWN, Sessions.ONE),
    ],
)
def test_session_that_is_kept_somewhere_is_opened_with_each_process(
    monkeypatch, tmp_path, level, sessions
):
    opened = Report(Level.SELF_CONTAINED, "", Conversation(()))
    met = Meeting(Wire("/mcp", "2025-11-25"), {"tools": {}}, opened, Sessions.ONE, shared=True)
    monkeypatch.setattr(checker, "meet", lambda *given: met)
    monkeypatch.setattr(checker, "other_processes", lambda runner: None)
    check = McpCheck(Start("serve {port}"), McpSource(wire=Wire("/mcp", "")), tmp_path)
    runner, held = SimpleNamespace(dialect=None), []

    def session(runner, report):
        def run(source):
            held.append((type(source), report is opened, runner.dialect.sessions))
            if report is opened:
                report.level = level

        return SimpleNamespace(run=run)

    monkeypatch.setattr(check, "session", session)
    report = Report(Level.UNKNOWN, "")
    check.run_plays(runner, report)
    assert held == [(KnownSource, True, Sessions.NONE), (McpSource, False, sessions)]
    assert check.source.wire == met.wire
    check.finish(report)
    assert [part.name for part in report.parts] == ["session", "lists", "application state"]
