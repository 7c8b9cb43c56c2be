"""What a phone says of its cart, from what the desks answer: no desk runs here."""

import json
from itertools import count

import pytest

from lab.console.room.customer_of_phone import PhoneCustomer
from lab.core.http import TransportError
from lab.evidence.transport import TransportResult


class Desk:
    """Answers as its servers would: `memory` has the carts of each server that lives."""

    def __init__(self):
        self.memory = {"A": {}, "B": {}}
        self.turn = "A"
        self.answer = None
        self.cookie = "desk_session=0123456789abcdef; desk_affinity=x"
        self.url = "http://shop/stateful"

    def send(self, method, url, headers, body, timeout_s):
        server = url.partition("/@")[2][:1] or self.turn
        if self.answer:
            return self.said(server, *self.answer)
        if server not in self.memory:
            return self.said("", 502, {})
        sent = json.loads(body) if body else {}
        carts = self.memory[server]
        if url.endswith("/login"):
            carts["me"] = 0
            return self.said(server, 200, shown(0, sent["user_id"]))
        if "me" not in carts:
            return self.said(server, 401, {})
        carts["me"] += {"POST": 1, "PATCH": -1, "DELETE": -1}.get(method, 0)
        return self.said(server, 200, shown(carts["me"], "phone-1"))

    def said(self, server, status, body):
        if status is None:
            return TransportResult({}, 0.0, 1.0, error=TransportError("silence"))
        headers = {"X-Served-By": server, "X-Instance": server} if server else {}
        return TransportResult({}, 0.0, 1.0, status, headers, json.dumps(body).encode())

    def cookie_for(self, url):
        return self.cookie

    def close(self):
        pass


def shown(pens, user, name="Zoë"):
    line = {"sku": "pen", "name": "Pen", "quantity": pens}
    cart = {"lines": [line] if pens else [], "item_count": pens, "total_cents": pens, "revision": 1}
    return {"user": {"user_id": user, "name": name}, "cart": cart}


@pytest.fixture
def desk():
    return Desk()


def customer_at(desk, name="stateful", in_store=False):
    customer = PhoneCustomer(name, ("phone-1", "Zoë"), count(1), lambda: desk, lambda: in_store)
    customer.shopper.transport = desk
    return customer


@pytest.fixture
def customer(desk):
    customer = customer_at(desk)
    assert customer.change("pen", 1)
    return customer


def test_cart_is_at_the_server_that_acknowledged_it(customer):
    assert (customer.mark, customer.lines[0].quantity) == ("A", 1)
    assert customer.news == "Done: your cart is in the memory of server A."
    assert customer.shown().credential == "01234567…"


def test_last_piece_that_is_taken_out_leaves_no_cart(customer):
    assert customer.change("pen", -1)
    assert (customer.mark, customer.lines) == ("-", [])
    assert not customer.change("pen", -1), "there is nothing to take out"


def test_server_that_does_not_know_the_customer_loses_nothing(desk, customer):
    desk.turn = "B"
    assert not customer.change("pen", 1)
    assert (customer.mark, customer.lines[0].quantity) == ("A", 1)
    assert customer.news == "Server B does not know you (401). Your cart is at A. Press again."


def test_cart_is_lost_when_its_server_is_dead_and_the_others_do_not_have_it(desk, customer):
    del desk.memory["A"]
    customer.look(["B"])
    assert (customer.mark, customer.has_lost, customer.lines) == ("x", True, [])
    assert "in the memory of server A, and is lost. Press +" in customer.news


def test_lost_customer_begins_again_as_a_new_one(desk, customer):
    del desk.memory["A"]
    customer.look(["B"])
    desk.turn = "B"
    assert customer.change("pen", 1)
    assert (customer.mark, customer.lines[0].quantity, customer.has_lost) == ("B", 1, True)
    assert customer.news.startswith("You are a new customer, since your cart was lost.")


@pytest.mark.parametrize("answer", [(None, {}), (503, {}), (504, {}), (429, {})])
def test_cart_of_a_server_that_is_silent_is_not_lost(desk, customer, answer):
    desk.answer = answer
    customer.look(["A", "B"])
    assert (customer.mark, customer.has_lost) == ("?", False)
    desk.answer = None
    customer.look(["A", "B"])
    assert customer.mark == "A"
    assert customer.news == "It is back: your cart is in the memory of server A."


def test_no_server_at_all_is_no_answer(customer):
    customer.look([])
    assert (customer.mark, customer.has_lost) == ("?", False)


def test_server_that_restarts_empty_has_lost_the_cart(desk, customer):
    desk.memory["A"] = {}
    customer.look(["A", "B"])
    assert customer.mark == "x"


def test_customer_that_sticks_to_a_dead_server_is_said_to_be_stuck(desk, customer):
    del desk.memory["A"]
    assert not customer.change("pen", 1)
    assert "you are stuck to it until it is back" in customer.news


def test_failed_login_after_a_loss_leaves_it_lost(desk, customer):
    del desk.memory["A"]
    customer.look(["B"])
    assert not customer.change("pen", 1)
    assert (customer.mark, customer.lines) == ("x", [])


def test_cache_that_shows_another_cart_is_named_with_whose_it_was(desk, customer):
    desk.answer = (200, shown(3, "phone-2", "<b>Bob"))
    customer.visit()
    assert customer.mark == "w"
    assert customer.news.endswith("and the cache gave you that of “<b>Bob” (3 × Pen).")


def test_cart_at_the_stateless_desk_is_in_hand_and_in_a_store_is_in_the_store(desk):
    in_hand, in_store = customer_at(desk, "stateless"), customer_at(desk, in_store=True)
    assert in_hand.change("pen", 1) and in_store.change("pen", 1)
    assert (in_hand.mark, in_store.mark) == ("h", "s")
    assert "you carry it" in in_hand.news and "shared store" in in_store.news


def test_new_stage_has_the_cart_at_the_server_that_let_the_customer_in(desk):
    customer = customer_at(desk)
    customer.put_back({"pen": 1})
    assert customer.mark == "A"
    assert customer.news == "A new stage: your cart was put in again, at server A."


def test_press_that_no_server_answers_says_what_to_do(desk):
    desk.answer, desk.cookie = (None, {}), None
    customer = customer_at(desk)
    assert not customer.change("pen", 1)
    assert customer.news == "No server could answer. Press again in a moment."
    assert customer.mark == "-"


def test_server_whose_store_is_dead_is_named(desk, customer):
    desk.answer = (503, {})
    assert not customer.change("pen", 1)
    assert customer.news == "Server A could not do it (503). Press again in a moment."
