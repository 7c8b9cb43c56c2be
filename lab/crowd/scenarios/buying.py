"""Come in, buy one thing, pay, and log out: nothing is owed afterwards but an order."""

from lab.crowd.script_api import CrowdScriptApi
from lab.evidence.shopper import Shopper


def script(shopper: Shopper, lab: CrowdScriptApi) -> None:
    """CrowdScriptApi visit: five requests."""
    shopper.login()
    shopper.add("laptop")
    shopper.ship_to("1 Main Street")
    shopper.checkout()
    shopper.logout()
