"""One request is taken from the record and sent again, alone, to see it go wrong again.

What is done: customers shop, and each has one request that needs an explanation: it was
refused, or it showed a cart that its customer complains about. They go on shopping. Later the
server is started afresh, and that request is sent to it again, byte for byte and alone.
Where this does not reproduce what was seen, the earlier requests of the same customer are
tried with it, as a new customer: every choice of one of them, then of two, and so on, until
the same answer comes. So the smallest number that is needed is found, not assumed.

What would disprove it: a request that does not reproduce its answer alone at the stateless
desk.

What it depends on at the stateful desk: what the server remembers. In process memory a
fresh server remembers nothing. In a shared store it finds the session as it is by now, and
no longer as it was when the request failed.

Try next: `lab run replay-one --store redis`; and write the story of a bug of your own.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from lab.core.statistics import Measure
from lab.evidence.cart_tracker import CartTracker
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import kept_share
from lab.experiments.script_api import Lab

CLAIM = "Debugging is simpler because each request is complete."
EXPECTED = Verdict.HOLDS
VARIANTS = (
    Variant("memory", "stateful", Settings(servers=1), expect=Verdict.FAILS),
    Variant("file", "stateful", Settings(servers=1, store="file"), expect=Verdict.FAILS),
    Variant("token", "stateless", Settings(servers=1), expect=Verdict.HOLDS),
)
CUSTOMERS = 8
QUICK_CUSTOMERS = 4

ScriptRequest = tuple[str, str, Any]  # method, path, JSON
VIEW: ScriptRequest = ("GET", "/api/cart", None)
SHIP_HOME: ScriptRequest = ("PUT", "/api/shipping-address", {"address": "7 Acacia Avenue"})


def _add(sku: str, quantity: int) -> ScriptRequest:
    return ("POST", "/api/cart/items", {"sku": sku, "quantity": quantity})


def _remove(sku: str) -> ScriptRequest:
    return ("DELETE", f"/api/cart/items/{sku}", None)


# Each story is what a customer did after login; the last step is the one to be explained:
# a 404, a 422 (more than 99), a 409 (empty), and a cart that "costs too much".
STORIES: tuple[tuple[ScriptRequest, ...], ...] = (
    (_add("laptop", 1), VIEW, ("PATCH", "/api/cart/items/mouse", {"quantity": 2})),
    (_add("mouse", 60), SHIP_HOME, VIEW, _add("mouse", 60)),
    (_add("laptop", 1), _remove("laptop"), ("POST", "/api/checkout", None)),
    (_add("laptop", 2), SHIP_HOME, _add("lamp", 3), VIEW, _add("pen", 1), _remove("pen"), VIEW),
)
ENDS_WITH = (404, 422, 409, 200)  # how each story has to end, or there is nothing to explain
AFTERWARDS = (_add("mouse", 1), _add("pen", 5))


def script(_: Shopper, lab: Lab) -> None:
    """Shop, start the server afresh, send one request of each customer again."""
    stories = []
    for number, customer in enumerate(lab.customers):
        login = customer.login()
        asked = [_do(customer, step) for step in STORIES[number % len(STORIES)]]
        stories.append((customer, [login, *asked]))
        for step in AFTERWARDS:
            _do(customer, step)
    ends = [exchanges[-1].status for _, exchanges in stories]
    before = sent_again(stories)
    for server in lab.servers:
        lab.restart(server)
    afresh = sent_again(stories)
    alone = [warm and fresh for warm, fresh in zip(before, afresh, strict=True)]
    needed = [
        0 if enough else _fewest_needed(customer, exchanges, lab)
        for enough, (customer, exchanges) in list(zip(alone, stories, strict=True))[: len(STORIES)]
    ]
    lab.measure(
        requests_to_explain=len(alone),
        stories_with_another_end=sum(
            status != ENDS_WITH[number % len(ENDS_WITH)] for number, status in enumerate(ends)
        ),
        reproduced_alone=sum(alone),
        stories_searched=len(needed),
        earlier_requests_needed=needed,
        earlier_requests_made=[len(exchanges) - 1 for _, exchanges in stories[: len(STORIES)]],
        most_needed=max(needed, default=0),
    )


def sent_again(stories: Sequence[tuple[Shopper, Sequence[Exchange]]]) -> list[bool]:
    """Send the last request of each story again, alone; say whether it has the same symptom."""
    return [same(exchanges[-1], customer.replay(exchanges[-1])) for customer, exchanges in stories]


def same(first: Exchange, again: Exchange) -> bool:
    """Return True if two answers show the same symptom: status, kind of problem, lines, total."""
    return _symptom(first) == _symptom(again)


def _symptom(exchange: Exchange) -> tuple[Any, ...]:
    body = exchange.body if isinstance(exchange.body, dict) else {}
    cart = body.get("order") or body.get("cart") or {}
    return (exchange.status, body.get("type"), cart.get("lines"), cart.get("total_cents"))


def _fewest_needed(customer: Shopper, exchanges: Sequence[Exchange], lab: Lab) -> int:
    """Search for the smallest choice of earlier requests that brings the symptom back."""
    *earlier, last = exchanges
    for size in range(1, len(earlier) + 1):
        for chosen in combinations(earlier, size):
            again_as = lab.shopper(customer.name, customer.user_id)
            *_, again = [_repeat(again_as, exchange) for exchange in (*chosen, last)]
            again_as.tracker = CartTracker()  # a trial: the shop owes nothing of it
            if same(last, again):
                return size
    return len(earlier) + 1  # more than there are: not even all of them suffice


def _do(customer: Shopper, step: ScriptRequest) -> Exchange:
    method, path, body = step
    return customer.request(method, path, json=body)


def _repeat(shopper: Shopper, exchange: Exchange) -> Exchange:
    body = json.loads(exchange.request_body) if exchange.request_body else None
    return shopper.request(exchange.method, exchange.path, json=body)


def observe(measured: Measurements) -> Observation:
    """Observe whether every request gave its answer again when it was sent alone."""
    if not measured["restarts_confirmed"] or not measured["requests_to_explain"]:
        return Observation.unknown("no fresh server, or no request to send to it")
    if others := measured["stories_with_another_end"]:
        return Observation.unknown(f"{others} stories did not end as they do in this shop")
    needed = [each for each in measured["earlier_requests_needed"] if each is not None]
    more = [Measure(max(needed), unit="earlier requests needed at most")] if needed else []
    return kept_share(
        measured["reproduced_alone"], measured["requests_to_explain"], "reproduced alone", *more
    )


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    differ = []
    for name in ("memory", "token"):
        seen = by_variant.get(name, {})
        if not (tried := seen.get("requests_to_explain")):
            return None
        differ.append(seen["reproduced_alone"] != tried)
    first, second = differ
    return int(first + 2 * second)


QUESTION = Question(
    "A request that went wrong is sent again, alone, to a fresh server. Where does the same "
    "thing go wrong again, every time?",
    ("at both desks", "only at the stateless desk", "only at the stateful desk", "at neither"),
    _observed,
    "A stateless request brings everything that its answer depends on: who, what, which cart as "
    "it was. So one line of a log is a test case. With a session the cause is spread over "
    "earlier requests, of which some matter and some do not; to find out which is the work. "
    "(It takes a log that keeps whole requests, and those hold tokens: a log to be guarded.)",
)
