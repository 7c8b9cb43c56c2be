"""Limits the open pages: each has a place, and no client can take the places of others.

Clients that did not introduce themselves (curl, scripts) share a few places. A page has an id
of its own, and gets a place as long as any client has more than one. The instructor's places
are reserved.
"""

from collections import Counter
from dataclasses import dataclass, field

from lab.core.errors import LabError

MOST_STREAMS = 600
MOST_OF_ONE_CLIENT = 6  # a browser opens no more connections to one origin
MOST_OF_STRANGERS = 12
MOST_OF_INSTRUCTOR = 16


class Full(LabError):
    """No place is free for this page."""


@dataclass(frozen=True)
class Watcher:
    """A client with an event stream; `id` is "" if it did not introduce itself."""

    id: str = ""
    instructor: bool = False

    @property
    def most(self) -> int:
        """How many streams the client may have."""
        if self.instructor:
            return MOST_OF_INSTRUCTOR
        return MOST_OF_ONE_CLIENT if self.id else MOST_OF_STRANGERS

    @property
    def _key(self) -> tuple[bool, str]:
        return self.instructor, "" if self.instructor else self.id


@dataclass
class Places:
    """The places and their clients; at most `most`, not counting the instructor's."""

    most: int = MOST_STREAMS
    _taken: dict[object, Watcher] = field(default_factory=dict, init=False)

    def take(self, stream: object, client: Watcher) -> object | None:
        """Give `stream` a place; return another stream that has lost its own, None mostly.

        Raise Full, which says what to do, if there is none.
        """
        count = Counter(each._key for each in self._taken.values())
        if count[client._key] >= client.most:
            raise Full(f"{client.most} pages are open: close one, then reload this one")
        displaced = None
        if not client.instructor and self._public() >= self.most:
            displaced = self._spare(count, client)
            self.leave(displaced)
        self._taken[stream] = client
        return displaced

    def leave(self, stream: object) -> None:
        """Free the place of `stream`, if it has one."""
        self._taken.pop(stream, None)

    def browsers(self) -> frozenset[str]:
        """Return the ids of the clients that have a stream now; may be asked from any thread."""
        return frozenset(each.id for each in list(self._taken.values()) if each.id)

    def __len__(self) -> int:
        return len(self._taken)

    def _public(self) -> int:
        return sum(not each.instructor for each in self._taken.values())

    def _spare(self, count: Counter[tuple[bool, str]], client: Watcher) -> object:
        """Return the newest stream of the client with most, if it has more than `client` would."""
        shared = {key: n for key, n in count.items() if not key[0]}
        key = max(shared, key=lambda each: shared[each])
        if not client.id or shared[key] <= count[client._key] + 1:
            raise Full(f"{self.most} pages watch, and no more can: try again later")
        return next(each for each in reversed(self._taken) if self._taken[each]._key == key)
