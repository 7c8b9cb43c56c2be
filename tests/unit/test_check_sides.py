"""Plays on two living processes: what one keeps shows where the other changes it in between."""

from itertools import combinations

import pytest

from lab.check.conversation import Call, plain
from lab.check.play_name import READS_WRITES, TURNS, PlayKind, PlayName
from lab.check.sides import FEWEST_PLAYS, MOST_CALLS, plays_on_two


def calls(methods):
    return tuple(Call(method, plain("/graphql")) for method in methods)


@pytest.mark.parametrize("count", range(2, 31))
@pytest.mark.parametrize("pattern", [["POST"], ["POST", "GET"], ["GET", "PUT", "GET"], ["GET"]])
def test_each_three_calls_go_to_one_then_the_other_then_the_first_again(count, pattern):
    """Where the second may change something; and any two where the first may."""
    methods = [pattern[n % len(pattern)] for n in range(count)]
    plays, everything = plays_on_two(calls(methods))
    assert everything
    for one, two, three in combinations(range(count), 3):
        if methods[two] != "GET":
            assert any(s[one] == s[three] != s[two] for s in plays.values()), (one, two, three)
    for one, two in combinations(range(count), 2):
        if methods[one] != "GET":
            assert any(sides[one] != sides[two] for sides in plays.values()), (one, two)


@pytest.mark.parametrize(
    ("methods", "most"),
    [
        ("POST " * 4, 2),
        ("POST " * 8, 4),
        ("POST GET " * 6, 7),
        ("POST " * 20, 12),
        ("GET " * 20, 1),
    ],
)
def test_plays_on_two_are_few(methods, most):
    plays, _ = plays_on_two(calls(methods.split()))
    assert len(plays) <= most


def test_reads_of_a_cache_over_a_shared_store_meet_a_change_by_another_process():
    """Query, query, mutation, query, each a POST: in turn, change and last read are together."""
    plays, _ = plays_on_two(calls(["POST"] * 4))
    assert any(sides[0] == sides[3] != sides[2] for sides in plays.values())


def test_sides_are_not_played_twice():
    """In turn, or reads to one and writes to the other: often that is the same."""
    assert [*plays_on_two(calls(["POST", "GET"]))[0]] == [TURNS]
    assert [*plays_on_two(calls(["POST", "POST", "GET"]))[0]][:2] == [TURNS, READS_WRITES]
    assert [*plays_on_two(calls(["GET"]))[0]] == []
    for count in range(2, 12):
        plays, _ = plays_on_two(calls(["POST"] * count))
        distinct = {tuple(side ^ sides[0] for side in sides) for sides in plays.values()}
        assert len(distinct) == len(plays)


def test_play_says_which_calls_go_to_the_second_process():
    plays, _ = plays_on_two(calls(["POST"] * 4))
    assert plays[PlayName(PlayKind.TWO, "calls 2, 3 to the second")] == (0, 1, 1, 0)


def test_sides_are_the_same_every_time():
    assert plays_on_two(calls(["POST"] * 20)) == plays_on_two(calls(["POST"] * 20))


def test_ever_more_calls_do_not_make_ever_more_requests():
    plays, everything = plays_on_two(calls(["POST"] * 200))
    assert FEWEST_PLAYS <= len(plays) <= MOST_CALLS // 200 and not everything
