"""Keeps the votes of a class over a crash of the lab; a normal end deletes them."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lab.console.room.votes import RoomVotes
from lab.core.run_folder import read_own, write_private

VOTES_FILE = "room-votes.json"
MOST_VOTES_BYTES = 5_000_000  # 600 phones, eleven questions, two rounds: 0.6 MB
SAVED_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class _KeptVotes(msgspec.Struct):
    """A room's votes; a room with another `code` has other phone ids."""

    code: str
    votes: RoomVotes


class VotesFile:
    """Keeps the votes of the room with this code in a private file below `root`."""

    def __init__(self, root: Path, code: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._code, self._clock = root / VOTES_FILE, code, clock
        self._saved_at_s = float("-inf")

    def read(self, now_s: float | None = None) -> RoomVotes:
        """Return the votes of a lab that crashed within the last day; none from another room."""
        found = read_own(self._path, MOST_VOTES_BYTES, now_s)
        try:
            kept = msgspec.json.decode(found, type=_KeptVotes) if found else None
        except (msgspec.MsgspecError, RecursionError):
            kept = None
        return kept.votes if kept and kept.code == self._code else RoomVotes()

    def save(self, votes: RoomVotes, *, soon: bool = False) -> None:
        """Write the votes; with `soon`, not if they were written within the last second."""
        if soon and self._clock() - self._saved_at_s < SAVED_EVERY_S:
            return
        self._saved_at_s = self._clock()
        try:
            partial = self._path.with_suffix(".part")
            write_private(partial, msgspec.json.encode(_KeptVotes(self._code, votes)).decode())
            partial.replace(self._path)
        except OSError as error:  # a full disk: the class goes on
            _log.warning("the votes are not kept over a crash: %s", error)

    def delete(self) -> None:
        """Delete the file."""
        self._path.unlink(missing_ok=True)
