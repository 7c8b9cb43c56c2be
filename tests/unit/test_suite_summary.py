"""What is printed of a suite's run: what failed and why, how much was asked, and no credential."""

from lab.check.differences import Difference
from lab.check.suite.exchanges import Pairs, SuiteExchange
from lab.check.suite.shorten import NOT_SHOWN, Sorted, SuiteFinding
from lab.check.suite.summary import covered_line, found_lines

SECRET = "eyJhbGciOiJIUzI1NiIs.Zm9v.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
LOGIN = SuiteExchange("t", 0, "POST", "/login", 201)
LOOK = SuiteExchange("t", 1, "GET", f"/cart?token={SECRET}\x1b[2J", 401)
DIFFERS = Difference("status", "200", "401")


def lines(**found):
    return list(found_lines(Sorted(**found)))


def test_pair_is_printed_with_what_was_answered():
    (first, _, test, fails, wrote, missed) = lines(
        findings=[SuiteFinding(("t.py::a",), LOGIN, LOOK, DIFFERS, seen=2)]
    )
    assert first.startswith("1 test passes on one process and not on several")
    assert (test, fails.endswith("(seen 2 of 2 times):")) == ("t.py::a", True)
    assert wrote.split() == ["POST", "/login", "wrote:", "201"]
    assert missed.endswith("missed it: status: 200 became 401")


def test_text_of_a_suite_holds_no_credential_and_no_control_character():
    said = "\n".join(lines(findings=[SuiteFinding(("t",), LOOK, LOOK, DIFFERS, seen=2)]))
    assert SECRET not in said
    assert "\x1b" not in said


def test_unknown_cause_is_said():
    said = lines(
        findings=[
            SuiteFinding(("a", "b"), why=NOT_SHOWN),
            SuiteFinding(("c",), LOGIN, seen=2, after=["a"]),
        ],
        on_one_too=["d"],
        trouble="no pytest",
    )
    text = "\n".join(said)
    assert text.startswith("3 tests pass on one process")
    for part in (
        f"a\n  {NOT_SHOWN}\n  the same answer differs in 1 other:\n    b",
        "a later request  missed it: no answer differs, only the test shows it",
        "  after 1 earlier test of this run",
        "1 test fails on one process as well.",
        "--lab-reset COMMAND empties it.\n  d\n",
        "Not all could be found out: no pytest",
    ):
        assert part in text


def test_pairs_are_said_and_that_there_were_none():
    said = covered_line(2, 5, 3, Pairs(4, 6))
    assert said.startswith("5 requests of 2 tests, 3 processes; ")
    assert "4 of 6 were answered by two processes" in said
    assert covered_line(1, 1, 3, Pairs()).endswith("no test sent two requests")
