"""Replicas that run already: the schedule of the calls, names, counters, URLs, and the verdict."""

import itertools
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import combinations, permutations, product

import pytest

from lab.check.budget import Budget
from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation, Ref, plain
from lab.check.judge import Finding, Level, Report
from lab.check.noise import Noise
from lab.check.play_name import PlayKind, PlayName
from lab.check.replicas.alone import AloneOnEach
from lab.check.replicas.asked import AskedReplicas
from lab.check.replicas.checker import ReplicaCheck
from lab.check.replicas.counters import separate_counts
from lab.check.replicas.design import certificate, schedule, shortest_schedule, splits
from lab.check.replicas.evidence import ReplicaEvidence
from lab.check.replicas.judging import level_of_replicas
from lab.check.replicas.naming import learn_names
from lab.check.replicas.replica import replica, replicas
from lab.check.replicas.restart import cuts, pairs_cut
from lab.check.replicas.runner import ReplicaRunner
from lab.check.replicas.session import ReplicaSession
from lab.check.replicas.spread import Spread, Way
from lab.check.replicas.words import says_the_same
from lab.check.session import Options
from lab.check.trace import Trace
from lab.core.errors import LabError
from lab.core.http import Answer, ConnectionRefused, Headers
from lab.processes.ports import free_ports


def talk(count):
    return [Call("GET" if n % 3 else "POST", plain("/x")) for n in range(count)]


def crossings(plays, replica_count):
    """The ways that pairs of calls went, counted one by one."""
    return {
        (one, other, play[one], play[other])
        for play in plays
        for one, other in combinations(range(len(play)), 2)
        if play[one] != play[other]
    }


@pytest.mark.parametrize(
    ("count", "among"), [*product((1, 2, 3, 5, 8, 13), (2, 3)), (24, 2), (6, 5)]
)
def test_schedule_sends_every_pair_of_calls_every_way(count, among):
    plays = schedule(talk(count), among)
    pairs = [*combinations(range(count), 2)]
    wanted = {(*pair, *two) for pair in pairs for two in permutations(range(among), 2)}
    assert crossings(plays, among) == wanted
    assert all(len(play) == count and {*play} <= {*range(among)} for play in plays)
    assert schedule(talk(count), among) == plays  # the same every time


@pytest.mark.parametrize("count", [2, 3, 6, 11, 20])
def test_schedule_leaves_out_what_plays_before_have_covered(count):
    before = splits(count)
    plays = schedule(talk(count), 2, before)
    assert len(crossings([*before, *plays], 2)) == count * (count - 1)
    assert len(plays) <= len(schedule(talk(count), 2))


@pytest.mark.parametrize(("count", "among"), [*product((1, 2, 3, 4, 9, 27, 28), (2, 3, 4))])
def test_shortest_schedule_crosses_every_pair_in_as_few_plays_as_there_can_be(count, among):
    plays = shortest_schedule(count, among)
    crossed = {way[:2] for way in crossings(plays, among)}
    assert crossed == {*combinations(range(count), 2)}
    assert among ** len(plays) >= count > (among ** (len(plays) - 1) if plays else 0)


@pytest.mark.parametrize("count", [2, 3, 5, 12])
def test_splits_never_send_the_second_replica_what_an_earlier_play_has_sent_it_before(count):
    plays = splits(count)
    assert {way[:2] for way in crossings(plays, 2)} == {*combinations(range(count), 2)}
    had = set()
    for play in plays:
        here = {index for index, side in enumerate(play) if side == 1}
        first = min(here)
        assert not {index for index in had if index < first}
        had |= here


def test_splits_of_a_long_conversation_are_some():
    assert len(splits(500)) <= 20
    assert splits(1) == []


@pytest.mark.parametrize(("count", "among"), [(1, 2), (2, 2), (4, 2), (4, 3), (6, 3)])
def test_certificate_counts_what_was_covered_and_nothing_else(count, among):
    plays = [tuple((n * 7 + k) % among for n in range(count)) for k in range(3)]
    found = certificate(plays, count, among)
    ways = crossings(plays, among)
    assert (found.pairs, found.ways) == (len({way[:2] for way in ways}), len(ways))
    assert found.of_pairs == count * (count - 1) // 2
    assert found.of_ways == found.of_pairs * among * (among - 1)


def test_certificate_counts_no_call_of_which_the_replica_is_unknown():
    assert certificate([(0, None, 1)], 3, 2).pairs == 1
    assert certificate([(None, None, None)], 3, 2).pairs == 0
    assert certificate([(0, 0, 0)], 3, 2).complete is False


