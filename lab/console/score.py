"""What each desk has kept, lost and spent so far, counted from its events."""

from collections import Counter, deque

from lab.console.events import (
    ExchangeEvent,
    FaultShown,
    PageEvent,
    RequestEvent,
    SettingShown,
    StageEvent,
    Totals,
)
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import SAFE_METHODS, OpStatus
from lab.shop.desks import DESKS

MOST_HALF_KNOWN = 64  # requests of which only the log line or only the exchange has come


class Score:
    """Counts what each desk has kept, lost and spent so far, from its events alone.

    `kept`, `lost` and `open` count customers with an acknowledged cart: by the last read that
    showed what became of it, open where none has since the last acknowledged write or fault.
    A refused copy of a request (`aside`) is not an error: the desk was right to refuse it.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Counter[str]] = {}
        self._carts: dict[str, dict[str, str]] = {}
        self._failed: deque[str] = deque(maxlen=MOST_HALF_KNOWN)
        self._aside: deque[str] = deque(maxlen=MOST_HALF_KNOWN)
        self._begin()

    def take(self, event: PageEvent) -> dict[str, Totals]:
        """Count the event; return the totals after it, by desk. A new stage resets them."""
        match event:
            case StageEvent():
                self._begin()
            case FaultShown() | SettingShown():
                self._doubt(event.desk)
            case RequestEvent() if event.desk in DESKS:
                self._count(event)
            case ExchangeEvent() if event.desk in DESKS:
                self._follow(event)
        return self.totals()

    def totals(self) -> dict[str, Totals]:
        """Return the totals so far, by desk."""
        return {desk: self._totals(desk) for desk in DESKS}

    def _begin(self) -> None:
        self._sums = {desk: Counter() for desk in DESKS}
        self._carts = {desk: {} for desk in DESKS}

    def _totals(self, desk: str) -> Totals:
        carts = Counter(self._carts[desk].values())
        return Totals(
            **self._sums[desk], kept=carts["kept"], lost=carts["lost"], open=carts["open"]
        )

    def _count(self, request: RequestEvent) -> None:
        self._sums[request.desk].update(
            requests=1,
            errors=self._errors(request),
            store_operations=request.store_operations or 0,
            bytes=request.bytes_in + request.bytes_out,
        )

    def _errors(self, request: RequestEvent) -> int:
        if 0 < request.status < 400 or request.op in self._aside:
            return 0
        self._failed.append(request.op)
        return 1

    def _set_aside(self, exchange: ExchangeEvent) -> None:
        self._aside.append(exchange.op)
        if exchange.op in self._failed:
            self._failed.remove(exchange.op)
            self._sums[exchange.desk]["errors"] -= 1

    def _follow(self, exchange: ExchangeEvent) -> None:
        carts = self._carts[exchange.desk]
        who = exchange.who or f"name {exchange.customer}"
        if exchange.aside is True:
            self._set_aside(exchange)
        if exchange.method in SAFE_METHODS:
            if exchange.fate not in (None, Fate.UNKNOWN):
                carts[who] = "kept" if exchange.fate == Fate.KEPT else "lost"
        elif exchange.outcome is OpStatus.OK and not exchange.aside:
            self._note_write(carts, who, exchange)

    @staticmethod
    def _note_write(carts: dict[str, str], who: str, write: ExchangeEvent) -> None:
        path = write.path.partition("?")[0]
        body = write.response.body
        if path == "/api/logout":
            carts.pop(who, None)
        elif path == "/api/checkout" or (isinstance(body, dict) and "cart" in body):
            carts[who] = "open"

    def _doubt(self, desk: str) -> None:
        for each in [desk] if desk in DESKS else DESKS:
            carts = self._carts[each]  # a fault brings back no cart that a read has found lost
            self._carts[each] = {who: "lost" if carts[who] == "lost" else "open" for who in carts}
