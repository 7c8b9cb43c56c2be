"""Some tests of a suite once more, on one or two fresh processes, in a pytest of their own.

That pytest imports and collects the suite once. For each order it forks, so that no run knows of
another; where there is no fork (Windows), it runs them in itself, one after the other.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from lab.check.suite.exchanges import SuiteExchange, Switch
from lab.core.environment import current_environment
from lab.core.errors import LabError
from lab.processes.child import Child
from lab.processes.spawn import Children
from lab.processes.waiting import end_of, wait_until

ORDERS = "LAB_SUITE_ORDERS"  # the variable that names the folder of orders and their results
PASSED, FAILED = "passed", "failed"


class RerunOrder(msgspec.Struct):
    """Which tests to run, and who answers them."""

    tests: list[str]
    switch: Switch


class RerunResult(msgspec.Struct):
    """How tests ended (by node id: "passed", "failed"), and all that they asked."""

    outcomes: dict[str, str] = {}
    exchanges: list[SuiteExchange] = []
    trouble: str = ""

    def passed(self, test: str) -> bool:
        """Return True if a test ran and did not fail."""
        return self.outcomes.get(test) == PASSED

    def of(self, test: str) -> list[SuiteExchange]:
        """Return the requests of one test."""
        return [each for each in self.exchanges if each.test == test]


Rerun = Callable[[Sequence[str], Switch], RerunResult]


@dataclass
class Reruns:
    """Reruns of the pytest command that `arguments` are of. A `with` block.

    `patience_s` is how long each may take.
    """

    arguments: Sequence[str]
    here: Path
    folder: Path
    patience_s: float
    _number: int = field(default=0, init=False)
    _children: Children = field(default_factory=Children, init=False)
    _child: Child | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._children.close()

    def __call__(self, tests: Sequence[str], switch: Switch) -> RerunResult:
        """Run these tests, in the order of the suite; LabError if they cannot be run."""
        if self._child is None:
            self._child = self._start()
        child = self._child
        write_whole(order_file(self.folder, self._number), RerunOrder(list(tests), switch))
        result = result_file(self.folder, self._number)
        self._number += 1
        wait_until(lambda: result.exists() or not child.running(), self.patience_s)
        if not result.exists():
            why = f"not within {self.patience_s:.0f} s" if child.running() else child.ending
            raise LabError(f"tests were not run again ({why}); {end_of(child.log_path)}")
        found = msgspec.msgpack.decode(result.read_bytes(), type=RerunResult)
        if found.trouble:
            raise LabError(f"tests were not run again: {found.trouble}")
        return found

    def _start(self) -> Child:
        cache = f"cache_dir={self.folder / 'cache'}"
        return self._children.spawn(
            "a rerun of the suite",
            [sys.executable, "-m", "pytest", *self.arguments, "--maxfail=0", "-o", cache],
            log_path=self.folder / "reruns.log",
            env={**_environment(), ORDERS: str(self.folder)},
            cwd=self.here,
        )


def _environment() -> dict[str, str]:
    """Return this environment without what pytest says of itself in it."""
    own = ("PYTEST_CURRENT_TEST", "PYTEST_XDIST_", "PYTEST_VERSION")
    here = current_environment()
    return {name: value for name, value in here.items() if not name.startswith(own)}


def order_file(folder: Path, number: int) -> Path:
    """Return where an order is."""
    return folder / f"order-{number}"


def result_file(folder: Path, number: int) -> Path:
    """Return where the result of an order is."""
    return folder / f"result-{number}"


def write_whole(path: Path, value: RerunOrder | RerunResult) -> None:
    """Write a value so that the other side never finds half of it."""
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(msgspec.msgpack.encode(value))
    unfinished.replace(path)
