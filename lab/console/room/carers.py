"""Restores all carts of the room on a new stage, and reads them after a fault."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from lab.console.room.phone import RoomPhone
from lab.core.errors import LabError

PUT_BACK = "put back"
CARING_HANDS = 12  # requests of the room at once
PUT_BACK_S = 12.0  # a stage waits no longer for the room's carts; the rest follow

_log = logging.getLogger(__name__)


class Carers:
    """One thread that takes one task at a time, and a few hands that help it.

    A task that comes while another is under way begins after it; two of a kind are one.
    """

    def __init__(
        self,
        present: Callable[[], list[RoomPhone]],
        alive: Callable[[], Mapping[str, list[str]]],
    ) -> None:
        """`present` returns the phones, `alive` the servers of each desk that may have a cart."""
        self.hands = ThreadPoolExecutor(CARING_HANDS, thread_name_prefix="room")
        self._own_hands = ThreadPoolExecutor(CARING_HANDS, thread_name_prefix="carers")
        self._present, self._alive = present, alive
        self._changed = threading.Condition()
        self._wanted: dict[str, bool] = {}  # PUT_BACK, "look", "visit": in this order
        self._done = 0
        self._busy = ""
        self._stages = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="carers", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> str:
        """What the room does for all phones now; "" if nothing."""
        return self._busy

    def put_back(self) -> None:
        """Give all phones new customers and fill their carts again; return when that is done."""
        phones = self._present()
        for phone in phones:
            phone.begin_anew()
        with self._changed:
            self._wanted = {PUT_BACK: True}  # earlier wishes to look are void
            self._stages += 1
            stage = self._stages
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= stage or self._closed, PUT_BACK_S)

    def look(self, *, visit: bool = False) -> None:
        """Look at all carts, soon."""
        with self._changed:
            self._wanted["visit" if visit else "look"] = True
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and wait for the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        self.hands.shutdown(cancel_futures=True)
        self._own_hands.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closed)
                if self._closed:
                    return
                task = next(each for each in (PUT_BACK, "look", "visit") if each in self._wanted)
                del self._wanted[task]
                stage = self._stages
            self._perform(task)
            with self._changed:
                if task == PUT_BACK:
                    self._done = max(self._done, stage)
                self._changed.notify_all()

    def _perform(self, task: str) -> None:
        phones = self._present()
        alive = self._alive()
        words = "put in again" if task == PUT_BACK else "looked at"
        self._busy = f"{len(phones)} carts are being {words}" if phones else ""

        def care(phone: RoomPhone) -> None:
            if self._closed or task in self._wanted or PUT_BACK in self._wanted:
                return  # the next pass includes this phone
            try:
                if task == PUT_BACK:
                    phone.put_back()
                else:
                    phone.look(alive, visit=task == "visit")
            except LabError:
                pass  # busy, or the desk is being changed: its own next press says so
            except Exception:
                _log.exception("a phone's cart was not looked after")

        try:
            list(self._own_hands.map(care, _endangered_first(phones, alive)))
        finally:
            self._busy = ""


def _endangered_first(phones: list[RoomPhone], alive: Mapping[str, list[str]]) -> list[RoomPhone]:
    """Return all phones, first those whose cart was at a server that is gone."""

    def is_safe(phone: RoomPhone) -> bool:
        mark = phone.marks()[0]
        return not mark.isupper() or mark in alive.get("stateful", ())

    return sorted(phones, key=is_safe)