def answer(status=200, body=b"{}", **headers):
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(status, Headers(pairs), body)


TWO = replicas(["http://10.0.0.7:8080", "http://10.0.0.8:8080"])


def test_header_that_each_replica_says_for_itself_names_it():
    direct = [[answer(x_served_by="a", server="s")] * 2, [answer(x_served_by="b", server="s")]]
    naming = learn_names(direct, TWO)
    assert naming.first == "x-served-by"
    assert naming.replica_of(answer(x_served_by="b")) == 1
    assert naming.replica_of(answer(x_served_by="c")) is None
    assert "as no replica did" in naming.lie(answer(x_served_by="c"))
    assert naming.replica_of(answer()) is None


def test_balancer_may_name_the_address_of_a_replica():
    naming = learn_names([[answer()], [answer()]], TWO)
    assert naming.first == ""
    assert naming.replica_of(answer(x_upstream_addr="10.0.0.8:8080")) == 1
    assert naming.replica_of(answer(x_upstream_addr="10.0.0.9:1, 10.0.0.7:8080")) == 0
    assert naming.replica_of(answer(x_served_by="cache-fra")) is None
    assert naming.lie(answer(x_served_by="cache-fra")) == ""
    asked = learn_names([[answer()], [answer()]], TWO, "X-Who")
    assert "x-who" in asked.lie(answer(x_who="nobody"))


def test_headers_that_disagree_are_a_lie():
    direct = [[answer(x_served_by="a", x_pod="p")], [answer(x_served_by="b", x_pod="q")]]
    naming = learn_names(direct, TWO)
    mixed = answer(x_served_by="a", x_pod="q")
    assert naming.replica_of(mixed) is None
    assert "disagree" in naming.lie(mixed)
    assert naming.lie(answer(x_served_by="a", x_pod="p")) == ""


@pytest.mark.parametrize(
    ("direct", "why"),
    [
        ([[answer()], [answer()]], "no replica"),
        ([[answer(x_who="a")], [answer(x_who="a")]], "the same at two replicas"),
        ([[answer(x_who="a"), answer(x_who="c")], [answer(x_who="b")]], "at A alone"),
    ],
)
def test_header_that_was_asked_for_and_names_no_replica_is_said(direct, why):
    naming = learn_names(direct, TWO, "X-Who")
    assert naming.first == ""
    assert why in naming.remarks[0]


def test_names_of_hostile_headers_are_one_line():
    naming = learn_names([[answer(x_pod="a")], [answer(x_pod="b")]], TWO)
    said = naming.lie(answer(x_pod="\x1b[2J" + "z" * 5000))
    assert len(said) < 200 and "\x1b" not in said


def rounds(*numbers):
    """By round and replica, the answers of a conversation of one call that says a number."""
    return [[{0: answer(body=b'{"n": %d}' % n)} for n in one] for one in numbers]


@pytest.mark.parametrize(
    ("numbers", "apart"),
    [
        ([(1, 1), (2, 2)], True),
        ([(5, 2), (6, 3), (7, 4)], True),
        ([(1, 2), (3, 4)], False),  # they count together
        ([(1, 1), (2, 9)], False),  # not by one and the same step: a clock, or others
        ([(3, 3), (3, 3)], False),
        ([(4, 4), (3, 3)], False),
        ([(1, 1)], False),
    ],
)
def test_number_that_each_replica_counts_for_itself(numbers, apart):
    noise = {0: Noise({"/n": {"number"}})}
    assert bool([*separate_counts(rounds(*numbers), noise)]) is apart


def test_list_that_grows_at_each_replica_is_counted_too():
    grown = [[{0: answer(body=b"[%s]" % b",".join([b"1"] * n))}] * 2 for n in (1, 2)]
    ((index, difference),) = separate_counts(grown, {0: Noise({"/-": {"number"}})})
    assert (index, difference.where) == (0, "/-")


@pytest.mark.parametrize(
    "url",
    [
        *("", "10.0.0.7:8080", "ftp://a/", "http://", "http:///x", "http://a:99999", "http://a:0"),
        *("http://u:p@a/", "http://a/?q=1", "http://a/#f", "http://[::1", "http://a b/", "http://"),
        *("http://a/\n", "http://a/\x1b[2J", "http://é/ü", "javascript:alert(1)", "http://a:x"),
    ],
)
def test_url_that_is_none_is_refused_by_its_option(url):
    with pytest.raises(LabError) as refused:
        replica("A", url, "--through")
    assert str(refused.value).startswith("--through ")
    assert "\n" not in str(refused.value) and "\x1b" not in str(refused.value)


