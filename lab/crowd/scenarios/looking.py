"""Come in, put one thing in the cart, and look at it nine times: mostly reads."""

from lab.crowd.script_api import One
from lab.evidence.shopper import Shopper


def script(shopper: Shopper, lab: One) -> None:
    """One visit: eleven requests."""
    shopper.login()
    shopper.add("laptop")
    for _ in range(9):
        shopper.view_cart()
