"""What the search returns shows the difference, and nothing can be left out of it."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lab.check.shrink import shrink

sizes = st.integers(1, 40)


@given(st.data(), sizes)
def test_shrink_keeps_exactly_the_calls_that_are_needed(data, size):
    needed = data.draw(st.sets(st.integers(0, size - 1)))
    guesses = data.draw(st.lists(st.lists(st.integers(0, size - 1), unique=True).map(sorted)))
    assert shrink(range(size), lambda part: needed <= set(part), guesses) == sorted(needed)


@given(st.data(), sizes)
def test_shrink_leaves_no_call_that_can_be_left_out(data, size):
    """For any predicate that more calls never spoil: this or that or both of some groups."""
    groups = data.draw(
        st.lists(st.sets(st.integers(0, size - 1), min_size=1), min_size=1, max_size=4)
    )

    def shows(part):
        return any(group <= set(part) for group in groups)

    kept = shrink(range(size), shows)
    assert shows(kept)
    for call in kept:
        assert not shows([other for other in kept if other != call])


@given(st.data(), st.integers(2, 16))
def test_shrink_is_minimal_even_where_more_calls_spoil_it(data, size):
    """A logout among the calls: the difference needs some, and is hidden by others."""
    needed = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    spoiling = data.draw(st.sets(st.integers(0, size - 1))) - needed
    again = data.draw(st.integers(0, size - 1))  # a second login, after the logout
    assume(again not in spoiling)

    def shows(part):
        return needed <= set(part) and (again in part or not spoiling & set(part))

    kept = shrink(range(size), shows)
    assert shows(kept)
    assert not any(shows([each for each in kept if each != call]) for call in kept)


@pytest.mark.parametrize("size", [5, 20, 80, 320])
def test_call_that_matters_alone_takes_a_logarithm_of_questions(size):
    for needed in range(size):
        questions = []

        def shows(part, needed=needed, questions=questions):
            questions.append(part)
            return needed in part

        assert shrink(range(size), shows) == [needed]
        assert len(questions) <= math.log2(size) + 3
        assert len(questions) == len(set(map(tuple, questions))), "asked twice"
