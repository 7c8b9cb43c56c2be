"""One random customer at both desks and in a plain dict: all three agree."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lab.shop.catalogue import PRODUCTS

from .conftest import Customer, stateful, stateless

APPS = [stateful("memory").app, stateless().app]
SKUS = st.sampled_from(["laptop", "mouse", "pen", "vol-001", "yacht"])
QUANTITIES = st.sampled_from([1, 2, 50, 98, 99]) | st.sampled_from([0, 100, -1, True, 1.0, "1"])


def is_quantity(value: object) -> bool:
    return type(value) is int and 1 <= value <= 99


class TwoDesks(RuleBasedStateMachine):
    """`known` is None or the dict that both desks should be keeping, each in its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.customers = [Customer(app) for app in APPS]
        self.known: dict[str, Any] | None = None

    def both(self, method: str, path: str, expected: int, sent: object = None) -> Any:
        """Send one request to both desks; return the one body they answer, the token aside."""
        how = {} if sent is None else {"json": sent}
        answers = [customer.request(method, path, **how) for customer in self.customers]
        assert [answer.status_code for answer in answers] == [expected, expected]
        bodies = [answer.get_json(silent=True) or {} for answer in answers]
        issues = method != "GET" and 200 <= expected < 204
        assert [("token" in body) for body in bodies] == [False, issues]
        bodies[1].pop("token", None)
        if expected == 401:  # each desk asks for what it takes
            bodies = [body | {"detail": ""} for body in bodies]
        assert bodies[0] == bodies[1]
        return bodies[0]

    def write(self, method: str, path: str, expected: int, sent: object = None) -> Any:
        """As `both`, logged in or not; note what a success changes."""
        if self.known is None:
            return self.both(method, path, 401, sent)
        answer = self.both(method, path, expected, sent)
        if expected < 400:
            self.known["revision"] += 1
        return answer

    def cart(self) -> dict[str, Any]:
        """Return the cart the model expects."""
        assert self.known is not None
        priced = [
            {
                "sku": sku,
                "name": PRODUCTS[sku].name,
                "quantity": quantity,
                "unit_price_cents": PRODUCTS[sku].unit_price_cents,
                "line_total_cents": PRODUCTS[sku].unit_price_cents * quantity,
            }
            for sku, quantity in self.known["lines"].items()
        ]
        return {
            "lines": priced,
            "item_count": sum(self.known["lines"].values()),
            "total_cents": sum(line["line_total_cents"] for line in priced),
            "revision": self.known["revision"],
        }

    @rule(user_id=st.sampled_from(["123", "456"]), name=st.sampled_from(["John", "Zoë", ""]))
    def login(self, user_id: str, name: str) -> None:
        user = {"user_id": user_id, "name": name}
        body = self.both("POST", "/api/login", 200 if name else 422, user)
        if name:
            self.known = {"user": user, "lines": {}, "address": None, "revision": 0}
            assert body == {"user": user, "cart": self.cart()}

    @rule(sku=SKUS, quantity=QUANTITIES)
    def add(self, sku: str, quantity: Any) -> None:
        lines = self.known["lines"] if self.known else {}
        expected = 201
        if not is_quantity(quantity):
            expected = 422
        elif sku not in PRODUCTS:
            expected = 404
        elif lines.get(sku, 0) + quantity > 99:
            expected = 422
        self.write("POST", "/api/cart/items", expected, {"sku": sku, "quantity": quantity})
        if self.known and expected == 201:
            lines[sku] = lines.get(sku, 0) + quantity

    @rule(sku=SKUS, quantity=QUANTITIES)
    def change(self, sku: str, quantity: Any) -> None:
        there = self.known is not None and sku in self.known["lines"]
        expected = (200 if there else 404) if is_quantity(quantity) else 422
        self.write("PATCH", f"/api/cart/items/{sku}", expected, {"quantity": quantity})
        if self.known and expected == 200:
            self.known["lines"][sku] = quantity

    @rule(sku=SKUS)
    def remove(self, sku: str) -> None:
        there = self.known is not None and sku in self.known["lines"]
        self.write("DELETE", f"/api/cart/items/{sku}", 200 if there else 404)
        if there:
            del self.known["lines"][sku]

    @rule()
    def clear(self) -> None:
        self.write("DELETE", "/api/cart", 200)
        if self.known:
            self.known["lines"] = {}

    @rule(address=st.sampled_from(["1 Main Street", "2 Side Street", "", None]))
    def ship_to(self, address: str | None) -> None:
        answer = self.write(
            "PUT", "/api/shipping-address", 200 if address else 422, {"address": address}
        )
        if self.known and address:
            self.known["address"] = address
            assert answer["shipping_address"] == address

    @rule()
    def check_out(self) -> None:
        cart = self.cart() if self.known else {"lines": []}
        answer = self.write("POST", "/api/checkout", 201 if cart["lines"] else 409)
        if self.known and cart["lines"]:
            number = f"{self.known['user']['user_id']}-{cart.pop('revision')}"
            address = {"shipping_address": self.known["address"]}
            assert answer == {"order": {"number": number} | cart | address}
            self.known["lines"] = {}

    @precondition(lambda self: self.known)
    @rule()
    def logout(self) -> None:
        self.both("POST", "/api/logout", 204)
        self.known = None
        for customer in self.customers:
            customer.token = None  # what the stateless desk cannot make it forget

    @invariant()
    def all_three_agree(self) -> None:
        if self.known is None:
            self.both("GET", "/api/cart", 401)
        else:
            body = self.both("GET", "/api/cart", 200)
            assert body == {"user": self.known["user"], "cart": self.cart()}


TestTwoDesks = pytest.mark.timeout(60)(TwoDesks.TestCase)
TestTwoDesks.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # a step is up to four requests
)
