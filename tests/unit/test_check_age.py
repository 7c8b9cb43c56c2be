"""A fresh process is younger than what it is sent: the answer before, and in a later second."""

from types import SimpleNamespace

import pytest
from clocks import SleepingClock
from requests.cookies import cookiejar_from_dict

from lab.check import age, parts, target_runner
from lab.check.age import AGED_ANSWER, AGED_COOKIE, Ages, Given, given_before
from lab.check.budget import Budget
from lab.check.conversation import Call, Conversation, Ref, plain
from lab.check.runner import Runner
from lab.check.trace import ClientState, Trace
from lab.core.http import Answer, Headers

TOKEN = Ref(0, "json:/token", "one")
LOGIN = Call("POST", plain("/login"))


@pytest.fixture
def clock(monkeypatch):
    clock = SleepingClock(50.0)
    monkeypatch.setattr(age, "time", clock)
    for module in (target_runner, parts):
        monkeypatch.setattr(module, "time", clock)
    return clock


def asked_with(token):
    return Call("GET", plain("/me"), (("Authorization", ("Bearer ", token)),))


def play(calls, cookies=(), answers=None):
    """Return a play of these calls; each is answered with a token or a cookie, or with nothing."""
    states = [ClientState(cookiejar_from_dict({"id": "1"} if n in cookies else {})) for n in calls]
    return Trace(calls=list(calls.values()), answers=answers or [], states=states)


def test_call_without_anything_given_may_be_asked_of_any_process(clock):
    ages = Ages([None, None])
    assert [ages.youngest(0), ages.youngest(1)] == [0.0, 0.0]
    assert clock.now == 50.0


def test_process_is_started_in_a_later_second_than_what_it_is_sent(clock):
    ages = Ages([None, Given(0, "json:/token")])
    ages.youngest(0)
    clock.now += 0.2
    since = ages.youngest(1)
    assert since == pytest.approx(50.7) and clock.now == pytest.approx(50.7)
    assert int(since + 1000.3 + 1e-6) > int(50.2 + 1000.3)


def test_second_is_waited_for_once_for_each_kind_of_value(clock):
    ages = Ages([None, Given(0, "csrf"), Given(1, "csrf"), Given(2, AGED_COOKIE)])
    moments = []
    for index in range(4):
        ages.youngest(index)
        moments.append(round(clock.now, 3))
    assert moments == [50.0, 50.7, 50.7, 51.7]


def test_call_that_a_script_sends_beyond_the_recorded_ones_may_be_asked_of_any(clock):
    ages = Ages([None])
    assert [ages.youngest(0), ages.youngest(1), ages.youngest(2)] == [0.0, 0.0, 0.0]


def test_latest_answer_that_gave_some_of_it_counts():
    calls = (LOGIN, Call("GET", plain("/")), asked_with(TOKEN))
    sent = play(dict(enumerate((*calls[:2], asked_with("one")))))
    sent.answers = [Answer(200, Headers([]), b'{"token": "one"}'), Answer(200)]
    found = given_before(Conversation(calls), [sent])
    assert found == [None, None, Given(0, "json:/token")]


def test_numbers_of_a_place_make_no_other_kind():
    ref = Ref(0, "json:/items/12/id", "one")
    sent = play({0: LOGIN, 1: asked_with("one")})
    sent.answers = [Answer(200)]
    assert given_before(Conversation((LOGIN, asked_with(ref))), [sent])[1].kind == (
        "json:/items/#/id"
    )


def test_cookie_is_given_by_the_answer_that_set_one_last():
    calls = dict(enumerate([LOGIN, Call("GET", plain("/")), Call("GET", plain("/cart"))]))
    sent = play(calls, cookies={1, 2})
    sent.answers = [Answer(200, Headers([("set-cookie", "id=1")])), Answer(200)]
    found = given_before(Conversation(tuple(calls.values())), [sent])
    assert found == [None, Given(0, AGED_COOKIE), Given(0, AGED_COOKIE)]


def test_value_that_a_script_computes_counts_as_given_by_the_answer_before():
    """A hash of a token, say: it is not a value of an answer, and another one in another play."""
    calls = (LOGIN, Call("GET", plain("/")), asked_with("hash of one"))
    sent = play(dict(enumerate((*calls[:2], asked_with("hash of two")))))
    found = given_before(Conversation(calls), [sent])
    assert found == [None, None, Given(1, AGED_ANSWER)]


def test_runner_asks_for_a_process_that_is_young_enough(clock, monkeypatch):
    monkeypatch.setattr("lab.check.http.send", lambda *args, **more: Answer(200))
    asked = []

    def fresh(elsewhere=False, since=0.0):
        asked.append(since)
        return SimpleNamespace(started=clock.now, kill=lambda: None, address=None)

    pool = SimpleNamespace(reset=lambda: None, fresh=fresh, expect=lambda count: None)
    conversation = Conversation((LOGIN, asked_with("one")))
    ages = Ages([None, Given(0, AGED_COOKIE)])
    Runner(pool, Budget()).fresh(conversation, youngest=ages.youngest)
    assert asked == [0.0, pytest.approx(50.7)]
    played = play(dict(enumerate(conversation.calls)))
    Runner(pool, Budget()).part_split(conversation, [0, 1], played, young=True)
    assert asked[2:] == [0.0, pytest.approx(51.7)]
