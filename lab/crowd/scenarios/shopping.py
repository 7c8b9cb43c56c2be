"""Come in, put three things in the cart, look at it each time, and go without a word."""

from lab.crowd.script_api import CrowdScriptApi
from lab.evidence.shopper import Shopper

GOODS = ("laptop", "mouse", "keyboard", "monitor")


def script(shopper: Shopper, lab: CrowdScriptApi) -> None:
    """CrowdScriptApi visit: seven requests."""
    shopper.login()
    for sku in lab.random.sample(GOODS, 3):
        shopper.add(sku)
        shopper.view_cart()
