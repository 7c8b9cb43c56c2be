"""What follows from the plays is written into the report."""

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation, Ref, plain
from lab.check.document import document
from lab.check.evidence import Evidence
from lab.check.judge import FRESH, Level, Report, Reproducer
from lab.check.trace import Trace
from lab.core.http import Answer

SESSION = ("/poll?sid=", Ref(0, "match:sid=(.*)", "s1"))


def test_call_whose_needs_were_not_searched_for_names_one_of_its_route():
    calls = (Call("GET", plain("/open")), *(Call(m, SESSION) for m in ("POST", "GET", "POST")))
    evidence = Evidence(ResponseComparator(frozenset()), Report(Level.UNKNOWN, ""))
    ok, lost = Answer(200), Answer(400)
    evidence.begin(Conversation(calls), Trace(calls=list(calls), answers=[ok] * 4))
    answers = [ok, lost, lost, lost]
    play = Trace(calls=list(calls), answers=answers, sent={0, 1, 2, 3})
    evidence.add(FRESH, Level.PROCESS, lambda: play)
    evidence.proven[1] = Reproducer((0, 1), False, (), 3, 3)
    evidence.judge()
    found = [(each.needs, each.like) for each in evidence.report.findings]
    assert found == [(None, None), ((0,), None), (None, None), (None, 1)]
    made = document(evidence.report)
    assert [each.like for each in made.calls] == [None, None, None, 2]
