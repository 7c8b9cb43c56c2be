"""Flask-Session's Redis sessions, with 503 for a store that does not answer.

Every response has X-Store-Operations: how many commands the store executed for it.
"""

from typing import Any

from flask import Flask, Request, Response
from flask_session.base import ServerSideSession
from flask_session.redis import RedisSessionInterface

from lab.shop.errors import StoreUnavailable
from lab.shop.redis.store import must_answer, tally_of
from lab.shop.sessions import QuickSave, SessionFormat


class StoreSessionInterface(QuickSave, RedisSessionInterface):  # type: ignore[misc]
    """Raises StoreUnavailable where Flask-Session would raise the client's error."""

    def __init__(self, *what: Any) -> None:
        super().__init__(*what)
        self.serializer = SessionFormat()

    def open_session(self, app: Flask, request: Request) -> ServerSideSession:
        """Load the session, or raise StoreUnavailable."""
        tally_of(self.client).operations = 0
        with must_answer():
            return super().open_session(app, request)

    def regenerate(self, session: ServerSideSession) -> None:
        """Move the session to a fresh id, or raise StoreUnavailable."""
        with must_answer():
            super().regenerate(session)

    def save_session(self, app: Flask, session: ServerSideSession, response: Response) -> None:
        """Save the session, or raise StoreUnavailable; after a 503, do not wait a second time."""
        if response.status_code != StoreUnavailable.status:
            with must_answer():
                super().save_session(app, session, response)
        # Saving is the last operation, so the count is complete.
        response.headers["X-Store-Operations"] = str(tally_of(self.client).operations)
