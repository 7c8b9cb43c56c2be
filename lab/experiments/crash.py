"""A server is killed: whose cart is left.

What is done: John logs in and buys a laptop; the server that served him is killed (SIGKILL)
and seen to be gone; he asks for his cart, first where he was served, then wherever the
balancer sends him.

What would disprove it: an acknowledged cart that the stateless desk no longer shows after
the crash. A request that nobody answers is counted, and is not a lost cart.

What it depends on at the stateful desk is where sessions live. In the process's memory the
cart dies with the process. In a file it survives a process, on one machine: another machine
would not see the file, and its crash would take the file along. In Redis it survives a
server, and the store becomes the thing that must not crash.

Try next: `lab run crash --store redis`, `lab run crash --store file`.
"""

from lab.bench import Lab
from lab.evidence.result import Knobs, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments.judging import carts_survive_kill
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
CUSTOMERS = 1


def script(shopper: Shopper, lab: Lab) -> None:
    """Buy a laptop, lose the server that sold it, ask for the cart."""
    desk = shopper.login().replica
    shopper.add("laptop", server=desk)
    lab.kill(desk)
    shopper.view_cart(server=desk)
    shopper.view_cart(tries=len(lab.servers))


observe = carts_survive_kill
