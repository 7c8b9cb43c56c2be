"""Log in, buy one thing, check out, log out: nothing is owed afterwards but an order."""

from lab.crowd.virtual_user import CrowdScriptApi
from lab.evidence.shopper import Shopper


def script(shopper: Shopper, lab: CrowdScriptApi) -> None:
    """Do one iteration: five requests."""
    shopper.login()
    shopper.add("laptop")
    shopper.ship_to("1 Main Street")
    shopper.checkout()
    shopper.logout()
