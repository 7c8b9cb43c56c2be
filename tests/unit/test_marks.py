"""How the stage marks the result of a request."""

import pytest

from lab.console import marks

KEPT, LOST, DOUBT = ("kept", "✓", "cart kept"), ("lost", "✕", "cart not shown"), ("doubt", "?", "")


@pytest.mark.parametrize(
    ("look", "status", "mark"),
    [
        (KEPT, 200, "kept ✓ ✓"),
        (LOST, 200, "lost ✕ ✕"),
        (LOST, 401, "refused ! refused"),  # a refusal shows no cart
        (DOUBT, 502, "doubt ? failed"),
        (DOUBT, 200, "doubt ? unknown"),
        (DOUBT, None, "doubt ? unknown"),
        (("refused", "!", ""), 503, "refused ! failed"),
        (("refused", "!", ""), 404, "refused ! refused"),
    ],
)
def test_exchange_is_marked_by_its_look(look, status, mark):
    assert marks.of_exchange(look, status) == mark.split()


def test_answer_of_the_cache_and_a_cart_of_another_are_marked_for_what_they_are():
    assert marks.of_exchange(("plain", "", ""), 200, cached=True) == ["plain", "", "from the cache"]
    assert marks.of_exchange(KEPT, 200, cached=True) == ["kept", "✓", "✓"]
    assert marks.of_strange_cart("John's cart") == ["lost", "✕", "✕ John's cart"]


def test_request_of_which_only_the_status_is_known():
    assert marks.of_request(200) == ["plain", "", ""]
    assert marks.of_request(399) == ["plain", "", ""]
    assert marks.of_request(404) == ["refused", "!", "refused"]
    assert marks.of_request(502) == ["refused", "!", "failed"]
    assert marks.of_request(0) == marks.of_request(None) == ["refused", "!", "refused"]


def test_repeated_request_is_good_for_the_thief_or_for_the_customer():
    assert marks.of_repetition(200) == ["kept", "✓", "✓"]
    assert marks.of_repetition(200, "2 × Laptop") == ["kept", "✓", "· 2 × Laptop ✓"]
    assert marks.of_repetition(401) == ["refused", "!", "refused"]
    assert marks.of_theft(200) == ["lost", "✕", "accepted"]
    assert marks.of_theft(401) == ["kept", "✓", "refused"]


def test_copy_of_an_order_that_is_accepted_is_harm():
    assert marks.of_repetition(201, sold=True) == ["lost", "✕", "· sold by a copy ✕"]
    assert marks.of_repetition(409, sold=False) == ["refused", "!", "refused"]


@pytest.mark.parametrize("status", [None, 0, 502, 503])
def test_thief_who_gets_no_answer_was_not_refused(status):
    css, sign, _ = marks.of_theft(status)
    assert (css, sign) == ("refused", "!")


def test_order_says_what_was_paid_and_whether_it_was_due():
    assert marks.of_order(129900, None) == ["plain", "", "· paid 1,299"]
    assert marks.of_order(99900, 99900) == ["kept", "✓", "· paid 999 ✓"]
    assert marks.of_order(129950, 99900) == ["lost", "✕", "· paid 1,299.50 ✕"]
    assert marks.with_total(["lost", "✕", "✕"], 129900) == ["lost", "✕", "· total 1,299 ✕"]
