"""Which carts a crowd must have lost, and whether it lost exactly those."""

import pytest

from lab.crowd.loss_audit import EDGE_S, MAX_NAMED, audit_losses
from lab.crowd.messages import IterationResult
from lab.crowd.timetable import ProcessDeath
from lab.evidence.cart_tracker import Fate
from lab.evidence.closing import Silence

DEATH = ProcessDeath("b1", 4.0, 4.5)


def read(fate, at_s=9.0, home="b1", customer="c1-1", acknowledged_s=0.5, gone=(), silence=None):
    seen = fate and Fate(fate)
    return IterationResult(customer, home, at_s, seen, acknowledged_s, gone, silence)


def audited(*results, deaths=(DEATH,), dies_with="process"):
    return audit_losses(results, deaths, dies_with)


def test_carts_of_a_process_that_died_are_lost_and_no_others():
    audit = audited(
        *[read("lost")] * 3,
        *[read("kept", home="a1")] * 4,
        read(None),
        read("kept", at_s=1.0),
    )
    assert (audit.settled, audit.nothing_owed, audit.owed) == (9, 1, 8)
    assert (audit.kept, audit.lost) == (5, 3)
    assert (audit.predicted_lost, audit.predicted_and_lost) == (3, 3)
    assert (audit.at_the_edge, audit.differing, audit.as_predicted) == (0, 0, True)


@pytest.mark.parametrize(
    ("settled", "predicted"),
    [
        (read("kept"), 1),  # should be gone, and is there
        (read("lost", home="a1"), 0),  # that process was not killed
        (read("lost", home=None), 0),
        (read("lost", at_s=1.0), 0),  # lost before anything had happened
        (read("wrong"), 1),
        (read("duplicated"), 1),
        (read("wrong", home="a1"), 0),  # nothing on the timetable changes a cart
        (read("duplicated", home="a1"), 0),
    ],
)
def test_cart_that_came_out_other_than_predicted_is_named(settled, predicted):
    audit = audited(settled)
    assert (audit.predicted_lost, audit.predicted_and_lost) == (predicted, 0)
    assert (audit.differing, audit.differ, audit.as_predicted) == (1, ["c1-1"], False)


@pytest.mark.parametrize("home", ["a1", "b1"])
def test_unknown_cart_speaks_neither_for_nor_against(home):
    audit = audited(read("unknown", home=home))
    assert (audit.unknown, audit.differing, audit.predicted_and_lost) == (1, 0, 0)


@pytest.mark.parametrize("fate", ["kept", "lost"])
@pytest.mark.parametrize("at_s", [4.0 - EDGE_S, 4.0, 4.2, 4.5, 4.5 + EDGE_S])
def test_read_while_a_process_died_predicts_nothing(fate, at_s):
    audit = audited(read(fate, at_s=at_s))
    assert (audit.at_the_edge, audit.predicted_lost, audit.differing) == (1, 0, 0)
    assert audit.kept + audit.lost == 1


def test_read_just_outside_of_the_edge_is_predicted():
    before, after = read("kept", at_s=4.0 - EDGE_S - 0.01), read("lost", at_s=4.5 + EDGE_S + 0.01)
    audit = audited(before, after)
    assert (audit.at_the_edge, audit.predicted_and_lost, audit.differing) == (0, 1, 0)


def test_audit_expects_no_loss_where_carts_outlive_the_process():
    audit = audited(read("kept"), read("lost", customer="c2-1"), dies_with=None)
    assert (audit.predicted_lost, audit.at_the_edge) == (0, 0)
    assert audit.differ == ["c2-1"]
    assert audited(read("kept", at_s=4.2), dies_with=None).at_the_edge == 0


STORE_DEATH = ProcessDeath("store", 4.0, 4.5)


@pytest.mark.parametrize(
    ("settled", "expected"),
    [
        (read("lost", acknowledged_s=1.0), (1, 0, 0)),  # acknowledged before: gone with the store
        (read("kept", acknowledged_s=6.0), (0, 0, 0)),  # after it had been started again
        (read("kept", acknowledged_s=1.0, at_s=3.0), (0, 0, 0)),  # read before
        (read("kept", acknowledged_s=1.0), (0, 1, 0)),
        (read("lost", acknowledged_s=6.0), (0, 1, 0)),
        (read("lost", acknowledged_s=4.2), (0, 0, 1)),  # in the very moment: it cannot be known
        (read("kept", acknowledged_s=1.0, at_s=4.2), (0, 0, 1)),
    ],
)
def test_carts_die_with_a_store_that_keeps_nothing_on_disk(settled, expected):
    audit = audited(settled, deaths=(STORE_DEATH,), dies_with="store")
    assert (audit.predicted_and_lost, audit.differing, audit.at_the_edge) == expected
    # A server's death takes nothing out of a store, a store's nothing out of a process.
    assert audited(read("kept"), dies_with="store").differing == 0
    assert audited(read("kept"), deaths=(STORE_DEATH,)).differing == 0


def test_deaths_of_two_processes_count_for_each():
    deaths = (DEATH, ProcessDeath("b2", 7.0, 7.1))  # B was started again, and killed again
    audit = audited(
        *(read("lost"), read("lost", home="b2"), read("kept", home="b2", at_s=6.0)),
        deaths=deaths,
    )
    assert (audit.predicted_and_lost, audit.differing) == (2, 0)


def test_names_are_few_and_numbers_are_whole():
    audit = audited(*(read("kept", customer=f"c{n}-1") for n in range(MAX_NAMED + 5)))
    assert audit.differing == MAX_NAMED + 5
    assert audit.differ == [f"c{n}-1" for n in range(MAX_NAMED)]


def test_server_that_cannot_be_reached_is_dead_only_if_it_was_stopped():
    """At a limit of open files a server refuses connections, and has its carts all the same."""
    ended = {"B": 4.0}
    stopped = read("lost", gone=("B",))
    broken = read("lost", home="a1", gone=("A",))
    early = read("lost", at_s=1.0, gone=("B",))
    audit = audit_losses([stopped, broken, early], [DEATH], "process", ended)
    assert (audit.lost, audit.unknown) == (1, 2)
    assert list(audit.silences) == [
        "A could not be reached, and nothing had stopped it",
        "B could not be reached, and nothing had stopped it",
    ]
    assert audit.as_predicted


def test_why_carts_are_unknown_is_counted():
    full = Silence("Desk A", "answered 503: no more files can be opened")
    looks = [read("unknown", silence=full), read("unknown", silence=full)]
    audit = audited(*looks)
    assert (audit.unknown, audit.silences) == (2, {str(full): 2})
    explained = audit_losses(looks, (), None, explain=lambda silence: f"{silence.server}!")
    assert explained.silences == {"Desk A!": 2}
