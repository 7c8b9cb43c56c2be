"""Checks of sell-once: two servers of the student's desk, and a store that can be taken away."""

import secrets
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from lab.exercises import Work, after, check, require
from lab.exercises.declare import CannotCheck
from lab.exercises.exchange import HttpExchange
from lab.exercises.service import Service
from lab.shop.catalogue import PRODUCTS
from lab.stack.local_store import NO_STORE, LocalStore
from lab.stack.programs import find_store
from lab.stack.store_client import connect

READY = "/api/products"
COST = "cost.toml"
AT_ONCE = 6
PREFIX = "sold:"


@dataclass(frozen=True)
class Cost:
    """What cost.toml says: operations of the store for a request, and statuses without it."""

    look: int
    change: int
    checkout: int
    look_without_store: int
    checkout_without_store: int


@dataclass
class Desk:
    """Two servers of the student's desk, and their store."""

    work: Work
    first: Service
    second: Service
    store: LocalStore

    def operations(self, act: Callable[[], object]) -> int:
        """Return how many operations `act` costs the store."""
        before = self.store.stats().operations
        act()
        return self.store.stats().operations - before


class Customer:
    """A customer with a cart, who may keep an old token on purpose."""

    def __init__(self, desk: Desk) -> None:
        self.random = desk.work.random
        self.user_id = str(self.random.randint(1, 10**6))
        self.token = ""
        body = {"user_id": self.user_id, "name": "Ada"}
        self.ask(desk.first, "POST", "/login", json=body).require_status(200)
        self.fill(desk.first)

    def ask(self, server: Service, method: str, path: str, **how: Any) -> HttpExchange:
        """Send a request with the token; keep the token of the answer."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = server.request(method, f"/api{path}", headers=headers, **how)
        if answer.status < 300 and answer.text:
            self.token = answer.json().get("token", self.token)
        return answer

    def fill(self, server: Service) -> dict[str, int]:
        """Put something into the cart."""
        item = {
            "sku": self.random.choice(list(PRODUCTS)),
            "quantity": self.random.randint(1, 9),
        }
        self.ask(server, "POST", "/cart/items", json=item).require_status(201)
        return {item["sku"]: item["quantity"]}

    def buy(self, server: Service) -> HttpExchange:
        """Check out."""
        return self.ask(server, "POST", "/checkout")

    def again(self, server: Service, token: str) -> HttpExchange:
        """Send the checkout once more with an earlier token."""
        headers = {"Authorization": f"Bearer {token}"}
        return server.post("/api/checkout", headers=headers)


@contextmanager
def running(work: Work) -> Iterator[Desk]:
    """Run two servers of the student's desk, on two disks, and one store."""
    if find_store() is None:
        raise CannotCheck(NO_STORE)
    with LocalStore(work.new_volume()) as store:
        env = {
            "VARIANT_STORE": store.url,
            "VARIANT_KEY_PREFIX": PREFIX,
            "STATELESS_SIGNING_KEYS": secrets.token_hex(20),
        }
        with (
            work.start(env=env, ready=READY) as first,
            work.start(env=env, ready=READY) as second,
        ):
            yield Desk(work, first, second, store)


@check
def serves_its_customers(work: Work) -> None:
    """Customers buy as before: one after the other, and the same one again and again."""
    with running(work) as desk:
        for _ in range(2):
            ada = Customer(desk)
            for server in (desk.first, desk.second):
                bought = ada.fill(server)
                order = ada.buy(server).require_status(
                    201, help="Does a customer with a new cart learn that it was sold already?"
                )
                sold = {line["sku"] for line in order.value("order", "lines")}
                require(set(bought) <= sold, "the order is another cart", evidence=order)


@dataclass(frozen=True)
class Sale:
    """What became of one cart after its sale: the same checkout, sent again in several ways."""

    here: HttpExchange
    elsewhere: HttpExchange
    after_restart: HttpExchange
    at_once: list[HttpExchange]
    """Of another cart, all at the same moment."""
    lives_s: list[int]
    """How long each key stays in the store; -1 is for ever."""


@cache
def sale(work: Work) -> Sale:
    """Sell a cart, try to sell it again in each way, and look into the store."""
    with running(work) as desk:
        ada = Customer(desk)
        token = ada.token
        ada.buy(desk.first).require_status(201)
        here, elsewhere = (ada.again(server, token) for server in (desk.first, desk.second))
        at_once = all_at_once(Customer(desk), desk)
        with connect(desk.store.url) as client:
            lives_s = [int(client.ttl(key)) for key in client.scan_iter()]
        desk.first.restart()
        return Sale(here, elsewhere, ada.again(desk.first, token), at_once, lives_s)


