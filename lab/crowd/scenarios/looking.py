"""Come in, put one thing in the cart, and look at it nine times: mostly reads."""

from lab.crowd.script_api import CrowdScriptApi
from lab.evidence.shopper import Shopper


def script(shopper: Shopper, lab: CrowdScriptApi) -> None:
    """CrowdScriptApi visit: eleven requests."""
    shopper.login()
    shopper.add("laptop")
    for _ in range(9):
        shopper.view_cart()
