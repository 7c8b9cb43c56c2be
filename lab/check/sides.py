"""Plays on two processes that both live: which of them is asked each call."""

from collections.abc import Callable

from lab.check.conversation import Call, Conversation
from lab.check.judge import READS_WRITES, TURNS

READS = ("GET", "HEAD", "OPTIONS")
SideOf = Callable[[int, Call], int]  # which of two processes is asked a call


def side_of(play: str) -> SideOf | None:
    """Return who is asked a call in this play; None in a play of one process at a time."""
    if play == TURNS:
        return lambda index, call: index % 2
    if play == READS_WRITES:
        return lambda index, call: int(call.method in READS)
    return None


def plays_on_two(conversation: Conversation) -> list[str]:
    """Return the plays on two living processes, without one that asks the same ones as another."""
    plays: dict[tuple[int, ...], str] = {}
    for play in (TURNS, READS_WRITES):
        side = side_of(play)
        assert side is not None
        asked = [side(index, call) for index, call in enumerate(conversation.calls)]
        if len({*asked}) == 2:
            plays.setdefault(tuple(each ^ asked[0] for each in asked), play)
    return [*plays.values()]
