"""What the shop owes one customer: the last acknowledged cart, and what became of it."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from lab.core.json_object import JsonObject
from lab.evidence.exchange import SAFE_METHODS, Exchange, OpStatus


class Fate(StrEnum):
    """What became of an acknowledged cart, as far as a later read shows."""

    KEPT = "kept"
    LOST = "lost"
    WRONG = "wrong"
    DUPLICATED = "duplicated"
    UNKNOWN = "unknown"


class CartTracker:
    """Follows one customer's exchanges; the customer's own memory, not the shop's.

    A cart is owed once a change was answered with it (a checkout gives an empty one); a login
    owes nothing, and begins a new session. Each answered `GET /api/cart` afterwards is compared
    with what is owed.
    """

    def __init__(self) -> None:
        self.owed: JsonObject | None = None
        self.user: JsonObject | None = None
        self.home: str | None = None
        """Which process acknowledged what is owed (its X-Instance)."""
        self.home_server: str | None = None
        """The server that it is a life of (its X-Served-By)."""
        self.acknowledged_s = 0.0
        """When what is owed was asked for, in seconds since the run began."""
        self.unsettled_writes = 0
        self.left: Counter[str] = Counter()
        """Carts that were owed when a "login" or "logout" ended the session: no longer owed."""
        self.repriced = False
        """True if the shop's prices have changed what the owed cart costs."""
        self._fate: Fate | None = None
        self._may_have_left = False

    def note(self, exchange: Exchange) -> None:
        """Take one exchange into account; reads get their `fate` set."""
        if exchange.is_write:
            self._note_write(exchange)
        elif exchange.path.partition("?")[0] == "/api/cart" and self.owed is not None:
            exchange.fate = self._compare(exchange)
            if exchange.fate is not Fate.UNKNOWN:
                self._fate = Fate(exchange.fate)

    def note_cut_short(self, method: str, path: str) -> None:
        """Take a request into account that was sent, and waited for no longer (Ctrl-C)."""
        if method not in SAFE_METHODS:
            self._note_unsettled(path)

    def doubt(self) -> None:
        """Forget earlier reads: a fault has happened, only a read after it counts."""
        self._fate = None

    def reprice(self, cents: Mapping[str, int]) -> None:
        """Have the owed cart follow the shop's new prices, by sku: goods are owed at these."""
        if self.owed is None:
            return
        lines = [
            line | {"unit_price_cents": price, "line_total_cents": price * line["quantity"]}
            for line in self.owed["lines"]
            for price in (cents.get(line["sku"], line["unit_price_cents"]),)
        ]
        total = sum(line["line_total_cents"] for line in lines)
        self.repriced |= total != self.owed.get("total_cents")
        self.owed = self.owed | {"lines": lines, "total_cents": total}

    @property
    def needs_read(self) -> bool:
        """True if something is owed that no read has confirmed or denied yet."""
        return self.owed is not None and self._fate is None

    @property
    def fate(self) -> Fate | None:
        """What the last read showed; UNKNOWN if none could; None if nothing is owed."""
        if self.owed is None:
            return None
        return self._fate or Fate.UNKNOWN

    def _note_write(self, exchange: Exchange) -> None:
        if exchange.outcome is OpStatus.UNKNOWN:
            self._note_unsettled(exchange.path)
        if not exchange.ok:
            return
        body = exchange.body if isinstance(exchange.body, dict) else {}
        path = exchange.path.partition("?")[0]
        if self.owed is not None and path in ("/api/logout", "/api/login"):
            self.left[path.removeprefix("/api/")] += 1
        if path == "/api/logout":
            self.owed = self.user = None
        elif path == "/api/login":
            self.owed, self.user = None, body.get("user")
        elif path == "/api/checkout":
            self.owed = {"lines": [], "item_count": 0, "total_cents": 0}
        elif _quantities(body.get("cart")) is not None:
            self.owed, self.user = body["cart"], body.get("user")
        else:
            return
        self.unsettled_writes, self._fate, self.repriced = 0, None, False
        self.home, self.home_server = exchange.instance, exchange.served_by
        self.acknowledged_s = exchange.at_s
        self._may_have_left = False

    def _note_unsettled(self, path: str) -> None:
        self.unsettled_writes += 1
        self._may_have_left |= path in ("/api/logout", "/api/login")

    def _compare(self, read: Exchange) -> Fate:
        if read.is_silence:
            return Fate.UNKNOWN
        body = read.body if read.ok and isinstance(read.body, dict) else {}
        fate = compare_carts(self.owed or {}, body.get("cart"))
        if body and body.get("user") != self.user:
            return Fate.WRONG
        if not body and self._may_have_left:
            return Fate.UNKNOWN  # it may have been logged out: then a refusal is right
        # Any other write of unknown outcome may explain a cart, but not a refusal to show one.
        if body and fate is not Fate.KEPT and self.unsettled_writes:
            return Fate.UNKNOWN
        return fate


def compare_carts(owed: JsonObject, seen: JsonObject | None) -> Fate:
    """Compare the acknowledged cart with the one a later read showed (None: refused).

    The revision is left out: what a customer is owed is the goods.
    """
    if seen is None:
        return Fate.LOST
    due, there = _quantities(owed), _quantities(seen)
    if due is None or there is None:
        return Fate.WRONG
    if due == there:
        same_price = owed.get("total_cents") == seen.get("total_cents")
        return Fate.KEPT if same_price else Fate.WRONG
    if not there:
        return Fate.LOST
    if due.keys() == there.keys() and all(there[sku] >= due[sku] for sku in due):
        return Fate.DUPLICATED
    return Fate.WRONG


def _quantities(cart: Any) -> dict[str, int] | None:
    """How many of each product; None if it is not a cart (a shop may answer anything)."""
    goods: dict[str, int] = {}
    try:
        for line in cart["lines"]:
            goods[line["sku"]] = goods.get(line["sku"], 0) + line["quantity"]
    except (KeyError, TypeError):
        return None
    return goods
