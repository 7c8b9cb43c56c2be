"""How the stage marks the result of a request: a class of the style sheet, a sign, a short word."""

from collections.abc import Sequence

ShownMark = list[str]

_FIRST_ERROR, _FIRST_FAILURE = 400, 500


def of_request(status: int | None) -> ShownMark:
    """Return the mark of a request by its status alone; 0 or None: no answer."""
    return _named("refused", "!", status) if _is_refused(status) else ["plain", "", ""]


def of_strange_cart(whose: str) -> ShownMark:
    """Return the mark of an answer with a cart that is not the customer's."""
    return ["lost", "✕", f"✕ {whose}"]


def of_exchange(look: Sequence[str], status: int | None, *, cached: bool = False) -> ShownMark:
    """Return the mark of an exchange with that look; `cached`: no server was asked.

    A refusal shows no cart, and says nothing of where the cart is.
    """
    if cached and look[0] == "plain":
        return ["plain", "", "from the cache"]
    css, sign = ("refused", "!") if look[0] == "lost" and _is_refused(status) else look[:2]
    return _named(css, sign, status)


def with_total(mark: ShownMark, cents: int) -> ShownMark:
    """Return the mark of a look at a cart, with what the cart costs in that answer."""
    css, sign, word = mark
    return [css, sign, f"· total {_money(cents)} {word}".rstrip()]


def of_order(paid_cents: int, due_cents: int | None) -> ShownMark:
    """Return the mark of an order that was accepted; `due_cents`: what it should cost, if known."""
    css, sign = ("kept", "✓") if paid_cents == due_cents else ("lost", "✕")
    css, sign = ("plain", "") if due_cents is None else (css, sign)
    return [css, sign, f"· paid {_money(paid_cents)} {sign}".rstrip()]


def of_repetition(status: int | None, shown: str = "", *, sold: bool = False) -> ShownMark:
    """Return the mark of a request that was sent again, with the goods that the answer shows.

    `sold`: it was an order. One that is accepted again is harm.
    """
    if _is_refused(status):
        return _named("refused", "!", status)
    if sold:
        return ["lost", "✕", "· sold by a copy ✕"]
    return ["kept", "✓", f"· {shown} ✓" if shown else "✓"]


def of_theft(status: int | None) -> ShownMark:
    """Return the mark of a thief's request: success for the thief is harm to the customer."""
    if not status or status >= _FIRST_FAILURE:
        return _named("refused", "!", status)  # the desk did not refuse it: it may come again
    return ["kept", "✓", "refused"] if _is_refused(status) else ["lost", "✕", "accepted"]


def _money(cents: int) -> str:
    return f"{cents / 100:,.2f}".removesuffix(".00")


def _is_refused(status: int | None) -> bool:
    return not status or status >= _FIRST_ERROR


def _named(css: str, sign: str, status: int | None) -> ShownMark:
    if sign not in ("!", "?"):
        return [css, sign, sign]
    if (status or 0) >= _FIRST_FAILURE:
        return [css, sign, "failed"]
    return [css, sign, "refused" if sign == "!" else "unknown"]
