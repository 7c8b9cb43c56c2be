"""Base class for your own locustfile: the lab's shoppers as Locust users, with Locust's page.

    from lab.crowd.locustfile import Customer
    from lab.crowd.scenarios import shopping

    class Shopping(Customer):
        host = "http://127.0.0.1:8000/stateless"
        script = staticmethod(shopping.script)

A cart that was acknowledged and is not shown at the end of an iteration is a failure of type CART.
"""

import time
from itertools import count

from locust import User, constant, task
from locust.env import Environment

from lab.crowd.gevent_transport import ConnectionPool, GeventTransport
from lab.crowd.virtual_user import CrowdScriptApi
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper
from lab.shop.desks import at_server

ITEM_PATH = "/api/cart/items/"
_numbers = count(1)


class CartNotKept(Exception):
    """An acknowledged cart that was not kept: lost, wrong, duplicated or unknown."""


class LocustRecorder:
    """The recorder of one user: it passes each exchange on to Locust's statistics."""

    def __init__(self, environment: Environment, number: int) -> None:
        self._environment = environment
        self._number = number
        self._ops = count(1)
        self._start_s = time.monotonic()

    def next_op(self) -> str:
        """Return an id that no other request of this process has."""
        return f"locust-{self._number}-{next(self._ops)}"

    def since_start(self, at_s: float) -> float:
        """Turn a reading of the monotonic clock into seconds since this user began."""
        return at_s - self._start_s

    def append(self, exchange: Exchange) -> None:
        """Add an exchange to Locust's statistics, under the name of its route."""
        path = exchange.path.partition("?")[0]
        problem = None if exchange.ok else exchange.error or f"status {exchange.status}"
        self.fire(
            exchange.method,
            f"{ITEM_PATH}{{sku}}" if path.startswith(ITEM_PATH) else path,
            exchange.elapsed_ms,
            len(exchange.response_body),
            RuntimeError(problem) if problem else None,
        )

    def fire(
        self, kind: str, name: str, ms: float, length: int, exception: Exception | None
    ) -> None:
        """Add a request to a row of Locust's statistics."""
        self._environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type=kind,
            name=name,
            response_time=ms,
            response_length=length,
            exception=exception,
            context={},
        )


class Customer(User):
    """A Locust user that runs the script again and again; give it `host` and `script`."""

    abstract = True
    wait_time = constant(1)

    def script(self, shopper: Shopper, lab: CrowdScriptApi) -> None:
        """Do one iteration; your class replaces this."""
        raise NotImplementedError("give your class a script(shopper, lab)")

    def on_start(self) -> None:
        """Open the connections, with a number of its own."""
        number = next(_numbers)
        self._pool = ConnectionPool.to(self.host or "")
        self._recorder = LocustRecorder(self.environment, number)
        self._api = CrowdScriptApi((), 0, number, quick=False)
        self._user_id = str(number)

    @task
    def iterate(self) -> None:
        """Run the script with a new session, and read the cart at the end."""
        shop = (self.host or "").rstrip("/")
        shopper = Shopper(
            lambda server: shop + at_server(server),
            self._recorder,
            user_id=self._user_id,
            name=f"c{self._user_id}",
            transport=GeventTransport(self._pool),
        )
        self.script(shopper, self._api)
        if shopper.tracker.needs_read:
            shopper.view_cart(tries=2)  # an idle connection may have died with its server
        if (fate := shopper.tracker.fate) is not None:
            kept = fate is Fate.KEPT
            self._recorder.fire("CART", str(fate), 0, 0, None if kept else CartNotKept(str(fate)))

    def on_stop(self) -> None:
        """Close the connections."""
        self._pool.close()
