"""Checks of write-state: a desk whose token is the session, with random carts and keys."""

import secrets
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

from lab.exercises import Work, after, check, require
from lab.exercises.exchange import HttpExchange
from lab.exercises.service import Service
from lab.shop.catalogue import PRODUCTS

READY = "/api/products"
EXPIRES_WITHIN_S = 4.0
TALK = """
def script(http):
    def bearer(answer):
        return {{"Authorization": "Bearer " + answer.json()["token"]}}

    hello = http.post("/api/login", json={{"user_id": "{user}", "name": "Ada"}})
    item = {{"sku": "{sku}", "quantity": {quantity}}}
    added = http.post("/api/cart/items", json=item, headers=bearer(hello))
    http.get("/api/cart", headers=bearer(added))
"""


class Customer:
    """A customer who sends the last token back, to whichever server is asked."""

    def __init__(self, work: Work) -> None:
        self.user_id = str(work.random.randint(1, 10**6))
        self.name = work.random.choice(["Ada", "Bob", "Chloé", "Dmitri"])
        self.token = ""

    def ask(self, server: Service, method: str, path: str, **how: Any) -> HttpExchange:
        """Send a request with the token; keep the token of the answer."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = server.request(method, f"/api{path}", headers=headers, **how)
        if answer.status < 300 and answer.text:
            self.token = answer.json().get("token", self.token)
        return answer

    def login(self, server: Service) -> None:
        """Log in: the answer has a token."""
        body = {"user_id": self.user_id, "name": self.name}
        answer = self.ask(server, "POST", "/login", json=body).require_status(200)
        require(isinstance(answer.value("token"), str), "the login gives no token", evidence=answer)

    def add(self, server: Service, sku: str, quantity: int) -> HttpExchange:
        """Add to the cart."""
        item = {"sku": sku, "quantity": quantity}
        return self.ask(server, "POST", "/cart/items", json=item).require_status(201)

    def with_token(self, server: Service, token: str) -> HttpExchange:
        """Look at the cart with another token."""
        return server.get("/api/cart", headers={"Authorization": f"Bearer {token}"})

    def sees(self, server: Service, expected: Mapping[str, int], help: str = "") -> HttpExchange:
        """NotMet unless this server shows exactly this cart."""
        answer = self.ask(server, "GET", "/cart").require_status(200, help=help)
        lines = {line["sku"]: line["quantity"] for line in answer.value("cart", "lines")}
        require(
            lines == expected,
            f"the cart is {lines}, and should be {dict(expected)}",
            evidence=answer,
            help=help,
        )
        return answer


def cart_of(work: Work, lines: int = 3) -> dict[str, int]:
    """Return some products with quantities."""
    return {sku: work.random.randint(1, 9) for sku in work.random.sample(list(PRODUCTS), lines)}


def key() -> str:
    """Return a signing key that cannot be guessed."""
    return secrets.token_hex(20)


def desk(work: Work, signing_key: str, **env: str) -> AbstractContextManager[Service]:
    """Return a server of the student's desk, on a disk of its own."""
    return work.start(env={"SIGNING_KEY": signing_key, **env}, ready=READY)


@check
def serves_a_customer(work: Work) -> None:
    """One server serves a customer: every change is in the cart, and the order has it all."""
    bought = cart_of(work)
    changed, removed, *_ = bought
    with desk(work, key()) as server:
        server.get("/api/cart").require_status(401)
        ada = Customer(work)
        ada.login(server)
        for sku, quantity in bought.items():
            ada.add(server, sku, quantity)
        ada.sees(server, bought)
        bought[changed] = 10 + work.random.randint(1, 9)
        change = {"quantity": bought[changed]}
        ada.ask(server, "PATCH", f"/cart/items/{changed}", json=change).require_status(200)
        ada.ask(server, "DELETE", f"/cart/items/{removed}").require_status(200)
        del bought[removed]
        ada.sees(server, bought)
        order = ada.ask(server, "POST", "/checkout").require_status(201)
        sold = {line["sku"]: line["quantity"] for line in order.value("order", "lines")}
        require(sold == bought, f"{sold} was sold, and {bought} was in the cart", evidence=order)
        ada.sees(server, {})


@dataclass(frozen=True)
class Journey:
    """What came of one customer's way through two machines, one of which has a new price."""

    name: str
    address: str
    due_cents: int
    seen: HttpExchange
    order: HttpExchange
    with_another_key: HttpExchange
    changed: list[HttpExchange]


