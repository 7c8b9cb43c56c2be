"""The pytest that reruns tests: it collects a suite once, and runs a part of it for each order."""

import os
import traceback
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from lab.check.suite.exchanges import SuiteJournal
from lab.check.suite.fleet import A_DAY_S, Fleet
from lab.check.suite.rerun import (
    FAILED,
    PASSED,
    RerunOrder,
    RerunResult,
    order_file,
    result_file,
    write_whole,
)
from lab.check.suite.service import Front, SuiteOptions
from lab.core.errors import LabError
from lab.processes.waiting import wait_until

# Options whose files are the first run's, or that wait for a person.
_NOT_FOR_RERUNS = ("xmlpath", "htmlpath", "report_log", "usepdb", "allure_report_dir")


class Rerunner(Front):
    """Obeys the orders of a folder, one after the other."""

    def __init__(self, options: SuiteOptions, folder: Path) -> None:
        super().__init__(options)
        self._options, self._folder = options, folder
        self._journal = SuiteJournal(lambda test: 0)
        self._outcomes: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave the files of the first run alone."""
        super().pytest_configure(config)
        for name in _NOT_FOR_RERUNS:
            if hasattr(config.option, name):
                setattr(config.option, name, None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Obey, in place of pytest's own loop."""
        for number, order in self._orders():
            result = result_file(self._folder, number)
            if not hasattr(os, "fork"):
                write_whole(result, self._run(session, order, number))
                continue
            with warnings.catch_warnings():
                # Fork warns of threads, and none of them is ours yet.
                warnings.simplefilter("ignore")
                child = os.fork()
            if not child:
                self._run_and_leave(session, order, number)
            _, status = os.waitpid(child, 0)
            if not result.exists():
                trouble = f"the run ended with status {os.waitstatus_to_exitcode(status)}"
                write_whole(result, RerunResult(trouble=trouble))
        return True

    def _orders(self) -> Iterator[tuple[int, RerunOrder]]:
        number = 0
        while True:
            path = order_file(self._folder, number)
            wait_until(path.exists, A_DAY_S)  # the pytest that gives the orders ends it
            yield number, msgspec.msgpack.decode(path.read_bytes(), type=RerunOrder)
            number += 1

    def _run_and_leave(self, session: pytest.Session, order: RerunOrder, number: int) -> None:
        """Run in a fork, and end it without pytest's own cleaning up."""
        try:
            result = self._run(session, order, number)
        except BaseException:
            result = RerunResult(trouble=traceback.format_exc(limit=-3))
        write_whole(result_file(self._folder, number), result)
        os._exit(0)

    def _run(self, session: pytest.Session, order: RerunOrder, number: int) -> RerunResult:
        asked = -1

        def choose(test: str) -> int:
            nonlocal asked
            asked += 1
            return order.switch.process(asked)

        start, count = self._options.start, order.switch.processes
        self._journal, self._outcomes = SuiteJournal(choose), {}
        with closing(Fleet(start, self._folder / f"run-{number}", count)) as fleet:
            try:
                fleet.begin()
                fleet.await_all()
            except LabError as reason:
                return RerunResult(trouble=str(reason))
            self.proxy.serve(self._journal, fleet.address_of)
            wanted = {*order.tests}
            items = [each for each in session.items if each.nodeid in wanted]
            for item, after in zip(items, [*items[1:], None], strict=True):
                self._journal.test = item.nodeid
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        return RerunResult(self._outcomes, self._journal.exchanges)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended: it failed if any of its phases did."""
        if report.failed:
            self._outcomes[report.nodeid] = FAILED
        elif report.when == "call" and report.passed:
            self._outcomes.setdefault(report.nodeid, PASSED)
