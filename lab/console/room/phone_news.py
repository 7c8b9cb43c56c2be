"""The sentences a phone shows after a request: what happened, and what to do."""

from lab.core.http import UNANSWERED
from lab.evidence.exchange import Exchange

AFFINITY_COOKIE = "desk_affinity"
IN_PARCEL, IN_STORE, IN_MEMORY = "parcel", "store", "memory"


def of_place(kind: str, server: str) -> str:
    """Return where a cart is, with the server that answered last."""
    return {
        IN_PARCEL: f"your cart is in the parcel that server {server} signed; you carry it",
        IN_STORE: f"server {server} keeps your cart in the shared store",
        IN_MEMORY: f"your cart is in the memory of server {server}",
    }[kind]


def of_refusal(exchange: Exchange, home: str, cookies: str) -> str:
    """Return why a request was not done; `home` is the server that has the cart, "" for none."""
    name = f"Server {exchange.served_by}" if exchange.served_by else "No server"
    if exchange.status == 401:
        place = f" Your cart is at {home}." if home else ""
        return f"{name} does not know you (401).{place} Press again."
    if exchange.status in UNANSWERED and AFFINITY_COOKIE in cookies:
        return (
            f"The balancer's cookie sends you to a server that is gone ({exchange.status}): "
            "you are stuck to it until it is back."
        )
    if exchange.status is None or exchange.status >= 500:
        code = f" ({exchange.status})" if exchange.status else ""
        could = "could not do it" if exchange.served_by else "could answer"
        return f"{name} {could}{code}. Press again in a moment."
    return f"{name} refused it ({exchange.status}). Press again."
