"""Nothing breaks, and every customer stays with one server: this is the control.

What is done: all log in through the balancer, then each goes on with the server that
answered. They take turns at everything a customer can do: add, change, remove, clear, order,
say where it goes, and at what is refused: a price of their own, a product that does not exist,
a line that is not there, an order of nothing. After each of these comes a look at the cart.
Then they add and look once more, all at the same moment. Every answer is held against the
customer's own arithmetic, with the prices of the catalogue.

What would disprove it: a cart that is not as it was acknowledged, or an answer that is not
as the contract has it (`lab/shop/openapi.yaml`): another status, other goods, another price,
another address, another customer's name, a revision that does not count, an order's number that
was given before, an answer that a cache may keep. Then the lab or a desk is broken, and no other
experiment means anything.

How rare a fault it can see: with n answers as expected, a fault in more than 3 of n would have been
seen with 95 % (the interval beside the number says it). A fault that each server has once in 50
answers is seen; one in a thousand is not: `lab crowd` has the numbers for that.

Try next: `lab run any-server`, where the customer does not stay with one server.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from lab.core.json_object import JsonObject
from lab.core.statistics import Measure, share
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments.judging import carts_kept, lacks_reads
from lab.experiments.script_api import Lab

CLAIM = "Nothing breaks: both desks serve a customer who stays with one server."
EXPECTED = Verdict.HOLDS
CUSTOMERS = 9  # more than servers, so that each server has several at the same time
QUICK_CUSTOMERS = 5
QUICK_SERVERS = 2
MANY_LAMPS, MOST_LAMPS = 89, 99  # the second is as many of one product as a cart can hold
AT_ONCE = 6  # adds of each customer, while all others add too

Goods = dict[str, int]


class Expected(NamedTuple):
    """An answer, and what it has to be: its status, the goods, the revision and the address.

    None for what the answer does not show.
    """

    answer: Exchange
    status: int
    goods: Goods | None = None
    revision: int | None = None
    address: str | None = None


def script(shopper: Shopper, lab: Lab) -> None:
    """Shop without any fault, each customer in turn, then all at once; check every answer."""
    prices = price_list(shopper.request("GET", "/api/products").body)
    tracked = [
        TrackedCustomer(customer, customer.login().served_by, number)
        for number, customer in enumerate(lab.customers, start=2)
    ]
    answers = list[Expected]()
    for _ in range(lab.n(3, 2)):
        rounds = [each.shop() for each in tracked]
        answers += [expected for turn in zip(*rounds, strict=True) for expected in turn]
    answers += chain(*lab.together([each.hurry for each in tracked], len(tracked)))
    wrong = [said for expected in answers if (said := complaint(expected, prices))]
    wrong += numbers_given_twice(expected.answer for expected in answers)
    lab.measure(answers=len(answers), answers_wrong=len(wrong), first_wrong=(wrong or [""])[0])


class TrackedCustomer:
    """One customer at one server: what was done so far, in the customer's own arithmetic."""

    def __init__(self, customer: Shopper, server: str | None, number: int) -> None:
        """`number` makes each cart different, so that one cannot pass for another."""
        self.customer = customer
        self.server = server
        self.number = number
        self.goods: Goods = {}
        self.revision = 0
        self.address: str | None = None

    def shop(self) -> Iterator[Expected]:
        """Do everything that a customer can do, and look at the cart after each step."""
        number = self.number
        yield from self.add("laptop", 1)
        yield from self.add("pen", 3)
        yield from self.add("mouse", number)
        yield from self.add("lamp", 2)
        yield from self.change("change", {**self.goods, "pen": 1}, "pen", 1)
        yield from self.change("remove", without(self.goods, "pen"), "pen")
        yield from self.try_what_is_refused()
        yield from self.change("clear", {})
        yield from self.refused(409, "POST", "/api/checkout")
        yield from self.add("lamp", min(MOST_LAMPS, MANY_LAMPS + number))
        yield from self.ship_to(f"{number} Main Street, {self.revision}")
        yield from self.order()
        yield from self.add("pen", number)
        yield from self.change("clear", {})

    def hurry(self) -> list[Expected]:
        """Add and look, as often as `AT_ONCE`."""
        return [expected for n in range(AT_ONCE) for expected in self.add(f"vol-{n + 1:03}", 1)]

    def add(self, sku: str, quantity: int) -> Iterator[Expected]:
        """Add to the cart, and look."""
        goods = {**self.goods, sku: self.goods.get(sku, 0) + quantity}
        return self.change("add", goods, sku, quantity, status=201)

    def change(self, verb: str, goods: Goods, *args: Any, status: int = 200) -> Iterator[Expected]:
        """Change the cart to `goods`, and look."""
        self.goods, self.revision = goods, self.revision + 1
        answer = getattr(self.customer, verb)(*args, server=self.server)
        yield Expected(answer, status, goods, self.revision)
        yield self.look()

    def try_what_is_refused(self) -> Iterator[Expected]:
        """Send a price along, then ask for what is not there."""
        item, unknown = {"sku": "laptop", "quantity": 1}, {"sku": "no-such", "quantity": 1}
        items = "/api/cart/items"
        yield from self.refused(422, "POST", items, {**item, "unit_price_cents": 1})
        yield from self.refused(404, "POST", items, unknown)
        yield from self.refused(404, "PATCH", f"{items}/pen", {"quantity": 1})

    def refused(
        self, status: int, method: str, path: str, body: JsonObject | None = None
    ) -> Iterator[Expected]:
        """Ask for what is refused, and look: nothing has changed."""
        yield Expected(self.customer.request(method, path, json=body, server=self.server), status)
        yield self.look()

    def ship_to(self, address: str) -> Iterator[Expected]:
        """Say where the order goes, and look."""
        self.address, self.revision = address, self.revision + 1
        answer = self.customer.ship_to(address, server=self.server)
        yield Expected(answer, 200, self.goods, self.revision, address)
        yield self.look()

    def order(self) -> Iterator[Expected]:
        """Order what is in the cart, and look: it is empty."""
        sold, self.goods, self.revision = self.goods, {}, self.revision + 1
        answer = self.customer.checkout(server=self.server)
        yield Expected(answer, 201, sold, None, self.address)
        yield self.look()

    def look(self) -> Expected:
        """Ask for the cart."""
        look = self.customer.view_cart(server=self.server)
        return Expected(look, 200, self.goods, self.revision)


