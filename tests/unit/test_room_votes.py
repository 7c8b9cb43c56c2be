"""The rules of the room's votes, and their export: pure, with hostile values."""

import csv
import io
import random

import pytest

from lab.console.room.export import votes_csv
from lab.console.room.votes import Phase, RoomQuestion, RoomVote, RoomVotes
from lab.core.errors import LabError

QUESTION = RoomQuestion("the-crash", "The crash", "What is lost?", ["A", "B", "=C", "D"])


def opened():
    vote = RoomVote(QUESTION)
    vote.open()
    return vote


def test_vote_counts_each_phone_once_whatever_it_sends():
    vote = opened()
    for _ in range(200):
        vote.vote("one", 2, 1)
    vote.vote("two", 0, 1)
    assert vote.voted() == 2
    vote.close()
    vote.show()
    assert vote.histogram() == [[1, 0, 1, 0]]


def test_last_choice_of_a_phone_takes_the_place_of_the_first():
    vote = opened()
    vote.vote("one", 0, 1)
    vote.vote("one", 3, 1)
    vote.close()
    vote.show()
    assert vote.histogram() == [[0, 0, 0, 1]]


def test_vote_of_500_phones_in_any_order_with_repeats_is_what_they_chose_last():
    dice = random.Random(7)
    vote, last = opened(), {}
    for _ in range(3000):
        phone, choice = f"p{dice.randrange(500)}", dice.randrange(4)
        vote.vote(phone, choice, 1)
        last[phone] = choice
    vote.close()
    vote.show()
    assert vote.histogram() == [[list(last.values()).count(choice) for choice in range(4)]]


@pytest.mark.parametrize("choice", [-1, 4, 100, 10**30])
def test_vote_for_an_answer_that_is_not_there_is_refused(choice):
    vote = opened()
    with pytest.raises(LabError, match="4 answers"):
        vote.vote("one", choice, 1)
    assert vote.voted() == 0


def test_histogram_is_hidden_until_the_vote_is_closed_and_shown():
    vote = opened()
    vote.vote("one", 1, 1)
    assert vote.histogram() is None
    with pytest.raises(LabError, match="close the vote first"):
        vote.show()
    vote.close()
    assert vote.histogram() is None
    vote.show()
    assert vote.histogram() == [[0, 1, 0, 0]]


def test_second_vote_stands_beside_the_first_and_changes_nothing_in_it():
    vote = opened()
    vote.vote("one", 0, 1)
    vote.close()
    vote.open()
    vote.vote("one", 3, 2)
    vote.close()
    vote.show()
    assert vote.histogram() == [[1, 0, 0, 0], [0, 0, 0, 1]]
    vote.decide(3)
    assert vote.said_so() == (1, 1)


def test_vote_of_the_first_round_that_comes_late_is_not_counted_in_the_second():
    vote = opened()
    vote.close()
    vote.open()
    with pytest.raises(LabError, match="vote 2 is open: choose again"):
        vote.vote("one", 0, 1)
    assert vote.voted() == 0


def test_closed_vote_takes_nothing_more():
    vote = opened()
    vote.vote("one", 0, 1)
    vote.close()
    for round in (1, 2):
        with pytest.raises(LabError, match="closed"):
            vote.vote("one", 1, round)
    assert vote.voted() == 1


def test_no_third_vote_is_opened_and_none_after_the_run():
    vote = opened()
    vote.close()
    vote.open()
    vote.close()
    with pytest.raises(LabError, match="all 2 votes are over"):
        vote.open()
    other = opened()
    other.close()
    other.decide(None)
    with pytest.raises(LabError, match="the run has decided"):
        other.open()


def test_open_vote_is_not_opened_again_and_a_closed_one_not_closed():
    vote = opened()
    with pytest.raises(LabError, match="close it first"):
        vote.open()
    vote.close()
    with pytest.raises(LabError, match="no vote is open"):
        vote.close()


def test_run_that_ends_while_a_vote_is_open_closes_it():
    vote = opened()
    vote.vote("one", 2, 1)
    vote.decide(2)
    assert (vote.phase, vote.said_so()) == (Phase.CLOSED, (1, 1))
    assert RoomVote(QUESTION).said_so() == (0, 0)


@pytest.mark.parametrize("seen", [-1, 4])
def test_run_decides_for_an_answer_that_is_there(seen):
    with pytest.raises(LabError, match="choose one of the 4 answers"):
        opened().decide(seen)


def test_show_of_hands_takes_the_place_of_the_phones():
    vote = opened()
    vote.vote("one", 0, 1)
    vote.count_hands([3, 0, 9, 1])
    vote.show()
    assert (vote.histogram(), vote.voted()) == ([[3, 0, 9, 1]], 13)


@pytest.mark.parametrize("hands", [[], [1, 2, 3], [1, 2, 3, -1], [1, 2, 3, 10**6], [1, 2, 3, True]])
def test_show_of_hands_that_cannot_be_is_refused(hands):
    vote = opened()
    with pytest.raises(LabError):
        vote.count_hands(hands)
    assert vote.phase is Phase.OPEN


def test_question_that_is_asked_again_goes_on_and_the_next_one_closes_it():
    votes = RoomVotes()
    first = votes.ask(QUESTION)
    first.open()
    assert votes.ask(QUESTION) is first
    votes.ask(RoomQuestion("caching", "Caching", "Whose?", ["A"]))
    assert first.phase is Phase.CLOSED
    assert [each.question.chapter for each in votes.asked] == ["the-crash", "caching"]


def test_no_vote_is_opened_before_the_first_question():
    with pytest.raises(LabError, match="nothing is asked yet"):
        RoomVotes().current()


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def test_export_has_question_both_votes_and_result_and_no_id():
    votes = RoomVotes()
    vote = votes.ask(QUESTION)
    vote.open()
    vote.vote("secret-id", 0, 1)
    vote.close()
    vote.open()
    vote.vote("secret-id", 1, 2)
    vote.vote("gone", 3, 2)
    vote.decide(1)
    text = votes_csv(votes, {"secret-id": "Zoë"})
    assert rows_of(text)[1:] == [
        ["What is lost?", "Zoë", "A", "B", "B", "1"],
        ["What is lost?", "(left)", "", "D", "B", "1"],
    ]
    assert "secret-id" not in text


def test_export_has_the_hands_of_each_answer():
    votes = RoomVotes()
    vote = votes.ask(QUESTION)
    vote.open()
    vote.count_hands([5, 0, 0, 2])
    assert rows_of(votes_csv(votes, {}))[1] == [
        "What is lost?", "(show of hands)", "A", "", "(not run)", "5",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ['=HYPERLINK("x")', "+1", "-1", "@SUM(A1)", 'a"b,c\nd'])
def test_export_leaves_nothing_for_a_spreadsheet_to_calculate(name):
    votes = RoomVotes()
    vote = votes.ask(QUESTION)
    vote.open()
    vote.vote("p", 2, 1)
    cell, answer = rows_of(votes_csv(votes, {"p": name}))[1][1:3]
    assert cell.removeprefix("'") == name
    assert not cell.startswith(("=", "+", "-", "@"))
    assert answer == "'=C"