def all_at_once(customer: Customer, desk: Desk) -> list[HttpExchange]:
    """Send one checkout several times at the same moment, to both servers."""
    barrier = threading.Barrier(AT_ONCE)
    answers: list[HttpExchange] = []

    def try_it(server: Service) -> None:
        barrier.wait()
        answers.append(customer.again(server, customer.token))

    servers = [(desk.first, desk.second)[number % 2] for number in range(AT_ONCE)]
    threads = [threading.Thread(target=try_it, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@check(points=2)
@after(serves_its_customers)
def no_server_sells_it_again(work: Work) -> None:
    """The same checkout once more is 409: here, at another server, and after a restart."""
    seen = sale(work)
    seen.here.require_status(409)
    seen.elsewhere.require_status(409, help="What one server remembers, the other does not know.")
    seen.after_restart.require_status(409)


@check(points=2)
@after(no_server_sells_it_again)
def two_at_once_sell_it_once(work: Work) -> None:
    """Several at the same moment, at two servers, sell it once."""
    answers = sale(work).at_once
    statuses = sorted(answer.status for answer in answers)
    require(
        statuses == [201] + [409] * (AT_ONCE - 1),
        f"{AT_ONCE} at once are answered {statuses}",
        evidence=answers[-1] if answers else None,
        help="Between a question and what follows from it, another server may ask the same.",
    )


@check
@after(no_server_sells_it_again)
def forgets_in_the_end(work: Work) -> None:
    """What is kept in the store has an end."""
    lives_s = sale(work).lives_s
    require(lives_s, "there is nothing in the store after a checkout")
    for_ever = sum(seconds < 0 for seconds in lives_s)
    require(
        not for_ever,
        f"{for_ever} of {len(lives_s)} keys stay in the store for ever",
        help="How long can the token be sent again? `lifetime_s(app)` knows.",
    )


@dataclass(frozen=True)
class Measured:
    """The cost as it is measured: operations for one request each, and answers without store."""

    look: float
    change: float
    checkout: float
    look_without_store: HttpExchange
    checkout_without_store: HttpExchange

    def of(self, name: str) -> float:
        """Return the number that stands under this name in cost.toml."""
        value = getattr(self, name)
        return float(value.status if isinstance(value, HttpExchange) else value)


@cache
def measured(work: Work) -> Measured:
    """Count what some requests cost the store; then take it away, and ask once more."""
    with running(work) as desk:
        ada = Customer(desk)
        n = work.random.randint(3, 6)
        looks = desk.operations(lambda: [ada.ask(desk.first, "GET", "/cart") for _ in range(n)])
        changes = desk.operations(lambda: [ada.fill(desk.second) for _ in range(n)])
        checkouts = desk.operations(lambda: ada.buy(desk.first).require_status(201))
        ada.fill(desk.first)
        desk.store.kill()
        look = ada.ask(desk.second, "GET", "/cart")
        return Measured(looks / n, changes / n, checkouts, look, ada.buy(desk.second))


@check
@after(serves_its_customers)
def asks_at_the_checkout_only(work: Work) -> None:
    """Looks and changes of the cart cost the store nothing."""
    seen = measured(work)
    require(
        (seen.look, seen.change) == (0, 0),
        f"a look costs the store {seen.look:g} operations, a change {seen.change:g}",
        help="Most requests are looks. Who pays for the few that buy?",
    )


@check
@after(serves_its_customers)
def sells_nothing_without_the_store(work: Work) -> None:
    """While the store is away, a look works, and a checkout is 503."""
    seen = measured(work)
    seen.look_without_store.require_status(200)
    seen.checkout_without_store.require_status(
        503,
        help="Without the store a server cannot know whether it was sold: `must_answer()` says so.",
    )


@check(points=2)
@after(serves_its_customers)
def cost_is_as_measured(work: Work) -> None:
    """cost.toml says what the remedy costs, as it is measured here."""
    said, seen = read_cost(work), measured(work)
    for field in fields(Cost):
        value = getattr(said, field.name)
        require(
            value == seen.of(field.name),
            f"{COST} says {field.name} = {value}, and it is {seen.of(field.name):g}",
            help="Measure: what does the store do for one such request?",
        )


def read_cost(work: Work) -> Cost:
    """Return what cost.toml says; NotMet where that is not five whole numbers."""
    text = work.read(COST)
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        require(False, f"{COST} cannot be read: {error}")
    names = [field.name for field in fields(Cost)]
    wrong = [name for name in names if type(said.get(name)) is not int]
    require(not wrong, f"{COST} has no whole number for {', '.join(wrong)}")
    return Cost(**{name: said[name] for name in names})
