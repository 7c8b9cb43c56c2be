"""A phone's customer at one desk: its cart, its credential, and what just happened to them."""

from collections.abc import Callable, Iterator, Mapping

from lab.console.room import phone_news
from lab.console.room.phone_state import CartLine, CartPlace, DeskOfPhone, lines_of, stranger_in
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.record import Record
from lab.evidence.shopper import Shopper
from lab.shop.desks import DESKS, at_server
from lab.stack.server_pool import ServerPool

PHONE_LOOK_S = 2.0
MOST_KEPT_EXCHANGES = 2
SHORT_CHARS = 8
STATEFUL, STATELESS = DESKS


class PhoneCustomer:
    """Shops at one desk, one request at a time; its owner holds a lock around each call."""

    def __init__(
        self,
        desk: str,
        identity: tuple[str, str],
        numbers: Iterator[int],
        pool_of: Callable[[], ServerPool],
        in_store: Callable[[], bool],
    ) -> None:
        """`identity` is user id and name; `in_store` says whether sessions survive a server."""
        self.desk = desk
        self.news = ""
        self.mark: str = CartPlace.NO_CART
        self.has_lost = False
        """True if a cart was lost since the stage began."""
        self._in_store = in_store
        record = Record(f"{identity[0]}-{desk}", keep=MOST_KEPT_EXCHANGES, numbers=numbers)
        self.shopper = Shopper(lambda server: pool_of().url + at_server(server), record, *identity)
        self._known = False
        self._status = 0
        self._served_by = ""

    @property
    def lines(self) -> list[CartLine]:
        """The cart that this desk has acknowledged last; none once it is lost."""
        owed = self.shopper.tracker.owed
        return lines_of(owed) if owed and self.mark != CartPlace.LOST else []

    def come(self) -> bool:
        """Log in; False if the desk does not let it in now."""
        exchange = self._sent(self.shopper.login())
        self._known = exchange.ok
        if exchange.ok:
            self.mark = CartPlace.NO_CART
        self.news = (
            f"Server {self._served_by} let you in." if exchange.ok else self._refusal(exchange)
        )
        return self._known

    def change(self, sku: str, by: int) -> bool:
        """Put one more of `sku` in the cart, or one fewer; True if the desk acknowledged it."""
        again = self.mark == CartPlace.LOST
        if (again or not self._known) and not self.come():
            return False
        quantity = next((line.quantity for line in self.lines if line.sku == sku), 0)
        if by < 0 and quantity == 0:
            return False
        exchange = self._sent(self._send_change(sku, by, quantity))
        if exchange.ok:
            self._note_kept(exchange.served_by or "")
            self.news = self._acknowledged(again)
        else:
            self.news = self._refusal(exchange)
        return exchange.ok

    def put_back(self, wanted: Mapping[str, int]) -> None:
        """Log in on a new stage, and fill the cart again at the server that answered."""
        if not self.come():
            return
        for sku, quantity in wanted.items():
            exchange = self._sent(self.shopper.add(sku, quantity, server=self._served_by or None))
            if not exchange.ok:
                self.news = self._refusal(exchange)
                return
            self._note_kept(exchange.served_by or "")
        if wanted:
            self.news = f"A new stage: your cart was put in again, at server {self._served_by}."

    def look(self, alive: list[str]) -> None:
        """Ask each living server directly, until one shows the acknowledged cart."""
        if not self.lines or self.mark == CartPlace.LOST:
            return
        home = self.shopper.tracker.home_server
        fates = set[Fate]()
        for server in sorted(alive, key=lambda each: each != home):
            exchange = self.shopper.view_cart(server=server, timeout_s=PHONE_LOOK_S)
            self._close()
            fates.add(Fate(exchange.fate or Fate.UNKNOWN))
            if exchange.fate is Fate.KEPT:
                was = self.mark
                self._note_kept(server)
                if was in (CartPlace.NO_ANSWER, CartPlace.FOREIGN):
                    self.news = f"It is back: {self._where(server)}."
                return
        self._note_not_shown(fates, home or "")

    def visit(self) -> None:
        """Look through the load balancer, as any customer does, and say what that showed."""
        if not self.lines:
            return
        exchange = self._sent(self.shopper.view_cart())
        stranger = stranger_in(exchange, self.shopper.user_id)
        if stranger is not None:
            self.mark = CartPlace.FOREIGN
            self.news = f"You asked for your cart, and the cache gave you that of {stranger}."
        elif exchange.fate is Fate.KEPT:
            self._note_kept(exchange.served_by or "")
            self.news = f"Your cart was shown by server {self._served_by or '(the cache)'}."
        else:
            self.news = self._refusal(exchange)

    def shown(self) -> DeskOfPhone:
        """Return the desk as the phone shows it."""
        return DeskOfPhone(
            self.mark, self.lines, self._credential(), self._served_by, self._status, self.news
        )

    def _send_change(self, sku: str, by: int, quantity: int) -> Exchange:
        if by > 0:
            return self.shopper.add(sku)
        if quantity == 1:
            return self.shopper.remove(sku)
        return self.shopper.change(sku, quantity - 1)

    def _sent(self, exchange: Exchange) -> Exchange:
        self._close()
        self._status, self._served_by = exchange.status or 0, exchange.served_by or ""
        return exchange

    def _close(self) -> None:
        # A person pauses longer than nginx keeps a connection.
        self.shopper.transport.close()

    def _note_kept(self, server: str) -> None:
        if not self.shopper.tracker.owed or not lines_of(self.shopper.tracker.owed):
            self.mark = CartPlace.NO_CART
        elif self.desk == STATELESS:
            self.mark = CartPlace.IN_HAND
        else:
            self.mark = CartPlace.IN_STORE if self._in_store() else server or self.mark

    def _note_not_shown(self, fates: set[Fate], home: str) -> None:
        if not fates or Fate.UNKNOWN in fates:
            self.mark = CartPlace.NO_ANSWER
            self.news = "No server can answer for your cart now. Keep it open: it is asked again."
        elif fates == {Fate.LOST}:
            self.mark, self.has_lost = CartPlace.LOST, True
            held = "the store" if self._in_store() else f"the memory of server {home}"
            self.news = f"Your cart was in {held}, and is lost. Press + to begin again."
        else:
            self.mark = CartPlace.FOREIGN
            self.news = "A server shows your cart otherwise than you left it. Look at the wall."

    def _acknowledged(self, again: bool) -> str:
        news = f"Done: {self._where(self._served_by)}."
        return f"You are a new customer, since your cart was lost. {news}" if again else news

    def _where(self, server: str) -> str:
        kept = phone_news.IN_STORE if self._in_store() else phone_news.IN_MEMORY
        return phone_news.of_place(phone_news.IN_PARCEL if self.desk == STATELESS else kept, server)

    def _refusal(self, exchange: Exchange) -> str:
        home = self.shopper.tracker.home_server if self.lines else ""
        return phone_news.of_refusal(exchange, home or "", self.shopper.cookie() or "")

    def _credential(self) -> str:
        if self.desk == STATELESS:
            token = self.shopper.token
            return f"{token[:SHORT_CHARS]}…, {len(token)} bytes" if token else ""
        if not self._known:
            return ""
        cookies = (self.shopper.cookie() or "").split("; ")
        session = next((each for each in cookies if each.startswith("desk_session=")), "")
        number = session.partition("=")[2]
        return f"{number[:SHORT_CHARS]}…" if number else ""
