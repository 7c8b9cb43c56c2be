"""Steps are logged as a line and two numbers; what counts is shown once in a while."""

import importlib
from types import SimpleNamespace

from lab.core.text import in_lines

module = importlib.import_module("lab.cli.check")


def test_step_that_counts_is_a_line_with_its_numbers():
    lines = []
    log = in_lines(lines.append)
    log("a step: 1 of 2")
    log("every call alone", 12, 20)
    assert lines == ["a step: 1 of 2", "every call alone: 12 of 20"]


def test_steps_that_count_are_shown_once_in_a_while_without_a_terminal(monkeypatch):
    lines, now = [], iter([0.0, 1.0, 2.0, 6.0, 7.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(module, "err", SimpleNamespace(is_terminal=False))
    log = module._seldom(lines.append)
    for number in range(4):
        log("every call", number, 4)
    log("another")
    assert lines == ["every call: 0 of 4", "every call: 3 of 4", "another"]
