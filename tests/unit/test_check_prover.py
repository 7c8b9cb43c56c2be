"""A proof is seen again, and is not chance; what cannot be shown again proves nothing."""

import itertools
import json

import pytest

from lab.check.conversation import Answer, Call, Conversation, plain
from lab.check.differences import differences
from lab.check.judge import READS_WRITES, TURNS, Finding, Level
from lab.check.prover import Prover, sides_of

TALK = Conversation(tuple(Call("POST", plain(f"/{n}")) for n in range(4)))


def said(value):
    return Answer(200, (), json.dumps(value).encode())


class Playing:
    """A runner of a service in which the last call shows what `answers` give in turn."""

    def __init__(self, answers):
        self.answers = answers

    def both(self, part, wiped):
        return next(self.answers)


def proof(answers):
    finding = Finding(3, "POST /3", Level.PROCESS, "fresh process")
    differ = lambda _, one, other: differences(one, other)  # noqa: E731
    return Prover(Playing(answers), TALK, differ, shared=False).shortest(finding, confirm=True)


def needs(path):
    """Answers of a process that needs one call, given to whoever asks with these calls."""

    class Needing(Playing):
        def both(self, part, wiped):
            there = any(call.path == plain(path) for call in part.calls[:-1])
            return said(there), said(False)

    finding = Finding(3, "POST /3", Level.PROCESS, "fresh process")
    differ = lambda _, one, other: differences(one, other)  # noqa: E731
    return Prover(Needing(None), TALK, differ, shared=False).shortest(finding, confirm=True)


def test_what_can_be_seen_again_is_proven():
    reproducer = needs("/1")
    assert reproducer.calls == (1, 3) and reproducer.confirmed == reproducer.tries == 3


def test_what_is_seen_without_anything_before_varies_by_itself():
    assert proof(itertools.repeat((said(1), said(2)))) is None


@pytest.mark.parametrize(
    "later",
    [
        [(said(1), said(1))],  # not seen again
        [(said(2), said(1))],  # seen, but one process alone answers differently as well
    ],
)
def test_chance_does_not_confirm(later):
    # All of the calls show it, none does not, the first guess shows it.
    first = [(said(1), said(2)), (said(1), said(1)), (said(1), said(2))]
    assert proof(itertools.chain(first, itertools.cycle(later))) is None


def test_two_processes_are_asked_in_turn_or_one_for_reads_and_one_for_writes():
    talk = Conversation(tuple(Call(method, plain("/")) for method in ("POST", "PUT", "GET")))
    assert sides_of(talk, TURNS) == (0, 1, 0)
    assert sides_of(talk, READS_WRITES) == (0, 0, 1)
    assert sides_of(talk, "fresh process") == ()