def without(goods: Mapping[str, int], sku: str) -> Goods:
    """Return the goods without one product."""
    return {each: quantity for each, quantity in goods.items() if each != sku}


def price_list(products: Any) -> dict[str, int]:
    """Return the catalogue's prices by sku, in cents."""
    return {product["sku"]: product["unit_price_cents"] for product in products["products"]}


def complaint(expected: Expected, prices: Mapping[str, int]) -> str | None:
    """Say what is wrong with an answer, None if it is as it is expected."""
    answer = expected.answer
    what = f"{answer.method} {answer.path}"
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status != expected.status:
        return f"{what} answered {answer.status}, {expected.status} was expected"
    if body.get("user", {}).get("name", answer.customer) != answer.customer:
        return f"{what} of {answer.customer} showed the cart of {body['user']['name']}"
    if "no-store" not in answer.headers.get("cache-control", ""):
        return f"{what} may be kept by a cache, and it is {answer.customer}'s own"
    if expected.goods is None:
        return None
    shown = body.get("order") or body.get("cart") or {"lines": None}
    return _goods_complaint(expected, shown, prices) or _rest_complaint(expected, body, shown)


def numbers_given_twice(answers: Iterable[Exchange]) -> list[str]:
    """Say which orders have a number that another order had before."""
    bodies = (answer.body for answer in answers if answer.ok and isinstance(answer.body, dict))
    given = Counter(order.get("number") for body in bodies if (order := body.get("order")))
    twice = [(number, times) for number, times in given.items() if times > 1]
    return [f"{times} orders have the number {number!r}" for number, times in twice]


def _goods_complaint(
    expected: Expected, shown: JsonObject, prices: Mapping[str, int]
) -> str | None:
    goods = expected.goods or {}
    lines = [(sku, quantity, prices[sku]) for sku, quantity in goods.items()]
    seen = [tuple(map(line.get, _LINE_FIELDS)) for line in shown["lines"] or ()]
    total = sum(quantity * price for _, quantity, price in lines)
    if seen == lines and shown.get("total_cents") == total:
        return None
    asked = expected.answer
    return (
        f"{asked.method} {asked.path} of {asked.customer} showed {seen}, "
        f"{shown.get('total_cents')} cents in all; {lines}, {total} cents were expected"
    )


def _rest_complaint(expected: Expected, body: JsonObject, shown: JsonObject) -> str | None:
    who = f"{expected.answer.method} {expected.answer.path} of {expected.answer.customer}"
    address = shown.get("shipping_address") or body.get("shipping_address")
    if expected.address is not None and address != expected.address:
        return f"{who} has the address {address!r}, {expected.address!r} was expected"
    revision = shown.get("revision")
    if expected.revision is not None and revision != expected.revision:
        return f"{who} has revision {revision}, {expected.revision} was expected"
    return None


_LINE_FIELDS = ("sku", "quantity", "unit_price_cents")


def observe(measured: Measurements) -> Observation:
    """Observe whether every answer was as expected, and every acknowledged cart was kept."""
    if missing := lacks_reads(measured):
        return Observation.unknown(missing)
    if unanswered := measured["requests_unanswered"]:
        return Observation.unknown(f"{unanswered} requests got no answer")
    wrong, answers = measured.get("answers_wrong", 0), measured.get("answers", 0)
    if wrong:
        number = Measure(wrong, answers, unit="answers were wrong")
        return Observation(Verdict.FAILS, (number,), f"first: {measured['first_wrong']}")
    seen = carts_kept(measured)
    if not answers:
        return seen
    as_expected = share(answers, answers, "answers as expected")
    return msgspec.structs.replace(seen, measures=(*seen.measures, as_expected))


def ABOUT(variant: Variant) -> bool:
    """The claim is about both desks, wherever the cart lives."""
    return True
