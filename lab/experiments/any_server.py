"""Every request goes to another server than the one before.

What is done: each customer logs in at one server, adds at the next, asks for the cart at
each of them in turn.

What would disprove it: one read, at any server, that does not show the acknowledged cart.

What it depends on at the stateful desk: whether the servers share their sessions. In
process memory each server knows only its own customers.

Try next: `lab run any-server --store redis`.
"""

from itertools import cycle

from lab.bench import Lab
from lab.evidence.shopper import Shopper
from lab.experiments.judging import every_read_keeps

CLAIM = "Any server can handle any request."
CUSTOMERS = 3


def script(shopper: Shopper, lab: Lab) -> None:
    """Send each request to the next server."""
    for customer in lab.customers:
        turn = cycle(lab.servers)
        customer.login(server=next(turn))
        customer.add("laptop", server=next(turn))
        for _ in lab.servers:
            customer.view_cart(server=next(turn))


judge = every_read_keeps
