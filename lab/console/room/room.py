"""The room: its phones, their votes, and what of both is public."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex

from lab.console.admission import Crowded
from lab.console.orders import checked_name
from lab.console.room.carers import Carers
from lab.console.room.export import votes_csv
from lab.console.room.joining import PhoneIds, code_of, typed_code
from lab.console.room.kept_votes import VotesFile
from lab.console.room.phone import PhoneView, RoomPhone, names_of_shelf
from lab.console.room.phone_state import CartPlace
from lab.console.room.places_of_phones import MOST_PHONES, PhonePlaces
from lab.console.room.room_state import DeskOfRoom, RoomState, shown_desk, shown_vote
from lab.console.room.votes import RoomQuestion, RoomVote, RoomVotes
from lab.console.stack_state import StackState
from lab.core.errors import LabError
from lab.shop.desks import DESKS, Desk
from lab.stack.server_pool import ServerPool

MOST_CAPTION_CHARS = 200
ALIVE = ("up", "paused", "draining")


class NotInRoom(LabError):
    """The phone has no place in the room."""


class Room:
    """The phones and the votes of one class; thread-safe. A crash takes all but the votes."""

    def __init__(
        self,
        secret: str,
        pools: Mapping[str, ServerPool],
        clock: Callable[[], float] = time.monotonic,
        root: Path | None = None,
    ) -> None:
        """`secret` makes code and phone ids: the same secret after a restart, the same phones.

        Below `root` the votes outlive a crash.
        """
        self.epoch = token_hex(4)
        self.code = code_of(secret)
        self.ids = PhoneIds(secret)
        self._file = VotesFile(root, self.code) if root else None
        self.votes = self._file.read() if self._file else RoomVotes()
        self.stack: Callable[[], StackState] = lambda: StackState("", {})
        """Returns the stack under the page."""
        self._pools, self._clock = pools, clock
        self._phones: PhonePlaces[RoomPhone] = PhonePlaces(MOST_PHONES)
        self._changing = threading.Lock()
        self._caption, self._running = "", False
        self._names: dict[str, str] = {}  # everyone who was here, as the export names them
        self._carers = Carers(self._present, self._alive)

    def join(self, id: str, code: str, name: str, address: str = "") -> RoomPhone:
        """Give the phone with this id its place; a phone that comes back keeps its carts.

        LabError for an id that is another phone's: see `phone`.
        """
        name = checked_name(name)
        if typed_code(code) != self.code:
            raise LabError("this is not the room's code: read it from the wall again")
        with self._changing:
            phone = self._phones.find(id)
            if phone is None:
                phone = self._phones.admit(
                    lambda number: RoomPhone(
                        id, number, name, address, self._pools, self._in_store, self._clock
                    ),
                    address,
                )
                if phone is None:
                    raise Crowded(f"the room is full: {MOST_PHONES} phones are in it", 503, 60)
                newcomer = True
            elif phone.address == address:
                newcomer = False
            else:
                raise LabError("a phone at another address has this place: load the page again")
            self._names[id] = phone.name
        if newcomer:
            phone.come(self._carers.hands)
        return phone

    def phone(self, id: str, address: str = "") -> RoomPhone:
        """Return the phone with this id; NotInRoom if it has no place, or comes from elsewhere.

        So a copied cookie is of no use, but to a phone behind the same router.
        """
        with self._changing:
            phone = self._phones.find(id) if id else None
        if phone is None or phone.address != address:
            raise NotInRoom("this phone is not in the room: join with the code on the wall")
        return phone

    def is_elsewhere(self, id: str, address: str) -> bool:
        """Return True if a phone at another address has this id."""
        with self._changing:
            phone = self._phones.find(id)
        return phone is not None and phone.address != address

    def leave(self, id: str, address: str = "") -> None:
        """Take the phone out of the room."""
        phone = self.phone(id, address)
        with self._changing:
            self._phones.remove(phone)

    def click(self, id: str, sku: str, by: int, address: str = "") -> PhoneView:
        """Press + or − on a phone."""
        self.phone(id, address).click(sku, by, self._carers.hands)
        return self.view(id, address)

    def vote(self, id: str, choice: int, round: int, address: str = "") -> None:
        """Count a phone's vote."""
        phone = self.phone(id, address)
        with self._changing:
            phone.acted_at = self._clock()
            self.votes.current().vote(id, choice, round)
            self._save(soon=True)

    def view(self, id: str, address: str = "") -> PhoneView:
        """Return a phone as its own page shows it."""
        phone = self.phone(id, address)
        with self._changing:
            now = self.votes.now
            return phone.view(self.votes.choice_of(id), now.round if now else 0)

    def ask(self, question: RoomQuestion) -> None:
        """Ask the room a question."""
        with self._changing:
            self.votes.ask(question)
            self._save()

    def change_vote(self, change: Callable[[RoomVote], None]) -> None:
        """Open, close, show or decide the present vote."""
        with self._changing:
            change(self.votes.current())
            self._save()

    def say(self, caption: str, running: bool) -> None:
        """Show this caption; `running` while requests are under way that decide the question."""
        self._caption, self._running = caption[:MOST_CAPTION_CHARS], running

    def stage_began(self) -> None:
        """On a new stage, have all phones put their carts in again; return when they have."""
        self._carers.put_back()

    def fault_happened(self, cents: Mapping[str, int]) -> None:
        """Read all carts soon, after a fault or a restart; `cents` are the present prices."""
        for phone in self._present():
            for customer in phone.customers.values():
                customer.shopper.tracker.reprice(cents)
        self._carers.look()

    def visit(self) -> None:
        """Let all phones read their carts through the load balancer, soon."""
        self._carers.look(visit=True)

    def state(self) -> RoomState:
        """Return the public state of the room."""
        stack = self.stack()
        with self._changing:
            vote = shown_vote(self.votes.now)
            places = {desk: self._places_at(desk) for desk in DESKS}
        store = stack.store.state if stack.store else ""
        said = (self._running, self._caption, self._carers.busy)
        desks: dict[str, DeskOfRoom] = {
            desk: shown_desk(desk, stack, *places[desk]) for desk in DESKS
        }
        return RoomState(self.epoch, len(self._phones), *said, desks, store, names_of_shelf(), vote)

    def csv(self) -> str:
        """Return the votes as CSV."""
        with self._changing:
            return votes_csv(self.votes, self._names)

    def close(self) -> None:
        """Stop restoring carts; nothing of the room is kept."""
        self._carers.close()
        if self._file:
            self._file.delete()

    def _save(self, *, soon: bool = False) -> None:
        if self._file:
            self._file.save(self.votes, soon=soon)

    def _present(self) -> list[RoomPhone]:
        with self._changing:
            return list(self._phones)

    def _places_at(self, desk: Desk) -> tuple[str, int]:
        """Return a desk's `marks`, and how many carts it has lost."""
        marks = [str(CartPlace.NO_PHONE)] * self._phones.numbers_given
        for phone in self._phones:
            marks[phone.number - 1] = phone.customers[desk].mark
        return "".join(marks), sum(phone.customers[desk].has_lost for phone in self._phones)

    def _in_store(self) -> bool:
        settings = self.stack().settings.get("stateful")
        return settings is not None and settings.store != "memory"

    def _alive(self) -> dict[str, list[str]]:
        stack = self.stack()
        return {
            desk: [each.name for each in servers if each.state in ALIVE]
            for desk, servers in stack.desks.items()
        }
