"""The lab's own look at every cart, when a script is over: which are kept, and which lost.

It asks every live server directly, with the customer's credential. It is not part of what the
script did, and in none of its counts.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from lab.core.text import one_line
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.record import Recorder
from lab.evidence.shopper import Shopper

LOOK_TIMEOUT_S = 2.0
PATIENCE = 3  # a server that gave no answer this often is not asked again
NO_SERVER = "no server is left to ask"
_FATES_NOT_SHOWN = (Fate.UNKNOWN, Fate.WRONG, Fate.DUPLICATED)


class Silence(msgspec.Struct, frozen=True, array_like=True):
    """Why a look says nothing about a cart: "B answered 503: …"."""

    server: str
    cause: str

    def __str__(self) -> str:
        return f"{self.server} {self.cause}"


@dataclass
class ClosingLooks:
    """What became of each owed cart, and why a server could not say."""

    fates: Counter[Fate] = field(default_factory=Counter)
    asked: int = 0
    """Looks: one for each cart at each live server."""
    shown: int = 0
    """Looks that showed the acknowledged cart."""
    silences: Counter[str] = field(default_factory=Counter)
    """Looks without an answer, by the reason: "B answered 503: …"."""

    def causes(self) -> str:
        """Return why looks had no answer, the most frequent reason first; "" if all had one."""
        return "; ".join(cause for cause, _ in self.silences.most_common(2))


def look_everywhere(
    customers: Sequence[Shopper],
    servers: Sequence[str],
    record: Recorder,
    explain: Callable[[Silence], str] = str,
) -> ClosingLooks:
    """Look at each owed cart at each of these servers, which are those alive.

    `explain` returns a silence as text, with what else is known of it.
    """
    found, silent = ClosingLooks(), Counter[str]()
    for customer in customers:
        if customer.tracker.owed is None:
            continue
        looker, fates = customer.looked_after(record), set[Fate]()
        for server in servers:
            found.asked += 1
            if silent[server] >= PATIENCE:
                fates.add(Fate.UNKNOWN)
                continue
            look = looker.view_cart(server=server, timeout_s=LOOK_TIMEOUT_S)
            fates.add(Fate(look.fate or Fate.UNKNOWN))
            found.shown += look.fate is Fate.KEPT
            if cause := silence(look):
                found.silences[explain(cause)] += 1
                silent[server] += 1
        if not servers:
            found.silences[NO_SERVER] += 1
        found.fates[final_fate(fates)] += 1
    return found


def final_fate(fates: set[Fate]) -> Fate:
    """Return what became of a cart, from what each look at it saw.

    One look that shows it is enough. A server that does not answer may have it, and of no look
    at all nothing follows.
    """
    if Fate.KEPT in fates:
        return Fate.KEPT
    if not fates:
        return Fate.UNKNOWN
    return next((fate for fate in _FATES_NOT_SHOWN if fate in fates), Fate.LOST)


def silence(look: Exchange) -> Silence | None:
    """Return why a look says nothing: "B answered 503: …", "B gave no answer: …"; else None.

    A server that is overloaded or broken (429, 5xx) does not say that it has no cart.
    """
    who = look.target or "the load balancer"
    if look.status is None:
        return Silence(who, f"gave no answer: {one_line(look.error or 'unknown', 80)}")
    if not look.is_silence:
        return None
    body = look.body if isinstance(look.body, dict) else {}
    why = body.get("detail") or body.get("title")
    return Silence(who, f"answered {look.status}" + (f": {one_line(why, 120)}" if why else ""))
