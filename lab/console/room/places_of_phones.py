"""Which phones are in the room: each id once, and a fair share for each network address."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from lab.console.admission import MayGiveWay, first_to_leave

MOST_PHONES = 600


class Placed(MayGiveWay, Protocol):
    """A phone in the room, and the facts that decide whether it keeps its place."""

    id: str
    number: int
    address: str
    """The address it last used: kept in memory only, never shown or written."""


P = TypeVar("P", bound=Placed)


class PhonePlaces(Generic[P]):
    """The phones by id. Numbers begin at 1 and are never given twice."""

    def __init__(self, most: int = MOST_PHONES) -> None:
        self._most = most
        self._by_id: dict[str, P] = {}
        self.numbers_given = 0

    def __iter__(self) -> Iterator[P]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, id: str) -> P | None:
        """Return the phone with this id, None if it has no place."""
        return self._by_id.get(id)

    def admit(self, make: Callable[[int], P], address: str) -> P | None:
        """Give a place to a newcomer; None if the room is full and its address has its share."""
        if len(self._by_id) >= self._most:
            gone = self._gives_way(address)
            if gone is None:
                return None
            self.remove(gone)
        self.numbers_given += 1
        phone = make(self.numbers_given)
        self._by_id[phone.id] = phone
        return phone

    def remove(self, phone: P) -> None:
        """Take away a phone's place."""
        self._by_id.pop(phone.id, None)

    def _gives_way(self, address: str) -> P | None:
        """Return a phone of the address with most phones, if that has more than this one gets."""
        shares = Counter(each.address for each in self._by_id.values())
        richest, most = shares.most_common(1)[0]
        if most <= shares[address] + 1:
            return None
        return first_to_leave(each for each in self._by_id.values() if each.address == richest)
