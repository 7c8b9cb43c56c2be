"""The one difference that a proof is looked for, and whether two plays of a part show it."""

from collections.abc import Collection

from lab.check.comparator import ResponseComparator, same_kind
from lab.check.differences import Difference
from lab.check.judge import Finding
from lab.check.trace import Trace

CONFIRMATIONS = 3
OF_A_KIND = 4  # confirmations where something appeared or disappeared
OF_A_VALUE = 6  # confirmations where a value differs: chance may repeat it three times


class Wanted:
    """The difference that has to be seen again, as opposed to any other."""

    def __init__(self, finding: Finding, comparator: ResponseComparator, baseline: Trace) -> None:
        first = finding.differences[0]
        self._index = finding.index
        self._comparator = comparator
        self._baseline = baseline.answers[finding.index]
        self.of_script = first.where == "script"
        status = first.where == "status"
        self.places = {"status"} if status else {each.where for each in finding.differences}
        self.relation = any(each.broken for each in finding.differences)
        if status or self.of_script or self.relation:
            self.confirmations = CONFIRMATIONS
        elif "nothing" in (first.expected, first.seen) or first.where.endswith(("/-", "body")):
            self.confirmations = OF_A_KIND
        else:
            self.confirmations = OF_A_VALUE

    def shown(self, expected: Trace, seen: Trace, part: Collection[int]) -> list[Difference]:
        """Return the differences of the wanted kind between two plays of a part; none if absent."""
        if self.of_script:
            return [script_ended(seen)] if seen.ended and not expected.ended else []
        index = self._index
        there = {n: answer for n, answer in expected.answered.items() if n in part}
        here = {n: answer for n, answer in seen.answered.items() if n in part or n == index}
        if index not in there or index not in here:
            return []
        found = self._comparator.compare(index, there, here)
        # The expected side has what the conversation has there, at least its kind.
        right = any(
            each.where in self.places and same_kind(each.where, self._baseline, there[index])
            for each in found
        )
        return found if right else []


def script_ended(trace: Trace) -> Difference:
    """Return the difference that a script did not run to its end."""
    return Difference("script", "ran to its end", trace.ended or "it went on without an end")
