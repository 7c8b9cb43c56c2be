"""Answers in nginx's log are laid against the processes that the lab started."""

import pytest

from lab.stack.access_log import AccessEntry
from lab.stack.lives import ServerLife, describe, strangers

A, B = "127.0.0.1:1", "127.0.0.1:2"
LIVES = [
    ServerLife("A", "a1", A, ended_at=50.0),
    ServerLife("A", "a2", A),
    ServerLife("B", "b1", B),
]


def entry(name="A", instance="a2", address=A, status="200", ended_at=60.0):
    return AccessEntry(
        *("x-1", "GET", "/x/api/cart", 200, address, status, name, instance),
        *("r", 0.5, 1, 1, ended_at),
    )


@pytest.mark.parametrize(
    "known",
    [
        entry(),
        entry(instance="a1", ended_at=50.2),  # the life before: asked before its end
        entry("B", "b1", B),
        entry("B", "b1", f"{A}, {B}", "502, 200"),  # after a retry
        entry("B", "b1", f"{A} : {B}", "502 : 200"),
        entry("", "", A, "502"),  # nginx itself: no server answered
        entry("", "", A, "504"),
        entry("", "", A, "499"),
        entry("", "", A, "-"),
        entry("", "", "", ""),  # its cache, or no such path
        entry("", "", A, "431"),  # waitress, before the app saw it
    ],
)
def test_own_servers_and_nginx_itself_are_no_strangers(known):
    assert strangers([known], LIVES) == []


@pytest.mark.parametrize(
    "strange",
    [
        entry("", ""),  # 200 to everything
        entry("", "", status="401"),
        entry("", "", status="503"),
        entry(instance="0000"),  # another X-Instance on every answer
        entry("A", "b1", B),  # every server signs as A
        entry("A", "a2", B),
        entry("B", "b1", A),
        entry("", "a2"),
        entry("A", ""),
        entry(instance="a1", ended_at=60.0),  # repeats what the dead one was called
        entry("A", "0000", status="502"),
        entry("C", "c1", "127.0.0.1:3"),
        entry("B", "b1", f"{B}, {A}", "502, 200"),  # the last one has answered
    ],
)
def test_answer_of_no_life_is_a_strangers(strange):
    assert strangers([entry(), strange], LIVES) == [strange]


def test_refusal_without_a_name_is_a_strangers_once_the_port_was_given_up():
    alone = [ServerLife("A", "a1", A, ended_at=50.0)]
    assert strangers([entry("", "", status="400", ended_at=50.2)], alone) == []  # asked before
    late = entry("", "", status="400", ended_at=51.0)
    assert strangers([late], alone) == [late]


def test_stranger_is_described_by_its_address_and_name():
    assert "2 answers, the first (x-1) from 127.0.0.1:2 as A" in describe([entry("A", "", B)] * 2)
    assert "1 answer, the first (x-1) from 127.0.0.1:1 without a name" in describe([entry("", "")])
