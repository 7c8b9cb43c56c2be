"""One shopper of a crowd: its schedule, its script, and what it records. The clock is a fake."""

import threading
import tracemalloc
from http.cookiejar import CookieJar

import pytest

from lab.core.errors import LabError
from lab.core.http import ConnectionRefused
from lab.crowd.journal import Journal
from lab.crowd.load_profile import LoadProfile
from lab.crowd.messages import CrowdJob
from lab.crowd.pacer import THINKS_S
from lab.crowd.tally import MOST_NAMED_SERVERS, MOST_SERVER_NAME, NO_SERVER_NAME
from lab.crowd.virtual_user import CrowdScriptApi, VirtualUser
from lab.evidence.exchange import Exchange, OpStatus
from lab.evidence.transport import TransportResult
from lab.experiments.script_api import Lab

# --- what a script of a crowd is offered

OFFERED = {"n", "quick", "random", "servers"}
OF_LAB = {name for name in dir(Lab) if not name.startswith("_")} | {"customers", "extra"}


@pytest.mark.parametrize("name", sorted(OF_LAB - OFFERED))
def test_verb_that_concerns_others_is_refused_with_what_to_do(name):
    api = CrowdScriptApi(("A", "B"), 0, 1, quick=False)
    with pytest.raises(LabError, match=f"lab.{name} does not exist for one shopper") as error:
        getattr(api, name)
    assert "lab crowd --kill B@10s" in str(error.value)


def test_api_is_part_of_the_labs_and_its_random_numbers_are_each_shoppers_own():
    assert {"kill", "restart", "shopper", "crowd"} <= OF_LAB
    one, same, other, reseeded = (
        CrowdScriptApi(("A", "B"), seed, number, quick=True)
        for seed, number in ((7, 1), (7, 1), (7, 2), (8, 1))
    )
    assert (one.n(60, 3), one.servers) == (3, ("A", "B"))
    drawn = [[each.random.random() for _ in range(5)] for each in (one, same, other, reseeded)]
    assert drawn[0] == drawn[1]
    assert len({tuple(each) for each in drawn}) == 3


# --- one shopper


class FakeClock:
    """Time that passes only when it is slept."""

    def __init__(self):
        self.now_s = 100.0

    def monotonic(self):
        return self.now_s

    def sleep(self, seconds):
        assert seconds > 0
        self.now_s += seconds


class ClosedShop:
    """A transport whose every request is refused, after `takes_s`."""

    def __init__(self, clock, takes_s=0.0):
        self._clock, self._takes_s = clock, takes_s
        self.cookies = CookieJar()

    def send(self, method, url, headers, body, timeout_s):
        began_s = self._clock.monotonic()
        self._clock.now_s += self._takes_s
        return TransportResult({}, began_s, self._takes_s * 1000, error=ConnectionRefused())

    def close(self):
        pass


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def user(clock):
    """Make a virtual user of a script, and the journal it writes."""

    def make(script, takes_s=0.0, number=0, **more):
        asked = {"shoppers": 1, "rate": 500.0, "for_s": 0.05, "warm_up_s": 0.0} | more
        profile = LoadProfile(__file__, **asked)
        job = CrowdJob(name="x", url="http://127.0.0.1:9", servers=("A",), profile=profile)
        journal = Journal("x", None, 0.0, clock=clock)
        shop = ClosedShop(clock, takes_s)
        return VirtualUser(number, job, script, journal, lambda: shop, profile.arrivals), journal

    return make


def view_cart(shopper, lab):
    shopper.view_cart()


def test_script_that_catches_every_exception_does_not_catch_the_end(user):
    caught = []

    def script(shopper, lab):
        while len(caught) < 3:
            try:
                shopper.view_cart()
            except Exception as error:
                caught.append(error)

    one, journal = user(script)
    one.run()
    tally = journal.report().tally
    assert caught == []
    assert tally.failed == 25  # the times that are due in 50 ms at 500 a second
    assert tally.broken == 0


def test_iteration_that_breaks_is_reported_with_its_line_and_the_next_one_begins(user):
    def script(shopper, lab):
        shopper.view_cart()
        raise KeyError("no such thing")

    one, journal = user(script)
    one.run()
    report = journal.report()
    assert report.tally.broken == report.tally.begun - 1 == 25
    assert report.trouble.startswith("KeyError: 'no such thing' (line ")
    assert report.trouble.endswith(" of test_crowd_virtual_user.py)")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda shopper, lab: None, "the script sends no request"),
        (lambda shopper, lab: lab.kill("A"), "lab.kill does not exist for one shopper"),
        (lambda shopper, lab: shopper.veiw_cart(), "no .veiw_cart: did you mean .view_cart"),
    ],
)
def test_script_that_no_crowd_can_run_ends_the_crowd(user, script, words):
    one, _ = user(script)
    with pytest.raises(LabError, match=words):
        one.run()


