"""A proof is seen again, and is not chance; what cannot be shown again proves nothing."""

import itertools
import json
import math
import random
from collections import Counter
from dataclasses import replace

import pytest
from requests.cookies import cookiejar_from_dict

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation, Ref, plain
from lab.check.differences import Difference
from lab.check.evidence import Play
from lab.check.judge import Finding, Level
from lab.check.play_name import FRESH
from lab.check.prover import Proof, Prover
from lab.check.trace import ClientState, Trace
from lab.core.http import Answer, Headers

TALK = Conversation(tuple(Call("POST", plain(f"/{n}")) for n in range(4)))


def said(value, status=200, cookie=None):
    headers = Headers([("set-cookie", f"{cookie}=1; Path=/")] if cookie else [])
    return Answer(status, headers, json.dumps(value).encode())


def trace(answers, talk=TALK):
    return Trace(answers=list(answers), sent=set(range(len(answers))), calls=list(talk.calls))


def writes(count):
    """Return a conversation of so many calls, of which each may matter."""
    return Conversation(tuple(Call("POST", plain(f"/{n}")) for n in range(count)))


class Playing:
    """A runner of a service: `expected` and `seen` give the last answer after some calls."""

    def __init__(self, expected, seen):
        self.expected, self.seen, self.asked = expected, seen, []
        self.requests = self.processes = 0
        self.before = said

    def _trace(self, part, last):
        answers = [self.before(n) for n in range(max(part))] + [last]
        return Trace(answers=answers, sent={*part}, calls=list(writes(len(answers)).calls))

    def expect(self, processes):
        """Start none ahead."""

    def part(self, conversation, part, recorded, pause_before=None):
        self.asked.append(tuple(part))
        self.requests += len(part)
        self.processes += 1
        return self._trace(part, self.expected(part))

    def after_each(self, conversation, index, recorded):
        self.asked.append("after each")
        self.requests += 2 * index
        self.processes += 1
        before = Trace(answers=[self.before(n) for n in range(index)], sent={*range(index)})
        return before, [self.expected(range(n + 1)) for n in range(index)]

    def part_split(self, conversation, part, recorded, *, wiped, elsewhere, asked_before, young):
        self.asked.append(tuple(part))
        self.requests += len(part) + asked_before
        self.processes += 2
        there = self._trace(part, self.expected(part)) if asked_before else Trace()
        return there, self._trace(part, self.seen(part))


def found_in(index, where):
    return Finding(index, "POST", Level.PROCESS, FRESH, (Difference(where, "200", "401"),))


def prove(
    expected,
    seen,
    good=None,
    bad=None,
    where="status",
    talk=TALK,
    givers=None,
    brings=(),
    varies=(),
    by=Playing,
):
    """Prove that the last of some calls differs; `givers` give cookies that it brings."""
    good, bad = good or said("good"), bad or said("bad", 401)
    last = len(talk) - 1
    finding = found_in(last, where)
    runner = by(expected, seen)
    comparator = ResponseComparator(frozenset())
    earlier = [said(n, cookie=(givers or {}).get(n)) for n in range(last)]
    baseline, fresh = trace([*earlier, good], talk), trace([*earlier, bad], talk)
    if givers:
        jar = cookiejar_from_dict(dict.fromkeys(givers.values(), "1"))
        baseline.states = [ClientState(jar) for _ in talk.calls]
    comparator.learn_plays([baseline, baseline])
    for place in varies:
        comparator.mask(0, place)
    play = Play(Level.PROCESS, fresh, fresh.answered, None)
    prover = Prover(runner, talk, baseline, comparator, {FRESH: play}, brings=brings)
    return prover.prove(finding, True), runner, comparator


def test_difference_that_is_seen_again_is_proven_with_the_one_call_it_needs():
    needs = lambda part: said("good") if 1 in part else said("bad", 401)  # noqa: E731
    (proof, found), runner, _ = prove(needs, lambda part: said("bad", 401))
    assert proof is Proof.FOUND and found.calls == (1, 3)
    assert found.confirmed == found.tries == 3 and found.differences
    assert len(set(runner.asked[-3:])) == 1  # the three confirmations are the same script


