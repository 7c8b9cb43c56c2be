"""Strict parsing of what a page may ask its customer to do."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.core.json_object import JsonObject
from lab.shop.cart import MAX_QUANTITY
from lab.shop.catalogue import PRODUCTS
from lab.shop.desks import DESKS
from lab.shop.names import HIDDEN_CATEGORIES, customer_name
from lab.stack.pool_spec import LETTERS

FieldCheck = Callable[[Any], Any]

MOST_ADDRESS_CHARS = 200
MOST_TOKEN_CHARS = 16 * 1024
MOST_TRIES = 9
MOST_TIMES = 12
NAMED_SERVERS = ("served", "other", "living")
# Control, format (bidirectional too), surrogate, private, unassigned, line and paragraph.
_TOKEN_TEXT = re.compile(rf"[!-~]{{1,{MOST_TOKEN_CHARS}}}")
_OP = re.compile(r"c[0-9]{1,9}-(?:stateful|stateless)-[0-9]{1,9}")


class BadOrder(ValueError):
    """A malformed order; the message names the field and what is allowed."""


def checked_name(name: object) -> str:
    """Return a customer's name in NFC, without spaces around it; raise BadOrder.

    The rule is the desks' own. Markup is allowed: pages show a name as text.
    """
    try:
        return customer_name(name)
    except ValueError as rule:
        raise BadOrder(f"name: {rule}") from None


def _quantity(value: Any) -> int:
    return _whole("quantity", value, MAX_QUANTITY)


def _sku(value: Any) -> str:
    if isinstance(value, str) and value in PRODUCTS:
        return value
    raise BadOrder("sku: a product of GET /api/products, such as laptop")


def _address(value: Any) -> str:
    if isinstance(value, str) and 1 <= len(value) <= MOST_ADDRESS_CHARS and not _hides(value):
        return value
    raise BadOrder(f"address: 1 to {MOST_ADDRESS_CHARS} characters, none of them hidden")


def _token(value: Any) -> str:
    if isinstance(value, str) and _TOKEN_TEXT.fullmatch(value):
        return value
    raise BadOrder(
        f"token: 1 to {MOST_TOKEN_CHARS} printable ASCII characters without spaces, "
        "as it travels in a header"
    )


def _op(value: Any) -> str:
    if isinstance(value, str) and _OP.fullmatch(value):
        return value
    raise BadOrder("op: the id of an earlier request of this customer, such as c1-stateful-7")


ORDER_VERBS: Mapping[str, Mapping[str, FieldCheck]] = {
    **{verb: {} for verb in ("login", "view", "view-url", "products")},
    **{verb: {} for verb in ("clear", "checkout", "logout", "forge")},
    "add": {"sku": _sku, "quantity": _quantity},
    "change": {"sku": _sku, "quantity": _quantity},
    "remove": {"sku": _sku},
    "ship": {"address": _address},
    "replay": {"op": _op},
    "verify": {"token": _token},
}
_ORDER_FIELDS = frozenset({"customer", "do", "desks", "server", "tries", "times", "until"})


@dataclass(frozen=True)
class Order:
    """One action, done `times` times, each until it is answered or has had its `tries`.

    A login of several `times` is done anew each time, as from a new browser.

    `server` is None for the balancer's choice, "served" (the one that answered last), "other"
    (the next one that is up), "living" ("served" if that is up, else "other"), or "B". A login
    `until` "B" is done anew, as a newcomer, until B answers it.
    """

    do: str
    desks: tuple[str, ...]
    server: str | None
    tries: int
    times: int
    until: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may hold a token


def checked_order(body: object) -> Order:
    """Return the order in the body of /lab/act; raise BadOrder.

    The caller checks whose order it is (`customer`).
    """
    if not isinstance(body, dict):
        raise BadOrder('the order must be a JSON object such as {"do": "view"}')
    verb = body.get("do")
    if not isinstance(verb, str) or verb not in ORDER_VERBS:
        raise BadOrder(f"do: one of {', '.join(ORDER_VERBS)}")
    wanted = ORDER_VERBS[verb]
    if unknown := sorted(map(repr, body.keys() - wanted.keys() - _ORDER_FIELDS)):
        takes = ", ".join([*wanted, *sorted(_ORDER_FIELDS)])
        raise BadOrder(f"unknown field {unknown[0][:40]}: {verb} takes {takes}")
    if missing := wanted.keys() - body.keys():
        raise BadOrder(f"missing field {min(missing)!r}: {verb} takes {', '.join(wanted)}")
    if body.get("times", 1) != 1 and body.get("tries", 1) != 1:
        raise BadOrder("times: give either times or tries, not both")
    return Order(
        verb,
        _desks(verb, body),
        _server(body.get("server")),
        _whole("tries", body.get("tries", 1), MOST_TRIES),
        _whole("times", body.get("times", 1), MOST_TIMES),
        _until(verb, body),
        {name: check(body[name]) for name, check in wanted.items()},
    )


def _desks(verb: str, body: JsonObject) -> tuple[str, ...]:
    """Return the named desks; by default all that the action is possible at."""
    if verb == "verify":
        possible: tuple[str, ...] = ("stateless",)
    elif verb == "replay":
        possible = (_op(body["op"]).split("-")[1],)
    else:
        possible = DESKS
    given = body.get("desks", list(possible))
    if not isinstance(given, list) or not given or any(each not in DESKS for each in given):
        raise BadOrder('desks: a list of "stateful", "stateless" or both')
    if len(set(given)) < len(given):
        raise BadOrder("desks: each desk once")
    if verb in ("verify", "replay") and not set(possible) <= set(given):
        raise BadOrder(f'desks: this {verb} is for the desk "{possible[0]}"')
    return tuple(desk for desk in possible if desk in given)


def _server(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value in (*NAMED_SERVERS, *LETTERS)):
        return value
    named = ", ".join(f'"{each}"' for each in NAMED_SERVERS)
    raise BadOrder(f'server: {named}, a server\'s letter such as "B", or null')


def _until(verb: str, body: JsonObject) -> str | None:
    value = body.get("until")
    if value is None:
        return None
    if verb != "login" or {"server", "times", "tries"} & body.keys():
        raise BadOrder("until: of a login only, without server, times and tries")
    if isinstance(value, str) and value in tuple(LETTERS):
        return value
    raise BadOrder('until: a server\'s letter, such as "B"')


def _whole(name: str, value: Any, most: int) -> int:
    # bool is a subclass of int, and a float is not a count.
    if type(value) is int and 1 <= value <= most:
        return value
    raise BadOrder(f"{name}: a whole number from 1 to {most}")


def _hides(text: str) -> bool:
    return any(unicodedata.category(character) in HIDDEN_CATEGORIES for character in text)
