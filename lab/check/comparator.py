"""What counts as a difference in one conversation, and which of its calls cannot be compared."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from lab.check.differences import Difference, differences, varying
from lab.check.conversation import Answer
from lab.check.judge import Finding, Level

RATE_LIMITED = 429
LIMITED = "a rate limiter answered 429: not compared"
NOISY = "too noisy to compare: it was answered with another status the second time"
STATUS_ONLY = "its whole body varies by itself: only its status could be compared"
_WHOLE = {"body", "/"}


class ResponseComparator:
    """Compares answers by call, without the places that vary by themselves or are ignored.

    `masked` has those places by call; `unsure` says of a call why no difference means nothing.
    """

    def __init__(self, ignored: frozenset[str], headers: tuple[str, ...]) -> None:
        self.masked: dict[int, tuple[str, ...]] = {}
        self.unsure: dict[int, str] = {}
        self.limited: set[int] = set()
        self._noisy: set[int] = set()
        self._ignored = ignored
        self._headers = headers

    def learn(self, index: int, first: Answer, second: Answer) -> None:
        """Note what differs between two answers of the same play: it varies by itself."""
        if self._is_limited(index, first, second):
            return
        if places := self.places(first, second):
            self.masked[index] = tuple(sorted(places))
        if "status" in places - self._ignored:
            self._noisy.add(index)
            self.unsure[index] = NOISY
        elif _WHOLE & (places - self._ignored):
            self.unsure[index] = STATUS_ONLY

    def learn_recorded(self, index: int, recorded: Answer, replayed: Answer, live: bool) -> None:
        """Note where the replay is not as recorded; of a recording made elsewhere, the status."""
        found = self(index, recorded, replayed)
        if not live:
            found = [each for each in found if each.where == "status"]
        if not found or index in self.unsure or recorded.status is None:
            return
        if not live and recorded.status == 304:  # what the browser had kept
            return
        was, now = (
            (recorded.status, replayed.status)
            if found[0].where == "status"
            else (f"{found[0].where} {found[0].expected}", found[0].seen)
        )
        self.unsure[index] = (
            f"the replay of call {index + 1} was answered {now}, recorded {was}: something was "
            "kept, or a value could not be followed"
        )

    def __call__(self, index: int, expected: Answer, seen: Answer) -> list[Difference]:
        """Return what differs; nothing where one side was told to slow down, or for noise."""
        if self._is_limited(index, expected, seen) or index in self._noisy:
            return []
        ignored = self._ignored | {*self.masked.get(index, ())}
        return differences(expected, seen, ignored, self._headers)

    def depends(self, index: int, expected: Answer, bare: Answer) -> bool:
        """Whether a client that carries nothing is answered differently; a 429 shows nothing."""
        if RATE_LIMITED in (expected.status, bare.status) or index in self._noisy:
            return False
        return bool(self(index, expected, bare))

    def doubts(self, finding: Finding) -> Finding:
        """Return a finding without differences; unknown where none means nothing."""
        if finding.index in self.limited:
            return replace(finding, level=Level.UNKNOWN, why=LIMITED, counts=False)
        if why := self.unsure.get(finding.index):
            return replace(finding, level=Level.UNKNOWN, why=why)
        return finding

    def places(self, one: Answer, other: Answer) -> frozenset[str]:
        """Return where two answers differ, whatever calls they belong to."""
        return varying(one, other, self._headers)

    def apart(self, one: Answer, other: Answer, noise: Iterable[str]) -> list[Difference]:
        """Return what differs between two answers, apart from `noise` and what is ignored."""
        return differences(one, other, {*noise} | self._ignored, self._headers)

    def _is_limited(self, index: int, *answers: Answer) -> bool:
        """RFC 6585, section 4: it counts requests, and that is not compared."""
        limited = any(answer.status == RATE_LIMITED for answer in answers)
        if limited:
            self.limited.add(index)
        return limited


Differ = Callable[[int, Answer, Answer], list[Difference]]
