"""Finds the fewest earlier calls that a difference needs, by asking one process for each guess."""

from collections.abc import Iterator, Sequence

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Conversation, Ref
from lab.check.runner import Runner
from lab.check.shrink import shrink
from lab.check.trace import Trace
from lab.check.wanted import Wanted

MANY_CALLS_BEFORE = 3  # with more calls before it, a call is asked again after each of them
MOST_LOOKING_S = 2.0


class Givers:
    """Knows which calls gave the values of later ones. `baseline` has the right answers."""

    def __init__(
        self, conversation: Conversation, baseline: Trace, comparator: ResponseComparator
    ) -> None:
        self._conversation = conversation
        self._baseline = baseline
        self._comparator = comparator

    def with_givers(self, part: Sequence[int], index: int) -> list[int]:
        """Return a part with the calls that gave its values, and those of call `index`.

        That is what varies from play to play, and what goes into a header: a recorded credential
        expires, and no script may contain one. An empty part stays empty.
        """
        return self.closed(part, index) if part else []

    def closed(self, part: Sequence[int], index: int) -> list[int]:
        """Return a part with the calls that gave its new values, and those of call `index`."""
        whole, waiting = {*part}, [*part, index]
        while waiting:
            new = self._gave_anew(waiting.pop()) - whole
            whole |= new
            waiting += new
        return sorted(whole)

    def _gave_anew(self, index: int) -> set[int]:
        call = self._conversation.calls[index]
        headers = {ref for _, value in call.headers for ref in value if isinstance(ref, Ref)}
        return {
            ref.call for ref in call.refs() if ref in headers or self._comparator.gives_anew(ref)
        }

    def guesses(self, index: int) -> list[list[int]]:
        """Return earlier calls that are likely to matter.

        First those that gave what this call brings, then with the first and the last write.
        """
        needed = self._gave(index)
        related = {each.source for each in self._comparator.relations if each.index == index}
        writes = [n for n in range(index) if not self._conversation.calls[n].reads]
        return [sorted(needed | each) for each in (related, {*writes[:1]}, {*writes[-1:]})]

    def _gave(self, index: int) -> set[int]:
        """Return the earlier calls that gave a call's values, and those that gave theirs."""
        needed, waiting = self._cookies_from(index), [index]
        while waiting:
            new = {ref.call for ref in self._conversation.calls[waiting.pop()].refs()} - needed
            needed |= new
            waiting += new
        return needed

    def _cookies_from(self, index: int) -> set[int]:
        """Return the earlier calls that first set a cookie, if the client sends any now."""
        first: dict[str, int] = {}
        states = self._baseline.states
        if index < len(states) and states[index].cookies:
            for number, answer in enumerate(self._baseline.answers[:index]):
                for name in answer.cookies:
                    first.setdefault(name, number)
        return {*first.values()}


class Search(Givers):
    """The search in one conversation. `baseline` is the conversation on one process."""

    def __init__(
        self,
        runner: Runner,
        conversation: Conversation,
        baseline: Trace,
        comparator: ResponseComparator,
    ) -> None:
        super().__init__(conversation, baseline, comparator)
        self._runner = runner

    def needs(self, index: int, wanted: Wanted, known: Trace, tries: int) -> list[int]:
        """Return the fewest calls before `index` that show the difference, [] if it needs none.

        Calls that gave them a credential are among them, as `with_givers` says. `known` is the
        play that showed it. What a process answers that has had nothing before does not depend on
        the part: one process for each question is enough. Others are started ahead for the `tries`
        that follow, which ask both.
        """

        def shows(part: list[int]) -> bool:
            self._runner.expect(1 + 2 * tries)
            calls = [*self.with_givers(part, index), index]
            expected = self._runner.part(self._conversation, calls, self._baseline)
            return bool(wanted.shown(expected, known, calls))

        return self.with_givers(
            shrink(range(index), shows, self._all_guesses(index, wanted, known)), index
        )

    def _all_guesses(self, index: int, wanted: Wanted, known: Trace) -> Iterator[list[int]]:
        """Yield the guesses, and the call after which the answer is as in the conversation."""
        likely, *others = self.guesses(index)
        yield likely
        if (last := self._last_that_matters(index, wanted, known)) is not None:
            yield [last]
            yield sorted({*likely, last})
        yield from others

    def _last_that_matters(self, index: int, wanted: Wanted, known: Trace) -> int | None:
        """Return the call after which one process, asked after each, first shows a difference.

        Only for a call that changes nothing, and is quick.
        """
        answer = self._baseline.answers[index]
        quick = answer.complete and index * answer.elapsed_s < MOST_LOOKING_S
        if index <= MANY_CALLS_BEFORE or not self._conversation.calls[index].reads or not quick:
            return None
        before, found = self._runner.after_each(self._conversation, index, self._baseline)
        for number, seen in enumerate(found):
            answers = {**dict(enumerate(before.answers[: number + 1])), index: seen}
            if wanted.shown(Trace.of(answers), known, range(index + 1)):
                return number
        return None
