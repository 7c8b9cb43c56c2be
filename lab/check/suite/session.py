"""What one pytest process does: it runs the suite, a part of it for another, or it reruns some."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lab.check.suite.exchanges import Pairs, SuiteExchange, pairs
from lab.check.suite.rerun import ORDERS, Reruns
from lab.check.suite.rerunner import Rerunner
from lab.check.suite.service import SuiteOptions, SuiteService
from lab.check.suite.shorten import PairSearch, Sorted
from lab.check.suite.summary import NOTHING_CAME, covered_line, found_lines

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

SEARCH_S = 120.0
LEAST_PATIENCE_S = 120.0
WHILE_IMPORTED = (
    "the suite asks the service while it is imported, so that no test can be run again by itself: "
    "ask in a fixture"
)
LEADER = "LAB_SUITE_LEADER"  # the leading process's id: a worker is a process that finds one here
HANDED_OVER = "lab_check"  # what a worker of pytest-xdist gives to the process that leads


def begin(config: pytest.Config) -> None:
    """Take part in this run of pytest, in the role that its process has."""
    options, orders = SuiteOptions.of(config), os.environ.get(ORDERS)
    given = config.known_args_namespace
    if orders is not None:
        rerunner = Rerunner(options, Path(orders))
        config.pluginmanager.register(rerunner, "lab-check-suite")
        config.add_cleanup(rerunner.close)
        return
    plugin: object
    if os.environ.get(LEADER) == str(os.getppid()) and "PYTEST_XDIST_WORKER" in os.environ:
        plugin = _Worker(options)
    elif getattr(given, "numprocesses", None) or getattr(given, "tx", None):
        if options.port:
            raise pytest.UsageError("--lab-port: workers cannot share a port: leave out -n")
        os.environ[LEADER] = str(os.getpid())
        config.add_cleanup(_lead_no_more)
        plugin = _Findings(config)
    else:
        plugin = _Leader(config, options)
    if isinstance(plugin, _Worker | _Leader):
        config.pluginmanager.register(plugin.service, "lab-check-service")
        config.add_cleanup(plugin.service.close)
    config.pluginmanager.register(plugin, "lab-check-suite")


def _lead_no_more() -> None:
    os.environ.pop(LEADER, None)


class Handover(msgspec.Struct):
    """What a worker has seen: counts, and the exchanges of tests that failed."""

    requests: int = 0
    processes: int = 0
    covered: Pairs = Pairs()
    of_failed: list[SuiteExchange] = []
    while_imported: bool = False


class _Findings:
    """Sorts the tests that failed when all have run, and says what was found."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._tests: list[str] = []
        self._failed: list[str] = []
        self._ran = 0
        self._seen = Handover()
        self._found: Sorted | None = None
        self._url = "LAB_URL"
        self._began = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended."""
        if report.when == "setup":
            self._tests.append(report.nodeid)
        if report.when == "call":
            self._ran += 1
        if report.failed and report.nodeid not in self._failed:
            self._failed.append(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker has seen."""
        if handed := getattr(node, "workeroutput", {}).get(HANDED_OVER):
            self._add(msgspec.msgpack.decode(handed, type=Handover))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Run again what failed; refuse a suite that never asked."""
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        if self._ran and not self._seen.requests:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif self._failed and self._seen.while_imported:
            self._found = Sorted(trouble=WHILE_IMPORTED)
        elif self._failed and self._seen.requests:
            with TemporaryDirectory(prefix="lab-suite-") as name:
                self._found = self._sort(Path(name))

    def pytest_terminal_summary(self, terminalreporter: "TerminalReporter") -> None:
        """Print the findings."""
        if not self._ran:
            return
        terminalreporter.section("lab check", sep="-")
        for line in self._lines():
            terminalreporter.write_line(line)

    def _lines(self) -> Iterator[str]:
        if not self._seen.requests:
            yield NOTHING_CAME.format(url=self._url)
            return
        if self._found:
            yield from found_lines(self._found)
            yield ""
        elif not self._failed:
            yield "No test depends on which process answers."
        seen = self._seen
        yield covered_line(self._ran, seen.requests, seen.processes, seen.covered)

    def _add(self, more: Handover) -> None:
        mine = self._seen
        mine.requests += more.requests
        mine.processes += more.processes
        mine.covered += more.covered
        mine.of_failed += more.of_failed
        mine.while_imported |= more.while_imported

    def _sort(self, folder: Path) -> Sorted:
        now = time.monotonic()
        patience_s = max(LEAST_PATIENCE_S, 5 * (now - self._began))
        arguments = [str(each) for each in self._config.invocation_params.args]
        has = self._config.pluginmanager.hasplugin
        arguments += ["-n", "0"] if has("xdist") else []
        arguments += ["--no-cov"] if has("pytest_cov") else []
        arguments += ["-p", "no:randomly"] if has("randomly") else []
        with Reruns(arguments, self._config.invocation_params.dir, folder, patience_s) as rerun:
            search = PairSearch(rerun, self._tests, self._seen.of_failed, now + SEARCH_S, self._log)
            return search.sort(self._failed)

    def _log(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self._config.option.verbose >= 0:
            reporter.ensure_newline()
            reporter.write_line(f"lab check: {line}")


class _Leader(_Findings):
    """Runs the suite on several processes, in this pytest."""

    def __init__(self, config: pytest.Config, options: SuiteOptions) -> None:
        super().__init__(config)
        self.service = SuiteService(options)
        self._url = self.service.url

    def pytest_report_header(self) -> str:
        """Return the line at the beginning of the output."""
        count = self._config.option.lab_processes
        return f"lab check: {count} processes answer in turn at {self._url}"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the service, whose port a rerun may need, then search."""
        self.service.close()
        self._add(_handover(self.service, self._failed))
        super().pytest_sessionfinish(session, exitstatus)


class _Worker:
    """Runs a part of the suite for the process that leads (pytest-xdist)."""

    def __init__(self, options: SuiteOptions) -> None:
        self.service = SuiteService(options)
        self._failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which tests failed."""
        if report.failed:
            self._failed.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand over what was seen."""
        seen = _handover(self.service, self._failed)
        output = getattr(session.config, "workeroutput", {})
        output[HANDED_OVER] = msgspec.msgpack.encode(seen)


def _handover(service: SuiteService, failed: list[str]) -> Handover:
    exchanges = service.journal.exchanges
    of_failed = [each for each in exchanges if each.test in failed]
    processes = len({each.process for each in exchanges})
    while_imported = any(not each.test for each in exchanges)
    return Handover(len(exchanges), processes, pairs(exchanges), of_failed, while_imported)
