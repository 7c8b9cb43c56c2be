"""A cache stands before the servers, and customers ask it for products and for their carts.

What is done: nginx is given a cache (`proxy_cache`). The product list is asked for again and
again. Then each customer puts something in a cart and looks at it, twice by the credential
that the desk gave them, in a header, and once with the token in the URL. nginx's log says
which requests reached a server. Each desk is run with the headers it sends (products:
public, for a minute; carts: no-store), and with a cache that is set to know better: it ignores
headers (`proxy_ignore_headers`), keeps everything for ten seconds, and goes by the path.

What would disprove it: one cart at a customer to whom it does not belong; or a product list
that never comes from the cache.

What it depends on: the headers, and a cache that obeys them, at both desks alike. The
naive cache gives the first customer's cart to all. It gives away no token: only responses to
changes contain one, and a cache stores reads. (nginx stores responses to requests with
Authorization unless the response forbids it; RFC 9111, section 3.5, asks a shared cache to
wait for permission.)

Try next: obey Vary again (take it out of `proxy_ignore_headers` below), or make the key
`$request_uri`. Each makes one of the two ways to a token's cart safe: which one?
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from lab.core.statistics import Measure, latency, share
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.script_api import Lab

OBEDIENT = ("add_header X-Cache $upstream_cache_status always",)
NAIVE = (
    *OBEDIENT,
    "proxy_ignore_headers Cache-Control Expires Set-Cookie Vary",
    "proxy_cache_valid 200 10s",
    "proxy_cache_key $uri",
)


def _cached(name: str, app: str, expect: Verdict, directives: tuple[str, ...]) -> Variant:
    return Variant(
        name,
        app,
        Settings(servers=1),
        http_directives=(f"proxy_cache_path cache-{name} keys_zone={name}:1m",),
        directives=(f"proxy_cache {name}", *directives),
        expect=expect,
    )


CLAIM = "Statelessness plays well with caching."
EXPECTED = Verdict.DEPENDS
DEPENDS_ON = "on the headers, and on whether the cache obeys them"
VARIANTS = (
    _cached("memory", "stateful", Verdict.HOLDS, OBEDIENT),
    _cached("memory-naive", "stateful", Verdict.FAILS, NAIVE),
    _cached("token", "stateless", Verdict.HOLDS, OBEDIENT),
    _cached("token-naive", "stateless", Verdict.FAILS, NAIVE),
)
CUSTOMERS = 12
QUICK_CUSTOMERS = 4


def script(shopper: Shopper, lab: Lab) -> None:
    """Ask for the products many times, then for each cart in each way."""
    products = [shopper.request("GET", "/api/products") for _ in range(lab.n(30, 8))]
    # To an obedient cache another query is another resource: asked for once, never a hit.
    others = [shopper.request("GET", f"/api/products?n={n}") for n in range(lab.n(10, 4))]
    tokens = {}
    for number, customer in enumerate(lab.customers):
        customer.login()
        customer.add(f"vol-{number + 1:03}")
        tokens[customer] = customer.token or "none"
    try:
        in_header = [(customer, customer.view_cart()) for customer in 2 * lab.customers]
        in_url = [(customer, _view_by_url(customer, tokens[customer])) for customer in tokens]
    finally:
        _wipe(lab)
    carts = [exchange for _, exchange in in_header + in_url]
    hits, _ = _split(products)
    _, misses = _split(products + others)
    lab.measure(
        products_asked=len(products),
        a_cache_was_there=all("x-cache" in exchange.headers for exchange in products),
        products_from_cache=len(hits),
        products_that_reached_a_server=_reached_a_server(lab, products),
        products_hit_ms=latency([exchange.elapsed_ms for exchange in hits]),
        products_miss_ms=latency([exchange.elapsed_ms for exchange in misses]),
        carts_asked=len(carts),
        carts_answered=sum(exchange.ok for exchange in carts),
        carts_from_cache=len(_split(carts)[0]),
        carts_that_reached_a_server=_reached_a_server(lab, carts),
        witnesses_disagree=sum(map(partial(_disagree, lab), (products, carts))),
        wrong_carts_by_header=_wrong(in_header),
        wrong_carts_by_url=_wrong(in_url),
    )


def _view_by_url(customer: Shopper, token: str) -> Exchange:
    path = f"/api/cart?token={quote(token)}&userId={customer.user_id}"
    return customer.request("GET", path, headers={"Authorization": None})


def _owner(exchange: Exchange) -> Any:
    body = exchange.body if exchange.ok and isinstance(exchange.body, dict) else {}
    return body.get("user", {}).get("user_id")


def _wrong(asked: Iterable[tuple[Shopper, Exchange]]) -> int:
    """Return how many got the cart of another customer."""
    return sum(_owner(exchange) not in (None, customer.user_id) for customer, exchange in asked)


def _split(exchanges: Iterable[Exchange]) -> tuple[list[Exchange], list[Exchange]]:
    hits: list[Exchange] = []
    others: list[Exchange] = []
    for exchange in exchanges:
        (hits if exchange.headers.get("x-cache") == "HIT" else others).append(exchange)
    return hits, others


def _reached_a_server(lab: Lab, exchanges: Iterable[Exchange]) -> int:
    return sum(bool(entry.upstream_addr) for entry in lab.log_of(*(e.op for e in exchanges)))


def _disagree(lab: Lab, exchanges: Sequence[Exchange]) -> int:
    """Return how far X-Cache is from nginx's log: what is not a hit has reached a server."""
    _, others = _split(exchanges)
    return abs(len(others) - _reached_a_server(lab, exchanges))


