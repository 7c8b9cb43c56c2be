"""What a suite's run on several processes has shown, in lines of text."""

from collections.abc import Iterator

from lab.check.suite.exchanges import Pairs, SuiteExchange
from lab.check.suite.shorten import Sorted, SuiteFinding
from lab.core.redaction import redact_text
from lab.core.text import counted, one_line

MOST_LONG = 110
NOTHING_CAME = (
    "no request of this suite came to {url}, so nothing was checked: give it that address. The "
    "fixtures lab_url and base_url, the variable LAB_URL and each --lab-url-env NAME have it; "
    "--lab-port 8000 makes it http://127.0.0.1:8000"
)


def found_lines(found: Sorted) -> Iterator[str]:
    """Yield what was found of the tests that failed."""
    if found.findings:
        number = sum(len(each.tests) for each in found.findings)
        tests = counted(number, "test passes", "tests pass")
        yield f"{tests} on one process and not on several: the service keeps state in its process."
    for finding in found.findings:
        yield ""
        yield from _finding(finding)
    if found.on_one_too:
        yield ""
        fail = counted(len(found.on_one_too), "test fails", "tests fail")
        yield (
            f"{fail} on one process as well. What earlier runs have left may be why: "
            "--lab-reset COMMAND empties it."
        )
        yield from (f"  {test}" for test in found.on_one_too)
    if found.trouble:
        yield ""
        yield f"Not all could be found out: {found.trouble}"


def covered_line(tests: int, requests: int, processes: int, covered: Pairs) -> str:
    """Return how much was asked, and how many pairs two processes have answered."""
    asked = f"{counted(requests, 'request')} of {counted(tests, 'test')}"
    used = counted(processes, "process", "processes")
    if not covered.of:
        return f"{asked}, {used}; no test sent two requests"
    return (
        f"{asked}, {used}; of the pairs of requests within a test "
        f"{covered.crossed} of {covered.of} were answered by two processes"
    )


def _finding(finding: SuiteFinding) -> Iterator[str]:
    yield finding.tests[0]
    if finding.wrote is None:
        yield f"  {finding.why}"
    else:
        yield from _pair(finding)
    if others := finding.tests[1:]:
        yield f"  the same answer differs in {counted(len(others), 'other', 'others')}:"
        yield from (f"    {test}" for test in others)
    if finding.after:
        yield f"  after {counted(len(finding.after), 'earlier test', 'earlier tests')} of this run"


def _pair(finding: SuiteFinding) -> Iterator[str]:
    assert finding.wrote is not None
    times = f"seen {finding.seen} of {finding.seen} times"
    first, second = _title(finding.wrote), "a later request"
    said = "no answer differs, only the test shows it"
    if finding.missed is not None:
        second, said = _title(finding.missed), redact_text(str(finding.difference))
    width = max(len(first), len(second))
    yield f"  fails if another process answers what comes after the first of these ({times}):"
    yield f"    {first:{width}}  wrote: {finding.wrote.status or 'no answer'}"
    yield f"    {second:{width}}  missed it: {said}"


def _title(exchange: SuiteExchange) -> str:
    return one_line(redact_text(exchange.title), MOST_LONG)