class PlayingByAge(Playing):
    """A runner of a service that refuses only what is older than its process."""

    def part_split(self, conversation, part, recorded, *, young, **more):
        there, seen = super().part_split(conversation, part, recorded, young=young, **more)
        return there, seen if young else self._trace(part, said("good"))


@pytest.mark.parametrize(("brings", "proof"), [({3}, Proof.FOUND), ((), Proof.NOT_SEEN)])
def test_refusal_by_younger_processes_only_is_seen_by_one(brings, proof):
    """And is not looked for where the call brings nothing that was given before."""
    needs = lambda part: said("good") if 1 in part else said("bad", 401)  # noqa: E731
    refuses = lambda part: said("bad", 401)  # noqa: E731
    (found, reproducer), _, _ = prove(needs, refuses, brings=brings, by=PlayingByAge)
    assert found is proof
    assert reproducer is None if proof is Proof.NOT_SEEN else reproducer.young


def test_random_id_in_the_error_does_not_hide_the_status():
    """It asks whether the difference found is there, not whether anything differs."""
    count = itertools.count()
    failed = lambda: said({"error": "log in", "request_id": next(count)}, 401)  # noqa: E731
    (proof, found), _, _ = prove(
        lambda part: said({"cart": []}) if 0 in part else failed(),
        lambda part: failed(),
        good=said({"cart": []}),
        bad=failed(),
    )
    assert proof is Proof.FOUND and found.calls == (0, 3)
    assert found.differences[0].where == "status"


def test_difference_without_earlier_calls_varies_by_itself():
    (proof, found), _, comparator = prove(
        lambda part: said(1), lambda part: said(2), said(1), said(2), "/"
    )
    assert proof is Proof.NOISE and found is None
    assert not comparator(3, said(1), said(2))  # and that was learnt


def test_coin_is_noise_and_not_a_proof():
    for start in range(2):
        coin = itertools.cycle([said("a"), said("b"), said("b")][start:])
        flip = lambda part, coin=coin: next(coin)  # noqa: E731
        (proof, found), _, _ = prove(flip, flip, said("a"), said("b"), "/")
        assert found is None and proof in (Proof.NOISE, Proof.NOT_SEEN)


def test_difference_that_is_not_seen_again_is_no_proof():
    needs = lambda part: said("good") if 1 in part else said("bad", 401)  # noqa: E731
    later = itertools.chain([said("bad", 401)], itertools.repeat(said("good")))
    (proof, found), _, _ = prove(needs, lambda part: next(later))
    assert proof is Proof.NOT_SEEN and found is None


@pytest.mark.parametrize("count", [20, 80])
def test_call_that_matters_alone_is_found_with_less_than_n_log_n_requests(count):
    """Proof and all: it is searched for, and seen again three times."""
    for matters in range(count - 1):
        needs = lambda part, n=matters: said("good") if n in part else said("bad", 401)  # noqa: E731
        (proof, found), runner, _ = prove(needs, lambda part: said("bad", 401), talk=writes(count))
        assert proof is Proof.FOUND and found.calls == (matters, count - 1)
        assert runner.requests <= count * math.log2(count)
        assert runner.processes <= math.ceil(math.log2(count)) + 4 + 2 * found.tries


@pytest.mark.parametrize("count", [20, 80])
def test_call_that_matters_to_a_read_is_seen_by_one_process_that_is_read_after_each(count):
    calls = writes(count).calls
    talk = Conversation((*calls[:-1], replace(calls[-1], method="GET")))
    for matters in range(count - 1):
        needs = lambda part, n=matters: said("good") if n in part else said("bad", 401)  # noqa: E731
        (proof, found), runner, _ = prove(needs, lambda part: said("bad", 401), talk=talk)
        assert proof is Proof.FOUND and found.calls == (matters, count - 1)
        assert runner.processes <= 5 + 2 * found.tries


def test_read_after_each_misleads_no_search_where_two_calls_matter():
    calls = writes(20).calls
    talk = Conversation((*calls[:-1], replace(calls[-1], method="GET")))
    needs = lambda part: said("good") if {3, 11} <= {*part} else said("bad", 401)  # noqa: E731
    (proof, found), _, _ = prove(needs, lambda part: said("bad", 401), talk=talk)
    assert proof is Proof.FOUND and found.calls == (3, 11, 19)


