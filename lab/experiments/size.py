"""A cart is filled, its requests are measured, and the largest that is accepted is looked for.

What is done: a customer fills a cart with volumes, in random order and number, and looks at
it again and again, so that the bytes of a request can be laid against the lines in the cart.
Then the shipping address becomes 200 random characters, which no zip makes smaller.

Last, the limits are looked for: with headers of x, a request of a growing size is sent to
nginx, and past nginx straight to the server (waitress), until the largest that is taken and
the smallest that is refused are neighbours. Those headers are synthetic, no shop would make
them. nginx runs with its own default here (`large_client_header_buffers 4 8k`), not with
the lab's raised one.

What would disprove it: a request for a full cart that is no larger than that for an empty.

What it depends on at the stateful desk: nothing; its cookie has the same length with any
cart. The price is kept elsewhere, on the server.

A token of more than 4,096 bytes would not fit in a cookie: browsers drop it without a word
(RFC 6265bis, section 5.6). This shop's token travels in a header and in the body of an
answer, so that limit is counted, name included, and not tried. Product and quantity are so
little that zip keeps even the largest cart (500 lines, a random address) below it.

Try next: more lines (the shop allows 500), or each line's product name in the token.
"""

import http.client
from collections.abc import Callable, Mapping

from lab.core.statistics import Measure
from lab.evidence.exchange import MAX_COOKIE_BYTES
from lab.evidence.result import Measurements, Observation, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.matrix import ALONE, MEMORY, TOKEN
from lab.experiments.script_api import Lab

COOKIE_NAME = "token="
NGINX_DEFAULT = ("large_client_header_buffers 4 8k",)
ADDRESS_CHARACTERS = 200
ANSWER_TIMEOUT_S = 5

DRAWBACK = "Every request carries the whole cart again."
EXPECTED = Verdict.CONFIRMED
VARIANTS = (
    MEMORY.expecting(Verdict.NOT_AFFECTED, settings=ALONE, http_directives=NGINX_DEFAULT),
    TOKEN.expecting(Verdict.AFFECTED, settings=ALONE, http_directives=NGINX_DEFAULT),
)
CUSTOMERS = 1


def script(shopper: Shopper, lab: Lab) -> None:
    """Fill a cart and weigh its requests; then look for the limits."""
    lines = lab.n(200, 60)
    shopper.login()
    sizes = [(0, shopper.view_cart().bytes_sent)]
    credentials = [(0, _credential_bytes(shopper))]
    volumes = lab.random.sample(range(1, 601), lines)
    for number, volume in enumerate(volumes, start=1):
        shopper.add(f"vol-{volume:03}", lab.random.randint(1, 99))
        credentials.append((number, _credential_bytes(shopper)))
        if number % (lines // 10) == 0:
            sizes.append((number, shopper.view_cart().bytes_sent))
    plain = sizes[-1][1]
    shopper.ship_to("".join(_any_character(lab) for _ in range(ADDRESS_CHARACTERS)))
    noted = shopper.view_cart()
    lab.curve("bytes per request", "lines in the cart", "bytes of GET /api/cart", sizes)
    lab.measure(
        lines=lines,
        bytes_empty=sizes[0][1],
        bytes_full=plain,
        bytes_with_random_address=noted.bytes_sent,
        full_cart_status=noted.status,
        lines_shown=len(noted.body["cart"]["lines"]) if noted.ok else 0,
        credential_bytes_as_cookie=_credential_bytes(shopper),
        lines_past_a_cookie=next(
            (line for line, size in credentials if size > MAX_COOKIE_BYTES), None
        ),
    )
    stranger = lab.shopper()

    def through_nginx(size: int) -> int | None:
        headers: dict[str, str | None] = {"Authorization": "x" * size}
        return stranger.request("GET", "/api/server", headers=headers).status

    for where, ask, most in (
        ("nginx", through_nginx, 16_384),
        ("waitress", lambda size: _direct(lab.address_of(lab.servers[0]), size), 300_000),
    ):
        taken, refused, status = _edge(ask, 1_000, most)
        lab.measure(
            **{f"{where}_takes_bytes": taken, f"{where}_refuses_bytes": refused},
            **{f"{where}_status": status},
        )


def _credential_bytes(shopper: Shopper) -> int:
    """Size of what the next request will carry, as a cookie: name and value."""
    cookies = (len(cookie.name) + len(cookie.value or "") for cookie in shopper.transport.cookies)
    return len(COOKIE_NAME + shopper.token) if shopper.token else sum(cookies)


def _any_character(lab: Lab) -> str:
    return chr(lab.random.randrange(0x4E00, 0x9FFF))  # any of 21,000 ideographs: 14 bits each


def _edge(
    ask: Callable[[int], int | None], taken: int, refused: int
) -> tuple[int | None, int | None, int | None]:
    """Return the largest size taken, the next size refused, and its status; by halving."""
    if ask(taken) != 200 or (status := ask(refused)) == 200:
        return None, None, None
    while refused - taken > 1:
        middle = (taken + refused) // 2
        if (answer := ask(middle)) == 200:
            taken = middle
        else:
            refused, status = middle, answer
    return taken, refused, status


def _direct(address: str, size: int) -> int | None:
    """Ask a server past nginx, with a header of that size; None if it hung up in mid-sentence."""
    connection = http.client.HTTPConnection(address, timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", "/api/server", headers={"Authorization": "x" * size})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def observe(measured: Measurements) -> Observation:
    """Observe whether a request grows with the cart: by one byte per line at the least."""
    lines, shown = measured["lines"], measured["lines_shown"]
    if measured["full_cart_status"] != 200 or not lines:
        return Observation.unknown("no request with a full cart was answered")
    if shown != lines:
        return Observation.unknown(f"the cart has {shown} lines, not the {lines} that were added")
    grown = measured["bytes_full"] - measured["bytes_empty"]
    verdict = Verdict.AFFECTED if grown >= lines else Verdict.NOT_AFFECTED
    empty = Measure(measured["bytes_empty"], unit="bytes a request with an empty cart")
    full = Measure(measured["bytes_full"], unit=f"bytes with {lines} lines (n = 1 cart)")
    return Observation(verdict, (empty, full))


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    seen = by_variant.get("token", {})
    if not seen.get("lines"):
        return None
    per_line = (seen["bytes_full"] - seen["bytes_empty"]) / seen["lines"]
    return 0 if per_line < 1 else 1 if per_line < 30 else 2


QUESTION = Question(
    "One more product in the cart, one more line: how many bytes does it add to every request "
    "at the stateless desk?",
    ("none", "1 to 30", "more than 30"),
    _observed,
    "The token names a product and a quantity per line, and zlib packs what repeats, so a line "
    "costs some bytes, in each request and in each answer. It adds up, and three limits wait: a "
    "cookie (4,096 bytes), nginx (8 KB for one header, 400), waitress (256 KB for all, 431). "
    "A customer who passes one is stuck: the request that would empty the cart carries it as well.",
)
