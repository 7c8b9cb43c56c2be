"""Every server is restarted, one after the other, as an upgrade does.

What is done: each customer fills a cart at one server; each server is killed and started
again, and answers with a new instance; then everybody asks for the cart.

What would disprove it: an acknowledged cart that the stateless desk no longer shows.

What it depends on at the stateful desk: whether sessions outlive the process.

Try next: `lab run restart-all --store redis`.
"""

from itertools import cycle

from lab.bench import Lab
from lab.evidence.result import Knobs, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments.judging import carts_survive_restarts
from lab.experiments.matrix import FILE, MEMORY, REDIS, TOKEN, two_desks

CLAIM = "Servers can crash or restart without affecting users."
EXPECTED = Verdict.HOLDS
VARIANTS = two_desks(Knobs())
EXPECTATIONS = (
    MEMORY.expecting(Verdict.FAILS),
    FILE.expecting(Verdict.HOLDS),
    REDIS.expecting(Verdict.HOLDS),
    TOKEN.expecting(Verdict.HOLDS),
)
CUSTOMERS = 3


def script(shopper: Shopper, lab: Lab) -> None:
    """Fill a cart at each server, restart them all, ask for the carts."""
    for customer, desk in zip(lab.customers, cycle(lab.servers), strict=False):
        customer.login(server=desk)
        customer.add("laptop", server=desk)
    for server in lab.servers:
        lab.restart(server)
    for customer, desk in zip(lab.customers, cycle(lab.servers), strict=False):
        customer.view_cart(server=desk)


observe = carts_survive_restarts
