"""What everyone in the room may see: the vote, the desks, and where all carts are."""

import msgspec

from lab.console.room.votes import RoomVote, VoteCounts
from lab.console.stack_state import StackState


class VoteState(msgspec.Struct, frozen=True):
    """The vote as everyone may see it; histograms and result are None while they are hidden."""

    chapter: str
    title: str
    text: str
    choices: list[str]
    phase: str
    round: int
    voted: int
    histogram: list[VoteCounts] | None = None
    decided: bool = False
    seen: int | None = None
    said_so: tuple[int, int] | None = None


class DeskOfRoom(msgspec.Struct, frozen=True):
    """A desk for the wall and the phones: servers as [name, state], and where the carts are.

    `marks` has a character for each phone, by number from 1: see `CartPlace`.
    """

    servers: list[tuple[str, str]]
    store: str
    affinity: str
    marks: str
    lost: int
    """Phones whose cart was lost since the stage began, also where they have begun again."""


class RoomState(msgspec.Struct, frozen=True):
    """What every phone polls. Public: numbers in the place of names."""

    epoch: str
    phones: int
    running: bool
    caption: str
    busy: str
    """What the lab does for all phones just now, "" mostly."""
    desks: dict[str, DeskOfRoom]
    store_state: str
    shelf: dict[str, str]
    vote: VoteState | None = None


def shown_desk(desk: str, stack: StackState, marks: str, lost: int) -> DeskOfRoom:
    """Return a desk as everyone may see it."""
    servers = [(each.name, each.state) for each in stack.desks.get(desk, [])]
    settings = stack.settings.get(desk)
    store, affinity = (settings.store, settings.affinity) if settings else ("", "")
    return DeskOfRoom(servers, store, affinity, marks, lost)


def shown_vote(vote: RoomVote | None) -> VoteState | None:
    """Return a vote as everyone may see it; None for none."""
    if vote is None:
        return None
    asked, shown = vote.question, vote.histogram()
    return VoteState(
        asked.chapter,
        asked.title,
        asked.text,
        asked.choices,
        vote.phase,
        vote.round,
        vote.voted(),
        shown,
        vote.decided,
        vote.seen,
        vote.said_so() if vote.decided else None,
    )
