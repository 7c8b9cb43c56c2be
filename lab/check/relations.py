"""Relations: equal values in two answers of each play, whatever the values are."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lab.check.correlation import leaves
from lab.check.differences import Relation
from lab.check.noise import Noise
from lab.check.text import is_text, words
from lab.core.http import Answer

LEAST_LETTERS = 8  # a shorter word may be the same by chance
LEAST_DIGITS = 4  # the least length of a word that has a digit in it
MOST_PLACES = 2000
# A clock that two answers read in the same second is not a relation between them. None of its forms
# is a piece of a longer word: twelve of the digits of a random id may well stand together.
_CLOCK = re.compile(
    r"((?<![\w:])|(?<=/\d{4}:))\d{1,2}:\d\d(:\d\d)?\s?([AaPp][Mm]|Z)?(?![\w:])"
    r"|(?<!\w)\d{4}-\d\d-\d\d(?![\da-z])"
    r"|(?<!\w)\d{8}T?\d{4}(\d\d)?Z?(?!\w)|^(1\d{9}|1\d{12}|1\d{15}|1\d{18})$"
)
_ID_BESIDE_CLOCK = re.compile(r"(?<!\w)(?=[a-z_]*\d)(?=\d*[a-z_])\w{6,}", re.I)
Answers = Mapping[int, Answer]  # the key is the index of the call


def holds(relation: Relation, answers: Answers) -> bool | None:
    """Return True if a relation holds; None if an answer or a value is missing."""
    if relation.index not in answers or relation.source not in answers:
        return None
    one = value_at(answers[relation.index], relation.place)
    other = value_at(answers[relation.source], relation.source_place)
    return None if one is None or other is None else one == other


def relations(
    plays: list[dict[int, Answer]], noise: Mapping[int, Noise], process_ids: set[str]
) -> Iterator[Relation]:
    """Yield a relation for each value that varies: to the first answer that always had it."""
    common = sorted(set.intersection(*({*play} for play in plays)))
    values = [{index: _values(play[index]) for index in common} for play in plays]
    first_at: dict[tuple[str, ...], tuple[int, str]] = {}
    for index in common:
        for place in values[0][index]:
            seen = tuple(play[index].get(place, "") for play in values)
            if len({*seen}) == 1 or not all(map(_is_distinctive, seen)):
                continue
            if (
                process_ids & {*seen}
                or f"{place.rpartition('/')[0]}/~" in noise.get(index, Noise()).places
            ):
                continue
            if seen in first_at and first_at[seen][0] != index:
                yield Relation(index, place, *first_at[seen])
            else:
                first_at.setdefault(seen, (index, place))


def value_at(answer: Answer, place: str) -> str | None:
    """Return the text or number at a place of an answer, None if there is none."""
    return _values(answer).get(place)


def _is_distinctive(value: str) -> bool:
    least = LEAST_DIGITS if re.search(r"\d", value) else LEAST_LETTERS
    is_clock = _CLOCK.search(value) and not _ID_BESIDE_CLOCK.search(_CLOCK.sub(" ", value))
    return len(value) >= least and not is_clock


def _values(answer: Answer) -> dict[str, str]:
    """Return the texts and numbers of an answer by place."""
    found: dict[str, str] = {}
    if answer.is_json:
        found = {place: _as_text(value) for place, value in leaves(answer.body)}
    elif is_text(answer.content):
        for number, word in enumerate(words(answer.text)[:MOST_PLACES]):
            found[f"body/{number}"] = word.text
    if location := answer.header("location"):
        found["header:location"] = location
    return {place: value for place, value in list(found.items())[:MOST_PLACES] if value}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else repr(value)
