"""Log in, add one thing to the cart, and read the cart nine times: mostly reads."""

from lab.crowd.virtual_user import CrowdScriptApi
from lab.evidence.shopper import Shopper


def script(shopper: Shopper, lab: CrowdScriptApi) -> None:
    """Do one iteration: eleven requests."""
    shopper.login()
    shopper.add("laptop")
    for _ in range(9):
        shopper.view_cart()
