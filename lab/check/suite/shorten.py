"""Why a test fails on several processes: the request that wrote, and the one that missed it.

Only what reruns have shown is said: the test passes on one process, and fails again when a second
one answers from some request on. Of all such requests the first is searched for: then the one
before it left something that is needed later.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from lab.check.differences import Difference, differences, varying
from lab.check.suite.exchanges import SuiteExchange, Switch
from lab.check.suite.rerun import Rerun, RerunResult
from lab.core.errors import STOPPED, LabError

MOST_SEARCHED = 5
MOST_SWITCHES = 16  # requests before which a switch is tried, until one shows it
ONE = Switch()
NOT_SHOWN = (
    "it did not fail again with one switch of processes, before whichever request: it needs more "
    "than one, or what earlier tests have left in a process, or it fails by chance"
)
NO_REQUEST = "it sends fewer than two requests to the address that this run gave it"
NO_TIME = "there was no time left to search"
NOT_AMONG_FIRST = "only the first five kinds of failure are searched"
NOT_ALONE = "it needs other tests before it, and which of them is not known"


@dataclass(frozen=True)
class SuiteFinding:
    """Tests that pass on one process and fail on several, for one reason.

    `tests` begins with the one that was searched; the same answer of the others differs. `wrote` is
    the last request that the second process must not have missed; `missed` the first later one that
    it answers differently, None if only the test shows it. `why` says why the pair is not known.
    `after` are the tests that have to run before it.
    """

    tests: tuple[str, ...]
    wrote: SuiteExchange | None = None
    missed: SuiteExchange | None = None
    difference: Difference | None = None
    seen: int = 0
    why: str = ""
    after: Sequence[str] = ()


@dataclass
class Sorted:
    """The tests that failed, by whether they fail on one process as well."""

    findings: list[SuiteFinding] = field(default_factory=list)
    on_one_too: list[str] = field(default_factory=list)
    trouble: str = ""


@dataclass
class PairSearch:
    """Sorts tests that failed on several processes, and searches for the pair of each.

    `suite` are all tests in the order in which they ran, `seen` what they asked then. No search
    begins after `until` (time.monotonic()).
    """

    rerun: Rerun
    suite: Sequence[str]
    seen: Sequence[SuiteExchange]
    until: float
    log: Callable[[str], None] = lambda line: None
    _searched: int = field(default=0, init=False)

    def sort(self, failed: Sequence[str]) -> Sorted:
        """Run failed tests again on one process, first by themselves, then after all others."""
        found = Sorted()
        try:
            self.log(f"{len(failed)} failed; once more, on one process")
            control = self.rerun(failed, ONE)
            rest = [test for test in failed if not control.passed(test)]
            whole = self._after_all_others(rest) if rest else RerunResult()
            found.on_one_too = [test for test in rest if not whole.passed(test)]
            for tests in self._alike([test for test in failed if control.passed(test)], control):
                found.findings.append(self._find(tests, [], control))
            for tests in self._alike([test for test in rest if whole.passed(test)], whole):
                found.findings.append(self._find(tests, self._before(tests[0]), whole))
        except LabError as reason:
            found.trouble = str(reason)
        except KeyboardInterrupt:
            found.trouble = STOPPED
        return found

    def _after_all_others(self, rest: Sequence[str]) -> RerunResult:
        upto = [*self._before(rest[-1]), rest[-1]]
        return self.rerun(upto, ONE) if len(upto) > len(rest) else RerunResult()

    def _before(self, test: str) -> list[str]:
        return list(self.suite[: self.suite.index(test)]) if test in self.suite else []

    def _alike(self, tests: Sequence[str], control: RerunResult) -> list[tuple[str, ...]]:
        """Return tests in groups in which the same request is answered differently in one way."""
        groups: dict[object, tuple[str, ...]] = {}
        for test in tests:
            _, one, seen = self._changed(test, control.of(test))
            key = (one.route, one.status, seen.status) if one and seen else test
            groups[key] = (*groups.get(key, ()), test)
        return list(groups.values())

    def _changed(
        self, test: str, on_one: Sequence[SuiteExchange]
    ) -> tuple[int, SuiteExchange | None, SuiteExchange | None]:
        """Return the first request of a test with another status than on one process."""
        was = (each for each in self.seen if each.test == test)
        for number, (one, seen) in enumerate(zip(on_one, was, strict=False)):
            if one.status != seen.status and one.route == seen.route:
                return number, one, seen
        return 0, None, None

    def _find(self, tests: tuple[str, ...], after: list[str], control: RerunResult) -> SuiteFinding:
        finding, test = SuiteFinding(tests, after=after), tests[0]
        self._searched += 1
        if self._searched > MOST_SEARCHED:
            return replace(finding, why=NOT_AMONG_FIRST)
        if time.monotonic() > self.until:
            return replace(finding, why=NO_TIME)
        self.log(f"{test}: which request it is about")
        chosen = [*after, test]
        first = self.rerun(chosen, ONE)
        if not first.passed(test):
            return replace(finding, why=NOT_ALONE)
        if len(first.exchanges) < 2:
            return replace(finding, why=NO_REQUEST)
        return self._pair(finding, chosen, first, control)

    def _pair(
        self, finding: SuiteFinding, chosen: list[str], first: RerunResult, control: RerunResult
    ) -> SuiteFinding:
        """Find the first request before which a switch makes the test fail."""
        test = finding.tests[0]
        passes, fails, shown = 0, 0, first
        for number in self._likely(test, first):
            if time.monotonic() > self.until:
                return replace(finding, why=NO_TIME)
            tried = self.rerun(chosen, Switch(after=number))
            if not tried.passed(test):
                fails, shown = number, tried
                break
        while fails - passes > 1:
            middle = (passes + fails) // 2
            tried = self.rerun(chosen, Switch(after=middle))
            if tried.passed(test):
                passes = middle
            else:
                fails, shown = middle, tried
        if not fails or self.rerun(chosen, Switch(after=fails)).passed(test):
            return replace(finding, why=NOT_SHOWN)
        wrote = first.exchanges[fails - 1]
        missed, difference = _missed(first, control, shown, fails)
        return replace(finding, wrote=wrote, missed=missed, difference=difference, seen=2)

    def _likely(self, test: str, first: RerunResult) -> Iterator[int]:
        """Yield the numbers of requests before which a switch is tried.

        At first that whose answer was another one when the test failed; then from the end, since
        tests look at the end at what they did.
        """
        begins = len(first.exchanges) - len(first.of(test))
        number, one, _ = self._changed(test, first.of(test))
        guess = number + begins if one else 0
        others = [n for n in range(len(first.exchanges) - 1, 0, -1) if n != guess]
        yield from ([guess] if guess else []) + others[:MOST_SWITCHES]


def _missed(
    first: RerunResult, control: RerunResult, shown: RerunResult, number: int
) -> tuple[SuiteExchange | None, Difference | None]:
    """Return the first request from a number on that was answered differently, and how.

    What differs between two runs on one process is not a difference.
    """
    test = first.exchanges[-1].test
    offset = len(first.exchanges) - len(first.of(test))
    again = control.of(test)
    for n, (one, seen) in enumerate(zip(first.exchanges, shown.exchanges, strict=False)):
        if n < max(number, offset):
            continue
        if one.method != seen.method:  # the test has taken another way
            break
        there = n - offset
        noise = varying(one.answer(), again[there].answer()) if there < len(again) else frozenset()
        if found := differences(one.answer(), seen.answer(), noise):
            return seen, found[0]
    return None, None
