"""The votes of a class as CSV: question, first and second vote, result; nicknames only."""

import csv
import io
from collections.abc import Mapping

from lab.console.room.votes import VOTE_ROUNDS, RoomVote, RoomVotes
from lab.core.text import no_formula

VOTE_COLUMNS = ("question", "who", "first vote", "second vote", "result", "count")
BY_HANDS = "(show of hands)"


def votes_csv(votes: RoomVotes, names: Mapping[str, str]) -> str:
    """Return a row for each phone that voted on a question, and for each answer by hands.

    `names` are the nicknames by phone. No address and no id is in it.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    rows.writerow(VOTE_COLUMNS)
    for vote, name, chosen in votes.by_phone(names):
        said = [_text(vote, choice) for choice in (*chosen, *[None] * VOTE_ROUNDS)][:VOTE_ROUNDS]
        rows.writerow(map(no_formula, (vote.question.text, name, *said, _result(vote), "1")))
    for vote in votes.asked:
        for number, each in enumerate(vote.rounds):
            for choice, count in enumerate(each.hands or ()):
                said = [_text(vote, choice if at == number else None) for at in range(VOTE_ROUNDS)]
                cells = (vote.question.text, BY_HANDS, *said, _result(vote), str(count))
                rows.writerow(map(no_formula, cells))
    return text.getvalue()


def _text(vote: RoomVote, choice: int | None) -> str:
    return "" if choice is None else vote.question.choices[choice]


def _result(vote: RoomVote) -> str:
    if not vote.decided:
        return "(not run)"
    return _text(vote, vote.seen) or "(none of the answers)"