def test_replicas_are_two_or_more_and_no_two_the_same():
    assert [each.name for each in replicas([f"http://h{n}" for n in range(9)])] == [*"ABCDEFGHI"]
    for urls in ([], ["http://a"], [f"http://h{n}" for n in range(10)]):
        with pytest.raises(LabError, match=rf"given {len(urls)} times?:"):
            replicas(urls)
    with pytest.raises(LabError, match="given twice"):
        replicas(["http://a:80/x/", "http://b", "http://a/x"])
    assert replicas(["https://a/shop/", "http://[::1]:8000"])[0].address.url == "https://a:443/shop"


@pytest.mark.parametrize("other", ["http://localhost:8001", "http://127.1:8001/"])
def test_replica_under_two_names_is_refused(other):
    with pytest.raises(LabError, match="under another name"):
        replicas(["http://127.0.0.1:8001", other])


def test_names_that_nothing_resolves_are_two():
    assert len(replicas(["http://one.invalid:8001", "http://two.invalid:8001"])) == 2


def test_command_in_between_separates_every_pair_or_some_of_very_many():
    for count in range(2, 22):
        assert cuts(count) == [*range(1, count)]
        assert pairs_cut(count) == count * (count - 1) // 2
    assert len(cuts(300)) <= 20
    assert cuts(300)[0] == 1
    separated = {
        (one, other)
        for one, other in combinations(range(300), 2)
        if any(one < cut <= other for cut in cuts(300))
    }
    assert pairs_cut(300) == len(separated)


def alike(*statuses, **more):
    return [
        Finding(n, f"GET /{n}", Level.ALIKE, status=status, **more)
        for n, status in enumerate(statuses)
    ]


def way(pairs=1, of=1):
    return Way(how="asked directly", conversations=2, pairs=pairs, of_pairs=of, ways=0, of_ways=2)


WRITES = [Call("POST", plain("/x"))]


def test_alike_is_never_called_self_contained():
    level, because = level_of_replicas(alike(200, 200), WRITES, [way()])
    assert level is Level.ALIKE
    assert "self-contained" not in f"{level} {because}"
    assert "no replica was ended or emptied" in because
    _, varies = level_of_replicas(alike(200), WRITES, [way()], varying=2)
    assert "2 places vary by themselves" in varies
    _, nothing = level_of_replicas(alike(200), talk(0), [way(0, 0)])
    assert "needed a memory" in nothing


@pytest.mark.parametrize(
    ("findings", "ways", "required", "why"),
    [
        (alike(200), [way(3, 6)], False, "3 of 6 pairs"),
        (alike(500), [way()], False, "failed on one replica"),
        (alike(None), [way()], False, "no answer"),
        (alike(401, carries=True), [way()], False, "correct the conversation"),
        (alike(200), [way()], True, "add one that does"),
    ],
)
def test_incomplete_evidence_is_unknown(findings, ways, required, why):
    calls = [] if required else WRITES
    level, because = level_of_replicas(findings, calls, ways, required=required)
    assert level is Level.UNKNOWN
    assert why in because


def test_alike_that_was_cut_short_is_unknown():
    report = Report(Level.ALIKE, "all of it")
    report.cut("stopped after 5 s")
    assert (report.level, report.because) == (Level.UNKNOWN, "stopped after 5 s")


def test_call_that_says_the_same_each_time_is_found():
    fixed = Call("POST", plain("/orders"), body=plain("k-77"))
    login = Call("POST", plain("/login"))
    token = Call("GET", plain("/me"), headers=(("X-Token", (Ref(1, "json:/token", "t1"),)),))
    one, two = (Trace() for _ in range(2))
    for trace, given in ((one, b'{"token": "t1"}'), (two, b'{"token": "t2"}')):
        for call, body in ((fixed, b"{}"), (login, given), (token, b"{}")):
            trace.sent.add(len(trace.answers))
            trace.calls.append(call)
            trace.states.append(trace.state.copy())
            trace.answers.append(answer(body=body))
    comparator = ResponseComparator(frozenset())
    comparator.learn_plays([one, two])
    conversation = Conversation((fixed, login, token))
    assert [*says_the_same(conversation, one, two, comparator)] == [0]


VISITS = itertools.count(1)


