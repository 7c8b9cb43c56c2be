"""Every request goes to another server than the one before.

What is done: each customer logs in, puts a laptop in the cart and asks for it as often as
there are servers. The balancer sends each request to the next server (round robin), or to
the same one where it keeps affinity.

What would disprove it: one read, at any server, that does not show the acknowledged cart.

What it depends on at the stateful desk: whether the servers share their sessions. In
process memory each server knows only its own customers, and the balancer has to bring
each customer back to the right one (affinity).

Try next: `lab run any-server --store redis`.
"""

from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments.judging import reads_kept
from lab.experiments.matrix import FILE, MEMORY, MEMORY_AFFINITY, REDIS, TOKEN
from lab.experiments.script_api import Lab

CLAIM = "Any server can handle any request."
EXPECTED = Verdict.HOLDS
VARIANTS = (
    MEMORY.expecting(Verdict.FAILS),
    MEMORY_AFFINITY.expecting(Verdict.HOLDS),
    FILE.expecting(Verdict.HOLDS),
    REDIS.expecting(Verdict.HOLDS),
    TOKEN.expecting(Verdict.HOLDS),
)
CUSTOMERS = 12
QUICK_CUSTOMERS = 5
QUICK_SERVERS = 2


def script(shopper: Shopper, lab: Lab) -> None:
    """Let the balancer choose the server of each request."""
    looks = list[Exchange]()
    for customer in lab.customers:
        customer.login()
        # A customer who is refused presses again, until some server takes the order.
        any(customer.add("laptop").ok for _ in lab.servers)
        looks += [customer.view_cart() for _ in lab.servers]
    lab.measure(
        servers=len(lab.servers),
        servers_that_answered=len({look.served_by for look in looks if look.answered}),
    )


def observe(measured: Measurements) -> Observation:
    """Observe whether every read saw its cart, if the reads were at more than one server."""
    if measured.get("servers", 1) > 1 >= measured["servers_that_answered"]:
        return Observation.unknown("one server answered all reads: no other was tried")
    return reads_kept(measured)
