"""Limits the requests that wait for the desks at one time.

No browser can take all places, and the instructor's places are reserved.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from lab.console.places import Watcher
from lab.core.errors import LabError

MOST_ACTS = 24  # acts under way of all customers but the instructor's
MOST_ACTS_OF_ONE_CLIENT = 8  # clients without an id of a browser count as one client
MOST_ACTS_OF_INSTRUCTOR = 4
PLACE_TIMEOUT_S = 0.1  # short: a client that waits for a place holds a thread, too


class ActPlaces:
    """The places at the desks; an act holds one until it ends."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._of_instructor = 0
        self._changed = threading.Condition()

    @contextmanager
    def place(self, client: Watcher, timeout_s: float = PLACE_TIMEOUT_S) -> Iterator[None]:
        """Hold a place; LabError, which says who has the places, if none becomes free in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._full(client), timeout_s):
                raise LabError(f"{self._full(client)}: try again in a moment")
            self._count(client, 1)
        try:
            yield
        finally:
            with self._changed:
                self._count(client, -1)
                self._changed.notify_all()

    def _full(self, client: Watcher) -> str:
        """Say why there is no place for this client now; "" if there is one."""
        if client.instructor:
            is_full = self._of_instructor >= MOST_ACTS_OF_INSTRUCTOR
            return "your other requests are waiting for the desks" if is_full else ""
        if self._taken[client.id] >= MOST_ACTS_OF_ONE_CLIENT:
            return f"{MOST_ACTS_OF_ONE_CLIENT} requests of this browser are waiting for the desks"
        is_full = self._taken.total() >= MOST_ACTS
        return f"{MOST_ACTS} requests are waiting for the desks" if is_full else ""

    def _count(self, client: Watcher, change: int) -> None:
        if client.instructor:
            self._of_instructor += change
            return
        self._taken[client.id] += change
        if not self._taken[client.id]:
            del self._taken[client.id]