class Memory(BaseHTTPRequestHandler):
    """Remembers, by a cookie, who has logged in: in this server, or in all of them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = f"visit-number-{next(VISITS)}"
        self.server.known.add(name)
        self.reply(200, b'{"hello": "ada"}', ("Set-Cookie", f"visit={name}"))

    def do_GET(self):
        known = self.headers.get("Cookie", "").partition("=")[2] in self.server.known
        self.reply(200 if known or self.path == "/" else 401, b"{}")

    def reply(self, status, body, *headers):
        self.send_response(status)
        for name, value in (("X-Served-By", self.server.name), *headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def servers(request):
    """Two servers, with a memory of their own or with one in common (the parameter)."""
    known = set()
    started = []
    for name in ("web-1", "web-2"):
        server = HTTPServer(("127.0.0.1", 0), Memory)
        server.known, server.name = (known if request.param else set()), name
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        started.append((server, thread))
    yield [f"http://127.0.0.1:{server.server_port}" for server, _ in started]
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


class Talk:
    """A source of a conversation that was written down."""

    def record(self, send):
        calls = (Call("POST", plain("/login"), body=plain("{}")), Call("GET", plain("/me")))
        for call in calls:
            send(call)
        return Conversation(calls, "talk.http")


@pytest.mark.long  # a second has to pass between two conversations
@pytest.mark.parametrize(("servers", "level"), [(0, "REPLICA"), (1, "ALIKE")], indirect=["servers"])
def test_servers_with_a_memory_of_their_own_or_in_common(servers, level):
    said = []
    asked = AskedReplicas(replicas(servers))
    report = ReplicaCheck(asked, Talk(), budget=Budget(), say=said.append).run()
    assert report.level is Level[level], report.because
    direct = report.spread.ways[0]
    assert (direct.pairs, direct.of_pairs) == (1, 1)
    assert [each.shown_by for each in report.spread.replicas] == [
        "x-served-by: web-1",
        "x-served-by: web-2",
    ]
    assert any("POST /login" in line for line in said)
    assert sum(each.requests for each in report.spread.replicas) == report.requests
    if level == "REPLICA":
        assert report.reproducer.calls == (0, 1)
        assert report.reproducer.confirmed == 3


def replaying(report, *plays):
    """The evidence of plays of one call: on the first replica, and then those."""
    conversation = Conversation((Call("GET", plain("/x")),), "talk.http")
    first, *others = (Trace.of({0: each}) for each in plays)
    comparator = ResponseComparator(frozenset())
    alone = AloneOnEach(ReplicaRunner(Budget(), 1.0), TWO, comparator, report, str)
    evidence = ReplicaEvidence(comparator, report, alone, Spread(replicas=[]), required=False)
    for trace in (first, *others):
        trace.calls = [*conversation.calls]
    evidence.begin(conversation, first)
    return evidence, others


@pytest.mark.parametrize(
    ("seen", "through", "level"),
    [
        (Answer(None, failure=ConnectionRefused()), False, Level.UNKNOWN),
        (answer(503), False, Level.REPLICA),
        (answer(503), True, Level.UNKNOWN),
        (answer(401), True, Level.REPLICA),
        (answer(200), False, Level.ALIKE),
    ],
)
def test_replica_that_does_not_answer_is_no_state(seen, through, level):
    report = Report(Level.UNKNOWN, "")
    evidence, (other,) = replaying(report, answer(200), seen)
    if through:
        evidence.keep(PlayName(PlayKind.THROUGH, "1"), other)
    else:
        evidence.take(PlayName(PlayKind.CROSSED, "B"), lambda: other, (1,))
    evidence.judge()
    assert report.findings[0].level is level
    assert ("did not answer" in report.because) is (level is Level.UNKNOWN)


def test_replica_that_is_not_there_is_said_before_anything_is_sent():
    (port,) = free_ports(1)
    asked = AskedReplicas(replicas([f"http://127.0.0.1:{port}", "http://127.0.0.1:1"]))
    with pytest.raises(LabError, match=f"A http://127.0.0.1:{port} does not answer"):
        ReplicaCheck(asked, Talk()).run()


@pytest.mark.long
def test_plan_is_said_before_anything_but_the_recording_is_sent():
    sent = []

    class Silent(ReplicaRunner):
        def _send(self, target, call, *others):
            sent.append(call)
            return answer(body=b'{"ok": true}')

    when = []
    report = Report(Level.UNKNOWN, "")
    runner = Silent(Budget(), 1.0)
    session = ReplicaSession(
        AskedReplicas(TWO),
        Options(),
        runner,
        report,
        lambda *_: None,
        lambda *_: when.append(len(sent)),
    )
    session.run(Talk())
    assert {*when} == {4}  # each was asked whether it is there, and the recording
    assert len(sent) > 20
    assert {call.title for call in sent} == {"POST /login", "GET /me", "GET /"}
