"""The customer of a page: a shopper at both desks, with credentials that only its page gets."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from itertools import count

import msgspec
from msgspec import UNSET, UnsetType

from lab.console.customer_session import MOST_REMEMBERED, Credentials, CustomerSession
from lab.console.event_making import from_exchange
from lab.console.events import ExchangeEvent
from lab.core.errors import LabError
from lab.evidence.exchange import Exchange
from lab.evidence.keeping import kept_exchange
from lab.evidence.record import LiveEvent, Record
from lab.shop.desks import DESKS
from lab.stack.server_pool import ServerPool

Publish = Callable[[ExchangeEvent], object]

FIRST_USER_ID = 123  # John's in the article


class Introduction(msgspec.Struct, frozen=True):
    """A customer, for its own page. After a reload it gets its credentials back."""

    id: str
    who: str
    name: str
    user_id: str
    credentials: dict[str, Credentials] | UnsetType = UNSET


class Acted(msgspec.Struct, frozen=True):
    """The result of an action: the last operation at each desk, and the credentials after it."""

    ops: dict[str, str]
    credentials: dict[str, Credentials]


class PageCustomer:
    """The customer of a page. `key` is known to that page only; `who` ("c1") is public."""

    def __init__(
        self,
        number: int,
        name: str,
        pools: Mapping[str, ServerPool],
        publish: Publish,
        leaked_keys: Mapping[str, str],
    ) -> None:
        self.key = secrets.token_urlsafe(16)
        self.who = f"c{number}"
        self.name = name
        self.user_id = str(FIRST_USER_ID + number - 1)
        self.acted_at = 0.0
        self.has_acted = False
        self.browser = ""
        self._pools = pools
        self._publish = publish
        self._leaked_keys = leaked_keys
        # A new stage does not begin again at 1: no op is used twice.
        self._numbers: dict[str, Iterator[int]] = {desk: count(1) for desk in DESKS}
        self.reset()

    @property
    def has_cart(self) -> bool:
        """True if a desk has acknowledged a change that this customer would lose."""
        return any(session.shopper.tracker.owed for session in self.sessions.values())

    def forget_history(self) -> None:
        """Drop the requests that could be replayed; credentials and carts stay."""
        for session in self.sessions.values():
            session.record.events.clear()

    def introduce(self, *, again: bool = False) -> Introduction:
        """Return what the customer's own page gets; `again` after a reload."""
        credentials = self.credentials() if again else UNSET
        return Introduction(self.key, self.who, self.name, self.user_id, credentials)

    def credentials(self) -> dict[str, Credentials]:
        """Return the credentials at each desk, in full: for the own page, never for an event."""
        return {desk: session.credentials() for desk, session in self.sessions.items()}

    def reset(self) -> None:
        """Start again without credentials. Requests still under way are not published."""
        self.sessions: dict[str, CustomerSession] = {desk: self._session(desk) for desk in DESKS}
        self.sent: dict[tuple[str, str], str] = {}
        """The last op of each action at each desk, to be sent again."""

    def _session(self, desk: str) -> CustomerSession:
        def on_event(event: LiveEvent) -> None:
            if isinstance(event, Exchange) and self.sessions[desk] is session:
                kept = kept_exchange(event)
                aside, due = session.aside, session.due_cents
                self._publish(from_exchange(kept, desk, self.who, aside=aside, due_cents=due))

        record = Record(
            f"{self.who}-{desk}", on_event, keep=MOST_REMEMBERED, numbers=self._numbers[desk]
        )
        identity, leaked_key = (self.user_id, self.name), self._leaked_keys.get(desk, "")
        session = CustomerSession(record, identity, lambda: self._pool(desk), leaked_key)
        return session

    def _pool(self, desk: str) -> ServerPool:
        try:
            return self._pools[desk]
        except KeyError:
            raise LabError(f"the {desk} desk is not open now: try again in a moment") from None
