"""Log in, add three things to the cart, read it after each, and leave without a logout."""

from lab.crowd.virtual_user import CrowdScriptApi
from lab.evidence.shopper import Shopper

GOODS = ("laptop", "mouse", "keyboard", "monitor")


def script(shopper: Shopper, lab: CrowdScriptApi) -> None:
    """Do one iteration: seven requests."""
    shopper.login()
    for sku in lab.random.sample(GOODS, 3):
        shopper.add(sku)
        shopper.view_cart()
