"""The control: nothing breaks, and every customer stays with one server.

What is done: each customer logs in through the balancer, then goes on with the server that
answered, puts a laptop in the cart and asks for the cart again.

What would disprove it: a cart that is not as it was acknowledged. Then the lab or a desk is
broken, and no other experiment means anything.

Try next: `lab run any-server`, where the customer does not stay with one server.
"""

from lab.bench import Lab
from lab.evidence.result import Verdict
from lab.evidence.shopper import Shopper
from lab.experiments.judging import carts_kept

CLAIM = "Nothing breaks: both desks serve a customer who stays with one server."
EXPECTED = Verdict.HOLDS
CUSTOMERS = 3


def script(shopper: Shopper, lab: Lab) -> None:
    """Shop without any fault."""
    for customer in lab.customers:
        desk = customer.login().replica
        customer.add("laptop", server=desk)
        customer.view_cart(server=desk)


observe = carts_kept
