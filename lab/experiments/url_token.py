"""A token is sent in the address, as the article writes it, and looked for where URLs are kept.

What is done: a customer asks for the cart with `?token=…&userId=…` in the URL, then follows
a link of that page to the products, as a browser does; another customer asks as often with
the token in a header. nginx keeps the access log that it keeps by default (format
"combined"). Then the places where a URL goes are searched for what the customer carries.

Where the parts come from: the log is nginx's own. The Referer is the one that the policy of
browsers prescribes (W3C Referrer Policy, "strict-origin-when-cross-origin", their default):
the whole URL on the same origin, query included, and the bare origin elsewhere; the lab
computes it, sends it, and looks at what nginx got. The history is the URL itself. No
browser is started here.

What would disprove it: the token of the URL is in none of these places; or the token of a
header is in one of them too.

At the stateful desk the parameter carries nothing, and the session id in the cookie leaks
nowhere. (Session ids used to travel in URLs as well, and leaked in the same way.)

Try next: add `|$http_authorization` to a log_format, and see how little protects a header.
"""

import os
from collections import Counter
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from lab.core.statistics import Measure
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.matrix import ALONE, MEMORY, TOKEN
from lab.experiments.script_api import Lab

DRAWBACK = "A token in the URL is found afterwards where URLs are kept: log, Referer, history."
EXPECTED = Verdict.CONFIRMED
LOG = "logs/combined.log"  # a path in the run's folder; the lab's own log beside it has no query
DEFAULT_LOG = (f"access_log {LOG} combined",)
VARIANTS = (
    MEMORY.expecting(Verdict.NOT_AFFECTED, settings=ALONE, http_directives=DEFAULT_LOG),
    TOKEN.expecting(Verdict.AFFECTED, settings=ALONE, http_directives=DEFAULT_LOG),
)
CUSTOMERS = 2
LOG_WITHIN_S = 10.0


def script(_: Shopper, lab: Lab) -> None:
    """Two customers, one with the token in the URL; search where each one's has been left."""
    linker, sender = lab.customers
    for customer in lab.customers:
        customer.login()
        customer.add("laptop")
    token = linker.token or "none"
    secret = secret_of(linker.view_cart())
    path = f"/api/cart?token={quote(token)}&userId={linker.user_id}"
    n = lab.n(10, 3)
    in_url = [linker.request("GET", path, headers={"Authorization": None}) for _ in range(n)]
    page = lab.url + path
    link = {"Referer": referer(page, lab.url), "Authorization": None}
    followed = linker.request("GET", "/api/products", headers=link)
    in_header = [sender.view_cart() for _ in range(n)]
    of_another = f"userId={sender.user_id}"
    wrong = f"/api/cart?token={quote(token)}&{of_another}"
    misused = linker.request("GET", wrong, headers={"Authorization": None})
    taken = _taken_log(lab, [*in_url, *in_header, followed, misused])
    log = [line for line in taken or [] if of_another not in line[0]]
    in_headers = {secret_of(exchange) for exchange in in_header}
    lab.measure(
        requests_with_url=n,
        accepted_for_another_user=int(misused.ok and linker.token is not None),
        requests_with_header=n,
        requests_refused=sum(not exchange.ok for exchange in (*in_url, *in_header)),
        has_log=taken is not None,
        lines_of_log=len(log),
        url_in_log=sum(secret in asked for asked, _ in log),
        url_in_referer=sum(secret in came_from for _, came_from in log),
        url_in_history=sum(secret in exchange.path for exchange in in_url),
        header_in_log=sum(any(each in "".join(line) for each in in_headers) for line in log),
        header_in_history=sum(
            any(each in exchange.path for each in in_headers) for exchange in in_header
        ),
    )


def referer(page: str, link: str) -> str:
    """Return what a browser sends as Referer from `page` to `link`, by its default policy."""
    here, there = urlsplit(page), urlsplit(link)
    same_origin = (here.scheme, here.netloc) == (there.scheme, there.netloc)
    return page if same_origin else f"{here.scheme}://{here.netloc}/"