def _wipe(lab: Lab) -> None:
    """Remove the carts that the caches have kept."""
    for path in lab.folder.glob("cache-*/*"):
        if path.is_file():
            path.unlink()


def observe(measured: Measurements) -> Observation:
    """Observe whether products came from the cache and no cart went to the wrong person."""
    asked = measured["carts_asked"]
    if not measured["a_cache_was_there"]:
        return Observation.unknown("no cache stands before this variant")
    if not measured["products_asked"] or not measured["carts_answered"]:
        return Observation.unknown("no products or no carts were asked for")
    if silent := asked - measured["carts_answered"]:
        return Observation.unknown(f"{silent} of {asked} looks showed no cart")
    if differ := measured["witnesses_disagree"]:
        return Observation.unknown(f"X-Cache and nginx's log disagree about {differ} requests")
    wrong = measured["wrong_carts_by_header"] + measured["wrong_carts_by_url"]
    good = measured["products_from_cache"] and not wrong
    from_cache, products = measured["products_from_cache"], measured["products_asked"]
    return Observation(
        Verdict.HOLDS if good else Verdict.FAILS,
        (
            share(wrong, asked, "carts to the wrong person"),
            Measure(from_cache, products, unit="product lists from the cache"),
        ),
    )


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    wrong = []
    for name in ("memory-naive", "token-naive"):
        seen = by_variant.get(name, {})
        if not seen.get("carts_answered"):
            return None
        wrong.append(seen["wrong_carts_by_header"] + seen["wrong_carts_by_url"] > 0)
    first, second = wrong
    return int(first + 2 * second)


QUESTION = Question(
    "An impatient administrator sets the cache to keep every answer for ten seconds, whatever "
    "its headers say. At which desk does a customer get the cart of another?",
    ("at neither", "only where a cookie says who asks", "only where a token does", "at both"),
    _observed,
    "To a cache an answer is the path it was asked for by, unless a header says that it depends "
    "on more (Vary) or must not be kept (no-store, private). Cookie or token makes no difference "
    "to it. What is cheap to cache is the same for each customer, the product list, and both desks "
    "have that. Statelessness helps only so far as an answer depends on nothing but the request.",
)
