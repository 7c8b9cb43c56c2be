"""Finds the fewest earlier calls that still show a difference: delta debugging (Zeller, 2002)."""

from collections.abc import Callable, Sequence

FEW = 6  # of so many calls, one by one is less to ask than halves


def shrink(
    calls: Sequence[int],
    shows: Callable[[list[int]], bool],
    guesses: Sequence[Sequence[int]] = (),
) -> list[int]:
    """Return a smallest part of `calls` for which `shows` is true; it is true for all of them.

    1-minimal: without any one of the calls it returns, `shows` is false. `shows` is asked
    at most once for the same calls. One that matters among n takes about 2 log2 n questions,
    and fewer if one of the `guesses` (parts of `calls`) shows it.
    """
    asked: dict[tuple[int, ...], bool] = {}

    def ask(part: list[int]) -> bool:
        if tuple(part) not in asked:
            asked[tuple(part)] = shows(part)
        return asked[tuple(part)]

    if ask([]):
        return []
    smaller = next((list(part) for part in guesses if part and ask(list(part))), None)
    kept, pieces = smaller or list(calls), 2
    while len(kept) > 1:
        parts = _cut(kept, pieces)
        smaller = next((part for part in reversed(parts) if ask(part)), None)
        if smaller is not None:
            kept, pieces = smaller, 2
            continue
        if len(kept) <= FEW:
            return _one_by_one(kept, ask)
        rests = [[call for call in kept if call not in part] for part in parts]
        # With two pieces the rest of one is the other, which was asked.
        rest = next((each for each in rests if ask(each)), None) if pieces > 2 else None
        if rest is not None:
            kept, pieces = rest, max(pieces - 1, 2)
        elif pieces < len(kept):
            pieces = min(len(kept), pieces * 2)
        else:
            break
    return kept


def _one_by_one(kept: list[int], ask: Callable[[list[int]], bool]) -> list[int]:
    """Leave out each of a few calls in turn, until none can be left out."""
    for call in kept if len(kept) > 1 else []:
        rest = [each for each in kept if each != call]
        if ask(rest):
            return _one_by_one(rest, ask)
    return kept


def _cut(calls: list[int], pieces: int) -> list[list[int]]:
    size, more = divmod(len(calls), pieces)
    parts, at = [], 0
    for number in range(pieces):
        end = at + size + (number < more)
        parts.append(calls[at:end])
        at = end
    return [part for part in parts if part]