def test_call_that_gave_a_credential_is_not_left_out():
    """A recorded one expires, and must not be logged; a value that never changes may stay."""
    token, item = Ref(0, "json:/token", "one"), Ref(1, "json:/item", "espresso")
    bearer = (("Authorization", ("Bearer ", token)),)
    calls = [Call("POST", plain(f"/{n}")) for n in range(5)]
    calls[3] = replace(calls[3], headers=bearer, body=("item=", item))
    needs = lambda part: said("good") if 3 in part else said("bad", 401)  # noqa: E731
    talk = Conversation(tuple(calls))
    (proof, found), runner, _ = prove(needs, lambda part: said("bad", 401), talk=talk)
    assert proof is Proof.FOUND and found.calls == (0, 3, 4)
    assert all(0 in part for part in runner.asked if 3 in part)


@pytest.mark.parametrize(("varies", "kept"), [({"/id"}, (0, 2, 3)), ((), (2, 3))])
def test_call_that_gave_an_id_is_left_out_where_that_is_always_the_same(varies, kept):
    calls = [*TALK.calls]
    calls[2] = Call("POST", ("/carts/", Ref(0, "json:/id", "c1")))
    needs = lambda part: said("good") if 2 in part else said("bad", 401)  # noqa: E731
    talk = Conversation(tuple(calls))
    (proof, found), _, _ = prove(needs, lambda part: said("bad", 401), talk=talk, varies=varies)
    assert proof is Proof.FOUND and found.calls == kept


def test_giver_of_the_cookie_and_the_last_write_are_guessed_first():
    talk = writes(40)
    needs = lambda part: said("good") if {17, 38} <= {*part} else said("bad", 401)  # noqa: E731
    (proof, found), runner, _ = prove(
        needs, lambda part: said("bad", 401), talk=talk, givers={17: "sid", 18: "sid", 30: "sid"}
    )
    assert proof is Proof.FOUND and found.calls == (17, 38, 39)
    assert len(runner.asked) - found.tries <= 6  # nothing, three guesses, and each of two alone


def test_trace_of_another_candidate_is_not_taken_for_the_conversation():
    """As many calls, in another order: answers would be compared with those of other calls."""
    talk = writes(3)
    assert trace([], talk).is_of(talk)
    assert not Trace(calls=[*reversed(talk.calls)]).is_of(talk)
    assert not Trace(calls=[*talk.calls[:2]]).is_of(talk)


@pytest.mark.parametrize(
    ("draw", "baseline", "seen", "most"),
    [
        (lambda draw: draw.choice("ab"), "a", "b", 0.05),
        (lambda draw: draw.randrange(6), 0, 1, 0.01),
        (lambda draw: draw.random() < 0.15, True, False, 0.08),
    ],
)
def test_value_that_varies_by_chance_is_found_to_be_noise_nearly_every_time(
    draw, baseline, seen, most
):
    chance, ends = random.Random(7), Counter()
    for _ in range(300):
        answers = lambda part: said(draw(chance))  # noqa: E731
        (proof, _), _, _ = prove(answers, answers, said(baseline), said(seen), "/")
        ends[proof] += 1
    assert ends[Proof.FOUND] == 0
    assert ends[Proof.NOT_SEEN] <= most * 300, ends


def test_control_of_one_difference_teaches_what_varies_in_the_calls_before():
    baseline, finding = trace([said(n) for n in range(4)]), found_in(3, "/")
    runner = Playing(lambda part: said("b"), lambda part: said("b"))
    runner.before = lambda n: said("other") if n == 1 else said(n, 201) if n == 2 else said(n)
    for tidy in (False, True):
        comparator = ResponseComparator(frozenset())
        prover = Prover(runner, TALK, baseline, comparator, {}, tidy=tidy)
        assert prover.prove(finding, True)[0] is Proof.NOISE
        assert bool(comparator(1, said(1), said("any"))) is not tidy
        assert comparator(0, said(0), said("any")) and comparator(2, said(2), said(2, 201))
