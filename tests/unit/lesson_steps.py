"""Rules for what a script of a lesson does: each step by itself, and one after the other."""

from collections.abc import Mapping
from typing import Any

from lab.console.orders import MOST_TIMES, MOST_TRIES, NAMED_SERVERS
from lab.console.request_bodies import Rule, one_of, refuse, table, whole
from lab.console.settings import ALL_SETTINGS
from lab.console.stack_state import MOST_PAGE_SERVERS
from lab.core.faults import STORE_FAULTS, FaultKind
from lab.shop.cart import MAX_QUANTITY
from lab.shop.catalogue import PRODUCTS
from lab.shop.desks import DESKS
from lab.stack.pool_spec import LETTERS

from .lesson_rules import listed, text

Step = dict[str, Any]

CUSTOMERS = ("second", "third")  # the customer of the window needs no name
_ANY: Mapping[str, Rule] = {
    "say": text(64),  # one line of the stage at 1280 × 720
    "desks": listed(one_of(*DESKS), 1, len(DESKS)),
}
_REQUEST: Mapping[str, Rule] = {
    **_ANY,
    "server": one_of(*NAMED_SERVERS, *LETTERS),
    "tries": whole(1, MOST_TRIES),
    "times": whole(1, MOST_TIMES),
    "as": one_of(*CUSTOMERS),
}
_SETTINGS: Mapping[str, Rule] = {name: one_of(*each) for name, each in ALL_SETTINGS.items()}
STAGE = table({}, {"servers": whole(1, MOST_PAGE_SERVERS), **_SETTINGS})
_LINE: Mapping[str, Rule] = {"sku": one_of(*PRODUCTS), "quantity": whole(1, MAX_QUANTITY)}
_REQUESTS: Mapping[str, Mapping[str, Rule]] = {
    **{verb: {} for verb in ("login", "view", "view-url", "products")},
    **{verb: {} for verb in ("clear", "checkout", "logout", "forge")},
    "add": _LINE,
    "change": _LINE,
    "remove": {"sku": _LINE["sku"]},
    "ship": {"address": text(200)},
}
_REPLAY: Mapping[str, Rule] = {"of": one_of(*_REQUESTS)}
_TARGET: Mapping[str, Rule] = {"target": one_of("served", *LETTERS)}
_FAULTS = tuple(kind for kind in FaultKind if kind is not FaultKind.ADD)
_DO: Rule = text(20)


def _shape(required: Mapping[str, Rule], optional: Mapping[str, Rule]) -> Rule:
    return table({"do": _DO, **required}, optional)


SHAPES: Mapping[str, Rule] = {
    **{verb: _shape(needs, _REQUEST) for verb, needs in _REQUESTS.items()},
    "login": _shape({}, {**_REQUEST, "until": one_of(*LETTERS)}),
    "replay": _shape(_REPLAY, _REQUEST),
    **{fault: _shape(_TARGET, _ANY) for fault in _FAULTS},
    "stage": _shape({}, {"say": _ANY["say"], "servers": whole(1, MOST_PAGE_SERVERS), **_SETTINGS}),
    "settings": _shape({}, {"say": _ANY["say"], **_SETTINGS}),
    "add-server": _shape({}, _ANY),
    "store": _shape({"what": one_of(*STORE_FAULTS)}, {"say": _ANY["say"]}),
    "leave": _shape({"as": one_of(*CUSTOMERS)}, {"say": _ANY["say"]}),
    "say": _shape({"text": text(200)}, {}),
}
_VERB = one_of(*SHAPES)


def step(where: str, value: Any) -> Step:
    """One step, by the shape that its verb asks for."""
    if not isinstance(value, dict) or "do" not in value:
        refuse(f"{where}.do", "is missing")
    checked: Step = SHAPES[_VERB(f"{where}.do", value["do"])](where, value)
    if checked["do"] == "settings" and not checked.keys() & _SETTINGS.keys():
        refuse(where, f"changes no setting: there are {', '.join(_SETTINGS)}")
    return checked


def script(where: str, value: Any) -> list[Step]:
    """Steps that can follow each other: no shopping before login, nothing unsent is replayed."""
    steps: list[Step] = listed(step, 1, 20)(where, value)
    sent: dict[str, set[str]] = {"me": set(), "second": set(), "third": set()}
    store = None
    for number, each in enumerate(steps):
        here, verb = f"{where}[{number}]", each["do"]
        store = each.get("store", store) if verb in ("stage", "settings") else store
        if verb == "store" and store != "redis":
            refuse(here, 'there is no store to break: set the stage with store = "redis" before')
        if each.get("target") == "served" and not sent["me"]:
            refuse(f"{here}.target", "nobody has served the customer yet")
        if verb in _REQUESTS or verb == "replay":
            _check_request(here, each, sent[each.get("as", "me")])
        if verb == "leave":
            if not sent[each["as"]]:
                refuse(here, "this customer has not come, and cannot leave")
            sent[each["as"]].clear()
    return steps


def _check_request(where: str, request: Step, sent: set[str]) -> None:
    verb = request["do"]
    if verb not in ("login", "products") and "login" not in sent:
        refuse(where, f"{verb!r} comes before this customer's login")
    if "until" in request and request.keys() & {"server", "tries", "times"}:
        refuse(f"{where}.until", "needs no server, tries or times beside it")
    if request.get("server") in NAMED_SERVERS and not sent:
        refuse(f"{where}.server", "nobody has served the customer yet")
    if verb == "replay" and request["of"] not in sent:
        refuse(f"{where}.of", f"no {request['of']!r} was sent before, to be repeated")
    sent.add(verb)
