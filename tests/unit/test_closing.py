"""Kept, lost, unknown: what the lab's own looks find when a script is over."""

import json
from collections import Counter

import pytest
from msgspec.structs import asdict

from lab.core.http import TransportError
from lab.evidence.cart_tracker import Fate
from lab.evidence.closing import NO_SERVER, PATIENCE, final_fate, look_everywhere
from lab.evidence.measurements import measure
from lab.evidence.record import Record
from lab.evidence.shopper import Shopper
from lab.evidence.transport import TransportResult
from lab.experiments.judging import carts_kept
from lab.report.wording import observed
from lab.stack.limits import MOST_CHARACTERS, limit_in, with_limit

USER = {"id": "123", "name": "John"}
CART = {"lines": [{"sku": "laptop", "quantity": 1}], "item_count": 1, "total_cents": 99900}
EMPTY = {"lines": [], "item_count": 0, "total_cents": 0}
KEPT, LOST, WRONG, DUPLICATED, UNKNOWN = Fate
SHOWN = (200, {"user": USER, "cart": CART})
REFUSED = (401, {"title": "This desk does not know you"})


class Shop:
    """A transport whose answers to a look are given by server: (status, body), or no answer."""

    cookies = None

    def __init__(self, **looks):
        self.looks = looks
        self.asked = Counter()

    def send(self, method, url, headers, body, timeout_s):
        sent = {name: value for name, value in headers.items() if value}
        if method == "GET":
            server = url.partition("/@")[2].partition("/")[0]
            self.asked[server] += 1
            answer = self.looks[server]
            if answer is None:
                error = TransportError("timed out")
                return TransportResult(sent, 0.0, 1.0, error=error)
            status, shown = answer
        else:
            status, shown = 201, {"user": USER, "cart": EMPTY if "login" in url else CART}
        return TransportResult(
            sent, 0.0, 1.0, status, {"X-Served-By": "A"}, json.dumps(shown).encode()
        )

    def another(self, cookies=None):
        return self

    def cookie_for(self, url):
        return None

    def close(self):
        pass


def customer(shop, record, *, adds=True):
    shopper = Shopper(lambda s: f"http://x/@{s}" if s else "http://x", record, transport=shop)
    shopper.login()
    if adds:
        shopper.add("laptop")
    return shopper


def looked(shop, servers="AB", customers=1, adds=True):
    """Return the customers, the record of the script, and what the lab's looks found."""
    record, own = Record("x"), Record("x-lab")
    shoppers = [customer(shop, record, adds=adds) for _ in range(customers)]
    return shoppers, record, look_everywhere(shoppers, servers, own), own


def test_cart_that_one_server_shows_is_kept_though_another_does_not():
    """Log in at A, add at A: B does not know the session. That is round robin, and no loss."""
    shoppers, record, found, own = looked(Shop(A=SHOWN, B=REFUSED))
    assert found.fates == {KEPT: 1}
    assert (found.shown, found.asked) == (1, 2)
    measured = measure(record, [each.tracker for each in shoppers], found)
    assert (measured.carts_kept, measured.carts_lost) == (1, 0)
    assert measured.reads_of_carts == 0  # the script looked at nothing
    assert measured.requests == 2
    assert len(list(own.exchanges())) == 2


def test_cart_that_no_server_shows_is_lost():
    assert looked(Shop(A=REFUSED, B=(200, {"user": USER, "cart": EMPTY})))[2].fates == {LOST: 1}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_broken_or_busy_server_is_silent_and_what_it_said_is_named(status):
    busy = (status, {"detail": "64 files are open, and no more are allowed"})
    shoppers, record, found, _ = looked(Shop(A=busy, B=REFUSED))
    assert found.fates == {UNKNOWN: 1}
    cause = f"A answered {status}: 64 files are open, and no more are allowed"
    assert found.causes() == cause
    measured = measure(record, [each.tracker for each in shoppers], found)
    assert carts_kept(asdict(measured)).note == f"1 cart could not be read afterwards: {cause}"
    assert looked(Shop(A=busy, B=SHOWN))[2].fates == {KEPT: 1}


def test_server_that_does_not_answer_may_have_every_cart_and_is_not_asked_for_ever():
    shop = Shop(A=None, B=REFUSED)
    found = looked(shop, customers=9)[2]
    assert found.fates == {UNKNOWN: 9}
    assert shop.asked == {"A": PATIENCE, "B": 9}
    assert (found.asked, found.shown) == (18, 0)


