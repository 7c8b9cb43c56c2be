"""Who answers which request of a suite, and how many pairs are covered by that."""

from hypothesis import given
from hypothesis import strategies as st

from lab.check.suite.exchanges import Pairs, Rotation, SuiteExchange, SuiteJournal, Switch, pairs


def asked(*tests, processes=3):
    """What is asked by tests, given by name once for each request."""
    journal = SuiteJournal(Rotation(processes))
    for journal.test in tests:
        journal.begin("GET", "/")
    return journal.exchanges


def test_rotation_gives_each_request_of_a_test_to_another_process():
    assert [each.process for each in asked("a", "a", "a")] == [0, 1, 2]
    assert [each.process for each in asked("a", "b", "c", "d")] == [0, 1, 2, 0]


def test_rotation_goes_on_with_the_process_that_waits_longest():
    assert [each.process for each in asked("a", "a", "b", "b", "b")] == [0, 1, 2, 0, 1]


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(2, 5))
def test_rotation_covers_all_pairs_of_a_test_with_no_more_requests_than_processes(tests, processes):
    runs = [[]]
    for test in tests:  # a test that comes again is another one
        if runs[-1] and runs[-1][0] != test:
            runs.append([])
        runs[-1].append(test)
    names = [f"{number}" for number, run in enumerate(runs) for _ in run]
    found = asked(*names, processes=processes)
    for name in {*names}:
        of_test = [each for each in found if each.test == name]
        if len(of_test) <= processes:
            covered = pairs(of_test)
            assert covered.crossed == covered.of
        counts = [sum(each.process == n for each in of_test) for n in range(processes)]
        assert max(counts) - min(counts) <= 1


def test_pairs_are_counted_within_each_test():
    assert pairs([]) == Pairs(0, 0)
    assert pairs(asked("a", "b", "c")) == Pairs(0, 0)
    assert pairs(asked("a", "a", "a", "b", "b")) == Pairs(4, 4)
    assert pairs(asked(*"aaaa", processes=3)) == Pairs(5, 6)


def test_switch_sends_what_follows_to_the_second_process():
    assert [Switch().process(n) for n in range(3)] == [0, 0, 0]
    assert [Switch(after=1).process(n) for n in range(3)] == [0, 1, 1]
    assert [each.processes for each in (Switch(), Switch(after=1))] == [1, 2]


def test_route_leaves_out_the_query_and_ids():
    found = SuiteExchange("a", 0, "GET", "/orders/7f3a-9/lines?page=2")
    assert found.route == "GET /orders/…/lines"
