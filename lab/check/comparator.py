"""Compares the plays of one conversation: which places vary, and which equalities hold.

Values that vary are compared up to renaming: where two answers always had the same value as
each other, they still must, whatever the value is.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from lab.check.changes import COMPARED, changes
from lab.check.conversation import Ref
from lab.check.differences import Difference, Relation, covers, differences, varying
from lab.check.judge import Finding, Level
from lab.check.noise import ABSENT, Noise, kind_of
from lab.check.relations import Answers, holds, relations
from lab.check.trace import Trace
from lab.core import pointer
from lab.core.http import Answer, count_events

RATE_LIMITED = 429
NOISY = "too noisy to compare: it was answered with another status the second time"
SILENT = "no answer came to it ({}): allow more time with --timeout"
SLOW = "its stream sent less when it was read again: a slow or a busy machine"
STATUS_ONLY = "its whole body varies by itself: only its status and headers are compared"
POLLED = "asked again until it changed: only the last answer is compared"


class ResponseComparator:
    """Compares answers by call, without the places that vary by themselves or are ignored.

    `noise` has those places by call; `unsure` says of a call why no difference means nothing;
    `polled` are calls of which a later one alone is compared, `polling` the lines that send them.
    """

    def __init__(self, ignored: frozenset[str], headers: tuple[str, ...] = COMPARED) -> None:
        self.noise: dict[int, Noise] = {}
        self.relations: list[Relation] = []
        self.unsure: dict[int, str] = {}
        self.polled: set[int] = set()
        self.polling: set[tuple[str, str]] = set()
        self.limited: set[int] = set()
        self._noisy: set[int] = set()
        self._ignored = ignored
        self._headers = headers

    @property
    def status_only(self) -> list[int]:
        """The calls of whose body nothing is compared, since all of it varies."""
        return sorted(index for index, noise in self.noise.items() if noise.whole)

    @property
    def masked(self) -> dict[int, tuple[str, ...]]:
        """The places that vary by themselves, by call."""
        return {index: noise.shown for index, noise in self.noise.items() if noise.shown}

    def learn_plays(self, plays: list[Trace], process_ids: Collection[int] = ()) -> None:
        """Learn from plays of one process each: what varies, what is the same as before."""
        first = plays[0]
        aligned = [self.aligned(first, other) for other in plays[1:]]
        for other in aligned:
            for index, answer in sorted(other.items()):
                self.learn(index, first.answers[index], answer)
        for index, answer in enumerate(first.answers):
            if all(index not in other for other in aligned) and index not in self.polled:
                self.unsure.setdefault(index, "the script went another way the second time")
            if answer.status is None:
                self.unsure[index] = SILENT.format(answer.error)
        for answers in aligned:
            for index, answer in answers.items():
                if not answer.complete and count_events(answer.content) < answer.events:
                    self.unsure[index] = SLOW
        every = [dict(enumerate(first.answers)), *aligned]
        self.relations = [
            each
            for each in relations(every, self.noise, {*map(str, process_ids)})
            if not self.ignores(each.place)
        ]

    def ended(self, index: int, why: str) -> None:
        """Note that a script ended early after this call, in a play of one process."""
        self.unsure[max(0, index)] = (
            f"the script ended when it was run again: {why}; something was kept from the first time"
        )

    def learn(self, index: int, first: Answer, second: Answer) -> set[str]:
        """Note what differs between two answers of the same play: it varies by itself.

        Return the places that were not known to.
        """
        if RATE_LIMITED in (first.status, second.status) and first.status != second.status:
            self.limited.add(index)
        noise = self.noise.setdefault(index, Noise())
        new = noise.learn(changes(first, second, self._headers, noise), first, second)
        if "status" in noise.places and "status" not in self._ignored:
            self._noisy.add(index)
            self.unsure[index] = NOISY
        return new

    def mask(self, index: int, place: str) -> None:
        """Ignore a place from now on: it differed once, and not again."""
        kinds = {"text", "empty text", "number", "truth", "null", "nothing", "list", "dict"}
        self.noise.setdefault(index, Noise()).places[place] = kinds

    def learn_recorded(
        self, index: int, recorded: Answer, replayed: Answer, unfollowed: str = ""
    ) -> None:
        """Mark a call as not comparable if its replay has another status than its recording.

        `unfollowed` names a value of the call that no earlier answer gave.
        """
        if index in self.unsure or recorded.status in (None, replayed.status, 304):
            return  # a browser would show its kept copy for a 304
        self.unsure[index] = (
            f"the replay of call {index + 1} was answered {replayed.status}, recorded "
            f"{recorded.status}: something was kept, or a value could not be followed"
            + (f" ({unfollowed} was in no earlier answer)" if unfollowed else "")
        )

    def aligned(self, first: Trace, other: Trace) -> dict[int, Answer]:
        """Return the answers of another play, each at the place of its call in the first play.

        Plays of a script that polls differ in how often: then the last of each is compared.
        """
        found: dict[int, Answer] = {}
        here, there = _runs(first), _runs(other)
        for number, (key, mine) in enumerate(here):
            if number == len(there) or there[number][0] != key:
                break
            theirs = there[number][1]
            cut = number == len(there) - 1 and (other.ended or other.went_on)
            if len(mine) == len(theirs) or (cut and len(theirs) < len(mine)):
                pairs = list(zip(mine, theirs, strict=False))
            else:
                pairs = [(mine[-1], theirs[-1])]
                self.polled |= {*mine[:-1]}
                self.polling.add(key)
            found |= {one: other.answers[two] for one, two in pairs if two in other.sent}
        return found

    def compare(self, index: int, expected: Answers, seen: Answers) -> list[Difference]:
        """Return the differences in the answer to a call, broken relations included."""
        if index not in expected or index not in seen or index in self.polled:
            return []
        found = self(index, expected[index], seen[index])
        if expected[index].status != seen[index].status:
            return found
        return found + [each.difference() for each in self.broken(index, expected, seen)]

    def __call__(self, index: int, expected: Answer, seen: Answer) -> list[Difference]:
        """Return the differences between two answers to a call, without noise."""
        if index in self._noisy:
            return []
        return differences(expected, seen, self._ignored, self._headers, self.noise.get(index))

    def depends(self, index: int, expected: Answer, bare: Answer) -> bool:
        """Return True if a client without credentials gets another answer (not a 429)."""
        if RATE_LIMITED in (expected.status, bare.status):
            return False
        return bool(self(index, expected, bare))

    def unless_noisy(self, finding: Finding) -> Finding:
        """Return a finding without differences; unknown if the call varies too much to compare."""
        if finding.index in self.polled:
            return replace(finding, why=POLLED)
        if why := self.unsure.get(finding.index):
            return replace(finding, level=Level.UNKNOWN, why=why)
        return finding

    def gives_anew(self, ref: Ref) -> bool:
        """Return True if the value that a later call takes from an answer is new in each play.

        Of most headers that is not known, and taken to be so.
        """
        places = self.noise.get(ref.call, Noise()).shown
        kind, _, where = ref.where.partition(":")
        if kind == "json":
            return (where or "/") in places
        if kind in ("path", "query"):
            return any(place.startswith("header:location") for place in places)
        return kind != "match" or any(place.startswith("body") for place in places)

    def places(self, one: Answer, other: Answer) -> frozenset[str]:
        """Return the places in which two answers differ, also of different calls."""
        return varying(one, other, self._headers)

    def differences(self, one: Answer, other: Answer, noise: Iterable[str]) -> list[Difference]:
        """Return the differences between two answers, without `noise` and ignored places."""
        return differences(one, other, {*noise} | self._ignored, self._headers)

    def ignores(self, place: str) -> bool:
        """Return True if the user excluded a place from comparison."""
        return any(covers(each, place) for each in self._ignored)

    def drop(self, relation: Relation) -> None:
        """Forget a relation: it held by chance, or it names the process."""
        self.relations = [each for each in self.relations if each != relation]

    def broken(self, index: int, expected: Answers, seen: Answers) -> list[Relation]:
        """Return the relations of a call that hold as expected and do not hold as seen."""
        return [
            each
            for each in self.relations
            if each.index == index and holds(each, expected) and holds(each, seen) is False
        ]

    def still_holds(self, relation: Relation, answers: Answers) -> bool:
        """Return True unless these answers break a relation."""
        return holds(relation, answers) is not False


def same_kind(where: str, one: Answer, other: Answer) -> bool:
    """Return True if two answers have the same status, or values of the same kind at this place."""
    if where == "status":
        return one.status == other.status
    if not where.startswith("/"):
        return True
    place = where.removesuffix("/-").removesuffix("/~")
    return _kind_at(one, place) == _kind_at(other, place)


def _kind_at(answer: Answer, place: str) -> str:
    try:
        return kind_of(pointer.resolve(answer.body, "" if place == "/" else place))
    except LookupError:
        return kind_of(ABSENT)


def _runs(trace: Trace) -> list[tuple[tuple[str, str], list[int]]]:
    """Return neighbouring calls of the same line of a script together."""
    runs: list[tuple[tuple[str, str], list[int]]] = []
    for index, call in enumerate(trace.calls):
        if runs and runs[-1][0] == call.line:
            runs[-1][1].append(index)
        else:
            runs.append((call.line, [index]))
    return runs