def test_no_server_is_left_to_ask():
    found = looked(Shop(), servers="")[2]
    assert (found.fates, found.causes()) == ({UNKNOWN: 1}, NO_SERVER)


def test_login_alone_owes_nothing():
    shoppers, record, found, own = looked(Shop(A=REFUSED, B=REFUSED), adds=False)
    assert (found.fates, found.asked, list(own.exchanges())) == ({}, 0, [])
    measured = measure(record, [each.tracker for each in shoppers], found)
    assert carts_kept(asdict(measured)).note == "no change was acknowledged"


@pytest.mark.parametrize("leave", ["login", "logout"])
def test_cart_that_a_login_or_logout_left_behind_is_not_counted_and_that_is_said(leave):
    record, shop = Record("x"), Shop(A=REFUSED)
    shopper = customer(shop, record)
    getattr(shopper, leave)()
    found = look_everywhere([shopper], "A", Record("x-lab"))
    measured = measure(record, [shopper.tracker], found)
    assert (measured.carts_acknowledged, measured.carts_left) == (0, {leave: 1})
    assert carts_kept(asdict(measured)).note == (
        f"1 acknowledged cart is not counted, since a {leave} afterwards ended the session"
    )


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_change_that_ctrl_c_cut_short_may_have_been_carried_out(stop, monkeypatch):
    record, shop = Record("x"), Shop(A=(200, {"user": USER, "cart": EMPTY}))
    shopper = customer(shop, record)

    def stopped(*arguments):
        raise stop

    with monkeypatch.context() as patched:
        patched.setattr(shop, "send", stopped)
        with pytest.raises(stop):
            shopper.clear()
    assert look_everywhere([shopper], "A", Record("x-lab")).fates == {UNKNOWN: 1}


@pytest.mark.parametrize(
    ("seen", "fate"),
    [
        ({LOST}, LOST),
        ({KEPT, LOST, UNKNOWN, WRONG}, KEPT),
        ({LOST, WRONG}, WRONG),
        ({LOST, DUPLICATED}, DUPLICATED),
        ({LOST, WRONG, UNKNOWN}, UNKNOWN),
        (set(), UNKNOWN),
    ],
)
def test_looks_give_one_fate_together(seen, fate):
    assert final_fate(seen) is fate


def test_looks_of_the_script_stand_beside_what_became_of_the_carts():
    record = Record("x")
    shopper = customer(Shop(A=SHOWN, B=REFUSED), record)
    for server in "ABB":
        shopper.view_cart(server=server)
    found = look_everywhere([shopper], "AB", Record("x-lab"))
    measured = measure(record, [shopper.tracker], found)
    assert (measured.reads_kept, measured.reads_of_carts) == (1, 3)
    assert (
        observed(carts_kept(asdict(measured)))
        == "1 of 1 acknowledged carts kept; 1 of 3 looks showed it"
    )


LOG = """WARNING:waitress:server accept() threw an exception
Traceback (most recent call last):
  File "socket.py", line 294, in accept
OSError: [Errno 24] Too many open files
"""


@pytest.mark.parametrize(
    ("log", "limit"),
    [
        ("", ""),
        ("INFO: Serving on 127.0.0.1\nValueError: no limit", ""),
        (LOG, "OSError: [Errno 24] Too many open files"),
        (LOG + "OSError: [Errno 28] No space left on device\nmore", "OSError: [Errno 28] No space"),
        ("RuntimeError: can't start new thread", "RuntimeError: can't start new thread"),
        ("x" * 9 + "OSError: [Errno 24] in the middle of a line", ""),
        ("OSError: [Errno 24] " + "x" * 999, "OSError: [Errno 24] x"),
    ],
)
def test_limit_is_the_last_error_of_the_system_that_a_log_names(log, limit):
    found = limit_in(log)
    assert found.startswith(limit)
    assert bool(found) == bool(limit)
    assert len(found) <= MOST_CHARACTERS


def test_limit_that_caused_a_silence_is_named():
    record, shop = Record("x"), Shop(A=(500, {}), B=REFUSED)
    shopper = customer(shop, record)
    logs = {"A": LOG, "B": ""}
    found = look_everywhere(
        [shopper],
        "AB",
        Record("x-lab"),
        lambda silence: with_limit(str(silence), logs[silence.server]),
    )
    assert found.causes() == "A answered 500 (its log: OSError: [Errno 24] Too many open files)"
