"""For a locustfile of your own: shoppers of the lab as users of Locust, on its own page.

    from lab.crowd.locustfile import Customer
    from lab.crowd.scenarios import shopping

    class Shopping(Customer):
        host = "http://127.0.0.1:8000/stateless"
        script = staticmethod(shopping.script)

A cart that was acknowledged and is not there at the end of a visit is a failure of type CART.
"""

import time
from itertools import count
from typing import Any

from locust import User, constant, task
from locust.env import Environment

from lab.crowd.gevent_transport import GeventTransport, lines_to
from lab.crowd.script_api import CrowdScriptApi
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper

ITEM = "/api/cart/items/"
_numbers = count(1)


class CartNotKept(Exception):
    """What became of an acknowledged cart instead: lost, wrong, duplicated, unknown."""


class Teller:
    """The recorder of one user's shoppers: Locust is told of each exchange."""

    def __init__(self, environment: Environment, number: int) -> None:
        self._environment = environment
        self._number = number
        self._ops = count(1)
        self._start_s = time.monotonic()

    def next_op(self) -> str:
        """Return an id that no other request of this process has."""
        return f"locust-{self._number}-{next(self._ops)}"

    def since_start(self, at_s: float) -> float:
        """Turn a reading of the monotonic clock into seconds since this user came."""
        return at_s - self._start_s

    def append(self, exchange: Exchange) -> None:
        """Tell Locust, under the name of the route."""
        path = exchange.path.partition("?")[0]
        problem = None if exchange.ok else exchange.error or f"status {exchange.status}"
        self.fire(
            exchange.method,
            f"{ITEM}{{sku}}" if path.startswith(ITEM) else path,
            exchange.elapsed_ms,
            len(exchange.response_body),
            RuntimeError(problem) if problem else None,
        )

    def fire(
        self, kind: str, name: str, ms: float, length: int, exception: Exception | None
    ) -> None:
        """CrowdScriptApi row of Locust's statistics."""
        self._environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type=kind,
            name=name,
            response_time=ms,
            response_length=length,
            exception=exception,
            context={},
        )


class Customer(User):
    """A Locust user who visits the shop again and again; give it `host` and `script`."""

    abstract = True
    wait_time = constant(1)

    def script(self, shopper: Shopper, lab: Any) -> None:
        """What a visit is; replace it."""
        raise NotImplementedError("give your class a script(shopper, lab)")

    def on_start(self) -> None:
        """Come for the first time."""
        number = next(_numbers)
        self._lines = lines_to(self.host or "")
        self._teller = Teller(self.environment, number)
        self._offer = CrowdScriptApi((), 0, number, quick=False)
        self._user_id = str(number)

    @task
    def visit(self) -> None:
        """CrowdScriptApi visit with a new session, and a look at the cart before leaving."""
        shop = (self.host or "").rstrip("/")
        shopper = Shopper(
            lambda server: f"{shop}/@{server}" if server else shop,
            self._teller,
            user_id=self._user_id,
            name=f"c{self._user_id}",
            transport=GeventTransport(self._lines),
        )
        self.script(shopper, self._offer)
        if shopper.ledger.needs_read:
            shopper.view_cart(tries=2)  # an idle connection may have died with its server
        if (fate := shopper.ledger.fate) is not None:
            kept = fate is Fate.KEPT
            self._teller.fire("CART", str(fate), 0, 0, None if kept else CartNotKept(str(fate)))

    def on_stop(self) -> None:
        """Go, and let go of the connections."""
        self._lines.close()
