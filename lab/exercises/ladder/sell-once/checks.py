"""Checks of sell-once: two servers of the student's desk, and a store that can be taken away."""

import secrets
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.exercises import Work, after, check, require
from lab.exercises.exchange import HttpExchange
from lab.exercises.service import Service
from lab.shop.catalogue import PRODUCTS
from lab.stack.local_store import LocalStore
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

    def buys_again(self, server: Service, token: str) -> HttpExchange:
        """Send the checkout once more with an earlier token."""
        headers = {"Authorization": f"Bearer {token}"}
        return server.post("/api/checkout", headers=headers)


@contextmanager
def running(work: Work) -> Iterator[Desk]:
    """Run two servers of the student's desk, on two disks, and one store."""
    with TemporaryDirectory() as folder, LocalStore(Path(folder)) as store:
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
                    201, help="Is a customer with a new cart told that it was sold already?"
                )
                sold = {line["sku"] for line in order.value("order", "lines")}
                require(set(bought) <= sold, "the order is another cart", evidence=order)


@check(points=2)
@after(serves_its_customers)
def no_server_sells_it_again(work: Work) -> None:
    """The same checkout once more is 409: here, at another server, and after a restart."""
    with running(work) as desk:
        ada = Customer(desk)
        token = ada.token
        ada.buy(desk.first).require_status(201)
        ada.buys_again(desk.first, token).require_status(409)
        ada.buys_again(desk.second, token).require_status(
            409, help="What one server remembers, the other does not know."
        )
        desk.first.restart()
        ada.buys_again(desk.first, token).require_status(409)


@check(points=2)
@after(no_server_sells_it_again)
def two_at_once_sell_it_once(work: Work) -> None:
    """Several at the same moment, at two servers, sell it once."""
    with running(work) as desk:
        ada = Customer(desk)
        barrier = threading.Barrier(AT_ONCE)
        answers: list[HttpExchange] = []

        def try_it(server: Service) -> None:
            barrier.wait()
            answers.append(ada.buys_again(server, ada.token))

        servers = [(desk.first, desk.second)[number % 2] for number in range(AT_ONCE)]
        threads = [threading.Thread(target=try_it, args=(server,)) for server in servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
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
    with running(work) as desk:
        Customer(desk).buy(desk.first).require_status(201)
        with connect(desk.store.url) as client:
            lives = {key: int(client.ttl(key)) for key in client.scan_iter()}
    require(lives, "there is nothing in the store after a checkout")
    kept = [key for key, seconds in lives.items() if seconds < 0]
    require(
        not kept,
        f"{len(kept)} of {len(lives)} keys stay in the store for ever",
        help="How long can the token be sent again? `lifetime_s(app)` knows.",
    )


@check
@after(serves_its_customers)
def asks_at_the_checkout_only(work: Work) -> None:
    """Looks and changes of the cart cost the store nothing."""
    with running(work) as desk:
        measured = measure(desk)
    require(
        (measured["look"], measured["change"]) == (0, 0),
        f"a look costs the store {measured['look']:g} operations, a change {measured['change']:g}",
        help="Most requests are looks. Who pays for the few that buy?",
    )


@check
@after(serves_its_customers)
def sells_nothing_without_the_store(work: Work) -> None:
    """While the store is away, a look works, and a checkout is 503."""
    with running(work) as desk:
        ada = Customer(desk)
        desk.store.kill()
        ada.ask(desk.second, "GET", "/cart").require_status(200)
        ada.buy(desk.second).require_status(
            503, help="Nobody knows whether it was sold. `must_answer()` says so."
        )


@check(points=2)
@after(serves_its_customers)
def cost_is_as_measured(work: Work) -> None:
    """cost.toml says what the remedy costs, as it is measured here."""
    said = read_cost(work)
    with running(work) as desk:
        measured = measure(desk)
        ada = Customer(desk)
        desk.store.kill()
        measured["look_without_store"] = ada.ask(desk.second, "GET", "/cart").status
        measured["checkout_without_store"] = ada.buy(desk.second).status
    for field in fields(Cost):
        value = measured[field.name]
        require(
            getattr(said, field.name) == value,
            f"{COST} says {field.name} = {getattr(said, field.name)}, and it is {value:g}",
            help="Measure: what does the store do for one such request?",
        )


def measure(desk: Desk) -> dict[str, float]:
    """Return operations of the store for one request each, from several of them."""
    ada = Customer(desk)
    n = desk.work.random.randint(3, 6)
    looks = desk.operations(lambda: [ada.ask(desk.first, "GET", "/cart") for _ in range(n)])
    changes = desk.operations(lambda: [ada.fill(desk.second) for _ in range(n)])
    checkouts = desk.operations(lambda: ada.buy(desk.first).require_status(201))
    return {"look": looks / n, "change": changes / n, "checkout": float(checkouts)}


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
