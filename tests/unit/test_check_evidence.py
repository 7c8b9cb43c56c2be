"""What follows from the plays is written into the report."""

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation, Ref, plain
from lab.check.document import document
from lab.check.evidence import Evidence
from lab.check.judge import Level, Report, Reproducer
from lab.check.play_name import FRESH
from lab.check.prover import Proof
from lab.check.settle import Settlement
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


def test_each_part_of_a_service_is_proven_before_more_of_one():
    """The first proof of a part is confirmed; others of the same part are only shown once."""
    topics = ["calls", "calls", "calls", "lists"]
    calls = tuple(
        Call("POST", plain(f"/{n}"), origin=str(n), topic=topic) for n, topic in enumerate(topics)
    )
    evidence = Evidence(ResponseComparator(frozenset()), Report(Level.UNKNOWN, ""))
    evidence.begin(Conversation(calls), Trace(calls=list(calls), answers=[Answer(200)] * 4))
    lost = Trace(calls=list(calls), answers=[Answer(404)] * 4, sent={0, 1, 2, 3})
    evidence.add(FRESH, Level.PROCESS, lambda: lost)
    evidence.judge()
    asked = []

    class Proven:
        def prove(self, finding, confirm):
            asked.append((finding.index, confirm))
            return Proof.FOUND, Reproducer((finding.index,), False, finding.differences, 3, 3)

    Settlement(None, evidence, evidence.judge, Proven, lambda line: None).run()
    assert asked == [(0, True), (3, True), (1, False)]
    assert [*evidence.report.proofs] == [0, 3, 1]
    assert evidence.report.reproducer.calls == (0,)


def test_operations_of_one_path_are_routes_of_their_own():
    """JSON-RPC and GraphQL send everything to one path."""
    body = '{{"jsonrpc": "2.0", "id": {}, "method": "{}", "params": {}}}'
    sent = [(1, "tools/list", "{}"), (2, "tools/list", "{}"), (3, "resources/read", '{"uri": "a"}')]
    calls = [Call("POST", plain("/mcp"), (), plain(body.format(*each))) for each in sent]
    assert [call.route for call in calls] == [
        "POST /mcp tools/list",
        "POST /mcp tools/list",
        "POST /mcp resources/read a",
    ]
