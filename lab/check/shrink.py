"""Finds the fewest earlier calls that still show a difference, with few questions.

Each question is a play on a process of its own. Where one call matters, halves find it; where
several do, the shortest beginning that shows it ends with one of them, and so on for the rest
(as in QuickXplain, Junker 2004).
"""

from collections.abc import Callable, Iterable, Sequence

FEW = 6  # up to this many calls, leaving out one at a time takes fewer questions than halving
Ask = Callable[[list[int]], bool]


def shrink(
    calls: Sequence[int],
    shows: Callable[[list[int]], bool],
    guesses: Iterable[Sequence[int]] = (),
) -> list[int]:
    """Return a smallest part of `calls` for which `shows` is true; all where it is for no part.

    1-minimal: without any one of the calls it returns, `shows` is false. `shows` is asked
    at most once for the same calls. One that matters among n takes about log2 n questions, each
    further one as many again; fewer if one of the `guesses` (parts of `calls`) shows it. Those are
    taken one by one, and no more than are needed.
    """
    asked: dict[tuple[int, ...], bool] = {}

    def ask(part: list[int]) -> bool:
        if tuple(part) not in asked:
            asked[tuple(part)] = shows(part)
        return asked[tuple(part)]

    if ask([]):
        return []
    kept = next((list(part) for part in guesses if part and ask(list(part))), list(calls))
    if len(kept) > 3 and ask(one := _halved(kept, ask)):
        return one
    if not ask(kept):
        return kept
    return _without_more(_from_the_end(kept, ask) if len(kept) > FEW else kept, ask)


def _halved(calls: list[int], ask: Ask) -> list[int]:
    """Return the one call that shows the difference, if one alone does, by halving the calls."""
    while len(calls) > 1:
        middle = len(calls) // 2
        calls = calls[middle:] if ask(calls[middle:]) else calls[:middle]
    return calls


def _from_the_end(calls: list[int], ask: Ask) -> list[int]:
    """Return calls that show the difference; none can be left out unless more calls hide it."""
    kept: list[int] = []
    left, was_last = calls, False
    while not ask(kept):
        end = _shortest(left, kept, ask, last_first=was_last)
        was_last = end == len(left)
        kept, left = [left[end - 1], *kept], left[: end - 1]
    return kept


def _shortest(left: list[int], kept: list[int], ask: Ask, *, last_first: bool) -> int:
    """Return the length of the shortest beginning of `left` that, with `kept`, shows it.

    With `last_first`, one less is asked first: calls that matter come together.
    """
    fewest, enough = 0, len(left)
    middle = enough - 1 if last_first else enough // 2
    while enough - fewest > 1:
        if ask(left[:middle] + kept):
            enough = middle
        else:
            fewest = middle
        middle = (fewest + enough) // 2
    return enough


def _without_more(kept: list[int], ask: Ask) -> list[int]:
    """Leave out calls one by one until all are needed: some may have hidden the difference."""
    before: list[int] = []
    while kept != before and len(kept) > 1:
        before = kept
        for call in before:
            rest = [each for each in kept if each != call]
            kept = rest if rest and ask(rest) else kept
    return kept