def secret_of(exchange: Exchange) -> str:
    """Return the credential in a request's headers: what would let a thief in."""
    headers = exchange.request_headers
    return (headers.get("Authorization") or headers["Cookie"]).replace("=", " ").split()[1]


def _taken_log(lab: Lab, exchanges: list[Exchange]) -> list[tuple[str, str]] | None:
    """Return (request line, Referer) of this variant's lines, and leave the log empty.

    None if nginx keeps no such log.
    In the combined format the quoted parts are the request line, Referer and User-Agent.
    nginx writes a line after its answer, so the line of each exchange is waited for by name:
    one that came after the log was emptied would stay there, with its token.
    """
    path = lab.folder / LOG
    prefix = urlsplit(lab.url).path
    awaited = Counter(f"{each.method} {prefix}{each.path}" for each in exchanges)

    if not path.exists():  # a variant of a student's own, whose nginx keeps no such log
        return None

    def asked(request_line: str) -> str:
        return request_line.rpartition(" ")[0]  # without the protocol

    def lines() -> list[list[str]]:
        parts = [line.split('"') for line in path.read_text(encoding="utf-8").splitlines()]
        return [part for part in parts if len(part) > 5 and f" {prefix}/" in part[1]]

    try:
        lab.until(lambda: awaited <= Counter(asked(part[1]) for part in lines()), LOG_WITHIN_S)
        return [(part[1], part[3]) for part in lines()]
    finally:
        os.truncate(path, 0)  # it holds good tokens; nginx has it open, and appends


def observe(measured: Measurements) -> Observation:
    """Observe whether the token of the URL was found, and that of a header was not."""
    if measured["requests_refused"] or not measured["requests_with_url"]:
        return Observation.unknown("a request was refused: its token is not a secret")
    if not measured["has_log"]:
        return Observation.unknown(f"nginx keeps no log here: the variant wants {DEFAULT_LOG[0]!r}")
    if measured["lines_of_log"] <= measured["requests_with_url"] + measured["requests_with_header"]:
        return Observation.unknown("nginx's log does not have every request")
    if measured.get("accepted_for_another_user"):
        return Observation.unknown("a token was accepted with another customer's userId beside it")
    asked = measured["requests_with_url"]
    by_header = measured["header_in_log"] + measured["header_in_history"]
    # What nginx wrote decides. That a URL is in the history is not a finding: it is the URL.
    found = measured["url_in_log"] + measured["url_in_referer"]
    sent = measured["requests_with_header"]
    if by_header:
        return Observation.unknown(f"{by_header} of {sent} tokens of a header were found as well")
    verdict = Verdict.AFFECTED if found else Verdict.NOT_AFFECTED
    return Observation(
        verdict,
        (
            Measure(measured["url_in_log"], asked, unit="tokens of a URL in the log"),
            Measure(measured["url_in_referer"], 1, unit="in the Referer"),
            Measure(measured["url_in_history"], asked, unit="in the history"),
            Measure(by_header, sent, unit="tokens of a header in any of them"),
        ),
    )


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    seen = by_variant.get("token", {})
    if not seen.get("requests_with_url"):
        return None
    if not seen["url_in_log"]:
        return 0
    return 2 if seen["header_in_log"] else 1


QUESTION = Question(
    "A customer's token travels in the URL, later in the header Authorization. Which of the "
    "two stands in the server's access log afterwards?",
    ("neither", "the one in the URL", "both"),
    _observed,
    "A URL is made to be kept and passed on: logs, histories, bookmarks, Referer, the link in a "
    "chat. A header is not. RFC 6750 (section 2.3) advises against tokens in URLs for this "
    "reason. A token found there is as good as the one it was copied from, until it expires. "
    "The Referer carries it on the same origin only, since browsers cut it elsewhere.",
)