@cache
def journey(work: Work) -> Journey:
    """Send a customer to and fro between two machines; NotMet where one does not know them."""
    signing_key, address = key(), f"{work.random.randint(1, 999)} Quay Street"
    bought = cart_of(work, 4)
    sku, cents = next(iter(bought)), work.random.randint(1, 900) * 1000 + 7
    others = sum(n * PRODUCTS[each].unit_price_cents for each, n in bought.items() if each != sku)
    ada, bob = Customer(work), Customer(work)
    help = "What does a server have to keep, so that it can read this token? The other has not."
    with (
        desk(work, signing_key) as first,
        desk(work, signing_key, SHOP_PRICES=f"{sku}={cents}") as second,
        desk(work, key()) as foreign,
    ):
        ada.login(first)
        bob.login(second)
        ada.ask(first, "PUT", "/shipping-address", json={"address": address}).require_status(200)
        for number, (each, quantity) in enumerate(bought.items()):
            ada.add((first, second)[number % 2], each, quantity)
        ada.sees(first, bought, help)
        ada.sees(second, bought, help)
        bob.sees(first, {}, help)
        second.restart(work.new_disk())
        seen = ada.sees(second, bought, help)
        refused = ada.ask(foreign, "GET", "/cart")
        changed = [ada.with_token(first, each) for each in altered(work, ada.token)]
        order = ada.ask(second, "POST", "/checkout").require_status(201)
    due_cents = others + bought[sku] * cents
    return Journey(ada.name, address, due_cents, seen, order, refused, changed)


def altered(work: Work, token: str) -> list[str]:
    """Return the token with another letter in it, in several ways."""
    places = work.random.sample(range(len(token) // 2), 5)
    letters = ["A" if token[place] != "A" else "B" for place in places]
    return [token[:at] + to + token[at + 1 :] for at, to in zip(places, letters, strict=True)]


@check(points=3)
@after(serves_a_customer)
def any_server_knows_the_customer(work: Work) -> None:
    """Any server knows the customer: requests go to two machines, and one is started anew."""
    journey(work)


@check
@after(any_server_knows_the_customer)
def nothing_is_forgotten(work: Work) -> None:
    """The token holds all of the session: name and address are still there at the checkout."""
    seen = journey(work)
    name = seen.seen.value("user", "name")
    require(name == seen.name, f"the customer is called {name} now", evidence=seen.seen)
    sent_to = seen.order.value("order", "shipping_address")
    require(sent_to == seen.address, f"the order goes to {sent_to}", evidence=seen.order)


@check(points=2)
@after(any_server_knows_the_customer)
def a_token_of_another_key_is_refused(work: Work) -> None:
    """A token takes the key: one that was changed, or was signed with another key, is 401."""
    seen = journey(work)
    help = "Who signs? With what? A key that stands in the file is known to all who read it."
    for answer in (seen.with_another_key, *seen.changed):
        answer.require_status(401, help=help)


@check
@after(any_server_knows_the_customer)
def prices_come_from_the_catalogue(work: Work) -> None:
    """A price that has changed is charged as it is now, not as the token remembers it."""
    seen = journey(work)
    paid = seen.order.value("order", "total_cents")
    require(
        paid == seen.due_cents,
        f"the order costs {seen.due_cents} cents by now, and {paid} were charged",
        evidence=seen.order,
        help="Put nothing into a token that others can change.",
    )


@check
@after(serves_a_customer)
def an_old_token_is_refused(work: Work) -> None:
    """A token is good for TOKEN_MAX_AGE_S seconds, and for no longer."""
    ada = Customer(work)
    with desk(work, key(), TOKEN_MAX_AGE_S="1") as server:
        ada.login(server)
        ends = time.monotonic() + EXPIRES_WITHIN_S
        answer = ada.ask(server, "GET", "/cart").require_status(200)
        while answer.status == 200 and time.monotonic() < ends:
            time.sleep(0.2)
            answer = ada.ask(server, "GET", "/cart")
        require(
            answer.status == 401,
            f"with TOKEN_MAX_AGE_S=1 a token of {EXPIRES_WITHIN_S:.0f} seconds opens the cart",
            evidence=answer,
            help="The signature has a time in it: is it looked at?",
        )


@check(points=2)
@after(any_server_knows_the_customer)
def is_self_contained(work: Work) -> None:
    """`lab check` finds no state in the process, and none on the disk."""
    ada = Customer(work)
    (sku, quantity), *_ = cart_of(work).items()
    talk = TALK.format(user=ada.user_id, sku=sku, quantity=quantity)
    found = work.check(talk, env={"SIGNING_KEY": key()}, ready=READY)
    require(found.self_contained, f"{found.level}: {found.because}", evidence=found)
