"""The control: nothing breaks, and every customer stays with one server.

What is done: all log in through the balancer, then each goes on with the server that
answered. They take turns: add, change, remove, look, say where it goes, order, add again.
One sends a price of their own along. Every answer is held against the customer's own
arithmetic, with the prices of the catalogue.

What would disprove it: a cart that is not as it was acknowledged, or an answer that is not
as the contract has it (`lab/shop/openapi.yaml`): another status, other goods, another price,
another customer's name, a cart that a cache may keep. Then the lab or a desk is broken, and no
other experiment means anything.

Try next: `lab run any-server`, where the customer does not stay with one server.
"""

from collections.abc import Iterator
from typing import Any

from lab.core.statistics import Measure
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

Goods = dict[str, int]
Due = tuple[Exchange, int, Goods | None]


def script(shopper: Shopper, lab: Lab) -> None:
    """Shop without any fault, everybody in turn, and check every answer."""
    prices = price_list(shopper.request("GET", "/api/products").body)
    desks = [customer.login().served_by for customer in lab.customers]
    visits = [
        shop(customer, desk, number)
        for number, (customer, desk) in enumerate(zip(lab.customers, desks, strict=True), start=2)
    ]
    answers = [due for turn in zip(*visits, strict=True) for due in turn]
    wrong = [
        said
        for answer, status, goods in answers
        if (said := complaint(answer, status, goods, prices))
    ]
    lab.measure(answers=len(answers), answers_wrong=len(wrong), first_wrong=(wrong or [""])[0])


def shop(customer: Shopper, desk: str | None, number: int) -> Iterator[Due]:
    """Take a step at a time; yield the answer, the status that is due and the goods (or none).

    `number` makes each cart different, so that one cannot pass for another.
    """
    own_price = {"sku": "laptop", "quantity": 1, "unit_price_cents": 1}
    yield customer.add("laptop", server=desk), 201, {"laptop": 1}
    yield customer.add("pen", 3, server=desk), 201, {"laptop": 1, "pen": 3}
    yield customer.add("mouse", number, server=desk), 201, {"laptop": 1, "pen": 3, "mouse": number}
    yield customer.view_cart(server=desk), 200, {"laptop": 1, "pen": 3, "mouse": number}
    yield customer.change("pen", 1, server=desk), 200, {"laptop": 1, "pen": 1, "mouse": number}
    yield customer.remove("pen", server=desk), 200, {"laptop": 1, "mouse": number}
    yield customer.request("POST", "/api/cart/items", json=own_price, server=desk), 422, None
    yield customer.ship_to(f"{number} Main Street", server=desk), 200, None
    yield customer.checkout(server=desk), 201, {"laptop": 1, "mouse": number}
    yield customer.view_cart(server=desk), 200, {}
    yield customer.add("lamp", number, server=desk), 201, {"lamp": number}
    yield customer.view_cart(server=desk), 200, {"lamp": number}


def price_list(products: Any) -> dict[str, int]:
    """Return the catalogue's prices by sku, in cents."""
    return {product["sku"]: product["unit_price_cents"] for product in products["products"]}


def complaint(
    answer: Exchange, status: int, goods: Goods | None, prices: dict[str, int]
) -> str | None:
    """Say what is wrong with an answer, None if it is as it is due."""
    what = f"{answer.method} {answer.path}"
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status != status:
        return f"{what} answered {answer.status}, {status} was due"
    if body.get("user", {}).get("name", answer.customer) != answer.customer:
        return f"{what} of {answer.customer} showed the cart of {body['user']['name']}"
    if answer.method == "GET" and "no-store" not in answer.headers.get("cache-control", ""):
        return f"{what} may be kept by a cache, and it is {answer.customer}'s own"
    if goods is None:
        return None
    shown = body.get("order") or body.get("cart") or {"lines": None}
    lines = [(sku, quantity, prices[sku]) for sku, quantity in goods.items()]
    seen = [tuple(map(line.get, _LINE)) for line in shown["lines"] or ()]
    total = sum(quantity * price for _, quantity, price in lines)
    if seen == lines and shown.get("total_cents") == total:
        return None
    return (
        f"{what} of {answer.customer} showed {seen}, {shown.get('total_cents')} cents in all; "
        f"{lines}, {total} cents were due"
    )


_LINE = ("sku", "quantity", "unit_price_cents")


def observe(measured: Measurements) -> Observation:
    """Observe whether every answer was as due, and every acknowledged cart was kept."""
    if missing := lacks_reads(measured):
        return Observation.unknown(missing)
    if unanswered := measured["requests_unanswered"]:
        return Observation.unknown(f"{unanswered} requests got no answer")
    if wrong := measured.get("answers_wrong", 0):
        answers = Measure(wrong, measured["answers"], unit="answers were wrong")
        return Observation(Verdict.FAILS, (answers,), f"first: {measured['first_wrong']}")
    return carts_kept(measured)


def every_lane(variant: Variant) -> bool:
    """Say that the claim is about both desks, wherever the cart lives."""
    return True


ABOUT = every_lane