def test_script_that_thinks_makes_no_request_late(user, clock):
    def script(shopper, lab):
        shopper.view_cart()
        clock.sleep(0.018)

    one, journal = user(script, rate=200.0, for_s=0.2)
    one.run()
    tally = journal.report().tally
    assert tally.failed == 10  # of 40 that were due, each fourth: the others passed meanwhile
    assert tally.lateness.n == 10
    assert tally.lateness.quantile(1.0) < THINKS_S * 1000


def test_shop_that_is_slow_makes_its_requests_late_and_all_of_them_are_sent(user):
    one, journal = user(view_cart, takes_s=0.018, rate=200.0, for_s=0.2)
    one.run()
    tally = journal.report().tally
    assert tally.failed == 40  # the schedule does not move because an answer was slow
    assert tally.latency.quantile(1.0) == pytest.approx(39 * 13 + 18, rel=0.01)
    assert tally.lateness.quantile(1.0) < 1  # and none of that was the generator's doing


def test_generator_that_oversleeps_is_late_by_that(user, clock):
    slept = clock.sleep
    clock.sleep = lambda seconds: slept(seconds + 0.003)
    one, journal = user(view_cart, rate=200.0, for_s=0.2)
    one.run()
    tally = journal.report().tally
    assert tally.failed == 40
    assert tally.lateness.quantile(0.5) == pytest.approx(3, rel=0.01)


def test_closed_crowd_waits_for_the_start(user, clock):
    one, journal = user(view_cart, rate=None, once=True)
    journal.begin(clock.monotonic() + 0.1)
    one.run()
    tally = journal.report().tally
    assert (tally.failed, tally.warm_up) == (1, 0)
    assert journal.now_s() == pytest.approx(0)


def test_shopper_comes_with_its_first_request_and_one_whose_turn_is_after_the_end_does_not(user):
    early, journal = user(view_cart, shoppers=2, rate=10.0)
    early.run()
    assert journal.report().tally.came == 1
    late, journal = user(view_cart, number=1, shoppers=2, rate=10.0)
    late.run()
    tally = journal.report().tally
    assert (tally.came, tally.requests, tally.begun) == (0, 0, 1)


def test_user_that_iterates_once_iterates_once(user):
    one, journal = user(view_cart, once=True)
    one.run()
    assert journal.report().tally.failed == 1


def test_journal_keeps_no_exchange(tmp_path):
    journal = Journal("x", tmp_path / "exchanges.jsonl", 0.0)

    def note(times):
        for number in range(times):
            headers, body = {"X-Served-By": "A", "X-Instance": "a1"}, bytes(2000)
            exchange = Exchange(
                *(f"x-{number}", "c1-1", "GET", "/api/cart", None, 1.0, 2.0, 200, OpStatus.OK),
                *({}, b"", headers, body),
            )
            journal.append(exchange)

    note(3000)  # the tables of the tally have their size now
    tracemalloc.start()
    try:
        note(3000)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        journal.close()
    assert kept < 100_000  # of 6 MB that went by
    assert len((tmp_path / "exchanges.jsonl").read_bytes().splitlines()) == 6000


def test_journal_counts_requests_by_the_server_that_names_itself_and_keeps_few_names():
    journal = Journal("x", None, 0.0)
    for number in range(300):
        headers = {} if number < 5 else {"X-Served-By": "A" if number < 9 else f"{number}-" * 50}
        status = None if number < 5 else 200
        journal.append(
            Exchange(
                *(f"x-{number}", "c1-1", "GET", "/api/products", None, 1.0, 2.0, status),
                *(OpStatus.OK, {}, b"", headers, b""),
            )
        )
    counted = journal.report().tally.by_server
    assert (counted[NO_SERVER_NAME], counted["A"]) == (5, 4)
    assert sum(counted.values()) == 300
    assert len(counted) <= MOST_NAMED_SERVERS + 1 and max(map(len, counted)) <= MOST_SERVER_NAME


def test_journal_counts_what_several_threads_note(clock):
    journal = Journal("x", None, 0.0, clock=clock)

    def note():
        for _ in range(1000):
            journal.note_iteration()
            journal.note_in_flight(1)

    threads = [threading.Thread(target=note) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    report = journal.report()
    assert (report.tally.begun, report.in_flight) == (4000, 4000)
    assert journal.report().tally.begun == 0
