"""The service of one pytest process, as a plugin: its address, its processes, what was asked."""

import os
import re
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.check.start import Start
from lab.check.suite.exchanges import Rotation, SuiteJournal
from lab.check.suite.fleet import Fleet
from lab.check.suite.proxy import SuiteProxy
from lab.core.errors import LabError
from lab.core.units import MOST_WAIT_S, parse_duration

LAB_URL = "LAB_URL"
MOST_OF_ONE_SERVICE = 16
_VARIABLE_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class SuiteOptions:
    """What was asked for."""

    start: Start
    processes: int
    port: int
    variables: tuple[str, ...]

    @classmethod
    def of(cls, config: pytest.Config) -> "SuiteOptions":
        """Read the options; UsageError if they cannot be."""
        given = config.known_args_namespace
        for each in given.lab_env:
            if not _VARIABLE_NAME.fullmatch(each.partition("=")[0]) or "=" not in each:
                raise pytest.UsageError(f"--lab-env {each!r}: write NAME=VALUE, as PORT={{port}}")
        for each in given.lab_url_env:
            if not _VARIABLE_NAME.fullmatch(each):
                raise pytest.UsageError(f"--lab-url-env {each!r}: give the name of a variable")
        if not 2 <= given.lab_processes <= MOST_OF_ONE_SERVICE:
            raise pytest.UsageError(
                f"--lab-processes {given.lab_processes}: give 2 to {MOST_OF_ONE_SERVICE}"
            )
        if not 0 <= given.lab_port <= 65535:
            raise pytest.UsageError(f"--lab-port {given.lab_port}: give a port, 1 to 65535")
        if given.lab_ready is not None and not given.lab_ready.startswith("/"):
            raise pytest.UsageError(f"--lab-ready {given.lab_ready!r}: begin it with /")
        try:
            wait_s = parse_duration(given.lab_wait, 0.001, MOST_WAIT_S)
        except LabError as reason:
            raise pytest.UsageError(f"--lab-wait {reason}") from None
        env = dict(each.split("=", 1) for each in given.lab_env)
        start = Start(
            given.lab_check,
            env,
            config.invocation_params.dir,
            given.lab_reset,
            given.lab_ready,
            wait_s,
        )
        try:
            start.words(0)
        except LabError as reason:  # its text names options of `lab check`
            said = str(reason).replace("--start", "--lab-check").replace("--env", "--lab-env")
            raise pytest.UsageError(said) from None
        return cls(start, given.lab_processes, given.lab_port, (LAB_URL, *given.lab_url_env))


class Front:
    """The address that a suite is given, in the variables and fixtures where it looks for it."""

    def __init__(self, options: SuiteOptions) -> None:
        try:
            self.proxy = SuiteProxy(options.port)
        except LabError as reason:
            raise pytest.UsageError(str(reason)) from None
        self.url = self.proxy.url
        self._before = {name: os.environ.get(name) for name in options.variables}
        os.environ.update(dict.fromkeys(options.variables, self.url))
        self._closed = False

    def close(self) -> None:
        """Free the port and set the variables as they were. Safe to repeat."""
        if self._closed:
            return
        self._closed = True
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self.proxy.close()

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Give the address to the fixture base_url of pytest-base-url and pytest-playwright."""
        if hasattr(config.option, "base_url"):
            config.option.base_url = self.url


class SuiteService(Front):
    """Several processes behind one address; another one answers each request of a test."""

    def __init__(self, options: SuiteOptions) -> None:
        super().__init__(options)
        self._folder = tempfile.TemporaryDirectory(prefix="lab-suite-")
        self._fleet = Fleet(options.start, Path(self._folder.name) / "run", options.processes)
        self.journal = SuiteJournal(Rotation(options.processes))
        self.proxy.serve(self.journal, self._fleet.address_of)

    def close(self) -> None:
        """End the processes as well."""
        super().close()
        self._fleet.close()
        self._folder.cleanup()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Start the processes while tests are collected."""
        if not session.config.option.collectonly:
            _or_usage_error(self._fleet.begin)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Wait until all processes answer."""
        if session.items and not session.config.option.collectonly:
            _or_usage_error(self._fleet.await_all)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note which test runs."""
        self.journal.test = item.nodeid
        return (yield)


def _or_usage_error(act: Callable[[], None]) -> None:
    try:
        act()
    except LabError as reason:
        raise pytest.UsageError(f"--lab-check: {reason}") from None
