"""The line of a customer's orders at one desk: one is carried out at a time, in their order."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from lab.core.errors import LabError

MOST_IN_LINE = 4  # orders of one customer that may wait: more would hold threads that others need
TURN_TIMEOUT_S = 60.0  # longer than nine tries at a paused server take


class WaitingLine:
    """Makes each order wait for the orders before it; thread-safe."""

    def __init__(self) -> None:
        self._line: deque[object] = deque()
        self._moved = threading.Condition()

    def __len__(self) -> int:
        return len(self._line)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the turn during the block; LabError if the line is too long, or does not move."""
        ticket = object()
        with self._moved:
            if len(self._line) >= MOST_IN_LINE:
                raise LabError(
                    "this customer has orders waiting at this desk: wait for their responses"
                )
            self._line.append(ticket)
            if not self._moved.wait_for(lambda: self._line[0] is ticket, TURN_TIMEOUT_S):
                self._line.remove(ticket)
                raise LabError("this customer is still waiting at this desk: try again later")
        try:
            yield
        finally:
            with self._moved:
                self._line.popleft()
                self._moved.notify_all()
