"""Ends a presentation when its browser has gone, so that pages stop following it."""

import threading
import time
from collections.abc import Callable, Collection

from lab.console.events import LessonEvent

LEASE_S = 15.0  # a reload, or a network that comes back, is quicker
OVER = "over"
_LOOK_S = 2.0


class Presentation:
    """The current presenter; `watching` returns the browsers that have a page open.

    `end` is called once with the event that says it is over.
    """

    def __init__(
        self,
        watching: Callable[[], Collection[str]],
        end: Callable[[LessonEvent], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watching, self._end, self._clock = watching, end, clock
        self._changing = threading.Lock()
        self._at: LessonEvent | None = None
        self._browser = ""
        self._seen_s = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presentation", daemon=True)

    def go_on(self, event: LessonEvent, browser: str) -> None:
        """Note where the presenter is. Without a browser, as from a terminal, there is no lease."""
        with self._changing:
            self._at = event if browser and event.state != OVER else None
            self._browser, self._seen_s = browser, self._clock()

    def look(self) -> None:
        """End the presentation if its browser has had no page open for the time of the lease."""
        with self._changing:
            at = self._at
            if at is None:
                return
            if self._browser in self._watching():
                self._seen_s = self._clock()
            if self._clock() - self._seen_s < LEASE_S:
                return
            self._at = None
        self._end(LessonEvent(chapter=at.chapter, state=OVER))

    def start(self) -> None:
        """Begin to check whether the presenter's browser is there."""
        self._thread.start()

    def close(self) -> None:
        """Stop checking, and wait for the thread."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(_LOOK_S):
            self.look()
