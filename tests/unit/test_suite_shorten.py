"""The search for the pair of requests, against services that are played by a few lines."""

import math

import pytest

from lab.check.suite.exchanges import SuiteExchange, Switch
from lab.check.suite.rerun import FAILED, PASSED, RerunResult
from lab.check.suite.shorten import (
    NO_REQUEST,
    NO_TIME,
    NOT_ALONE,
    NOT_AMONG_FIRST,
    NOT_SHOWN,
    PairSearch,
)
from lab.core.errors import LabError

CART = ("POST /login", "GET /products", "POST /cart", "GET /cart")
NEEDS = {"POST /cart": "POST /login", "GET /cart": "POST /cart"}


class Suite:
    """Tests by name, each a list of requests; a process answers 200 where it had what is needed."""

    def __init__(self, tests, needs=NEEDS, fails=lambda statuses: 404 in statuses, body=b"{}"):
        self.tests, self.needs, self.fails, self.body = tests, needs, fails, body
        self.reruns = []

    def run(self, names, choose):
        result = RerunResult(exchanges=[], outcomes={})
        had = {}
        for name in names:
            statuses = []
            for request in self.tests[name]:
                number = len(result.exchanges)
                process = choose(number)
                seen = had.setdefault(process, set())
                needed = self.needs.get(request)
                status = 200 if needed is None or needed in seen else 404
                if status == 200:
                    seen.add(request)
                statuses.append(status)
                body = self.body(number, len(self.reruns)) if callable(self.body) else self.body
                made = SuiteExchange(name, process, *request.split(), status=status, body=body)
                result.exchanges.append(made)
            result.outcomes[name] = FAILED if self.fails(statuses) else PASSED
        return result

    def __call__(self, names, switch):
        self.reruns.append((tuple(names), switch))
        return self.run([each for each in self.tests if each in names], switch.process)

    def sort(self, until=math.inf):
        seen = self.run(self.tests, lambda number: number % 3)
        failed = [name for name, outcome in seen.outcomes.items() if outcome == FAILED]
        return PairSearch(self, list(self.tests), seen.exchanges, until).sort(failed)


def titles(finding):
    return [each and each.title for each in (finding.wrote, finding.missed)]


def test_pair_is_the_request_that_wrote_and_the_one_that_missed_it():
    (finding,) = Suite({"kept": CART}).sort().findings
    assert titles(finding) == ["POST /login", "POST /cart"]
    assert str(finding.difference) == "status: 200 became 404"
    assert finding.seen == 2


def test_pair_is_searched_for_where_no_status_shows_it():
    """The last answer has another body, and only that fails the test."""
    suite = Suite({"kept": ("PUT /a", "GET /b", "PUT /c", "GET /d", "GET /e")})
    answers = suite.run

    def run(names, choose):
        found = answers(names, choose)
        wrote, read = found.exchanges[2], found.exchanges[4]
        read.body = b'{"c": 1}' if wrote.process == read.process else b'{"c": 0}'
        found.outcomes["kept"] = PASSED if read.body == b'{"c": 1}' else FAILED
        return found

    suite.run = run
    (finding,) = suite.sort().findings
    assert titles(finding) == ["PUT /c", "GET /e"]
    assert str(finding.difference) == "/c: 1 became 0"


def test_value_that_varies_by_itself_is_no_difference():
    suite = Suite({"kept": CART}, body=lambda number, run: b'{"id": %d}' % (100 * run + number))
    (finding,) = suite.sort().findings
    assert titles(finding) == ["POST /login", "POST /cart"]


def test_tests_with_the_same_changed_answer_are_searched_for_once():
    suite = Suite({"one": CART, "two": CART[2:], "three": CART, "health": ("GET /products",)})
    suite.tests["two"] = ("POST /login", "POST /cart")
    found = suite.sort()
    assert [each.tests for each in found.findings] == [("one", "two", "three")]
    assert {names for names, switch in suite.reruns if switch != Switch()} == {("one",)}


def test_test_that_fails_on_one_process_too_is_no_finding():
    found = Suite({"broken": ("GET /cart",)}, fails=lambda statuses: True).sort()
    assert (found.findings, found.on_one_too) == ([], ["broken"])


def test_test_that_needs_an_earlier_one_is_found_after_it():
    found = Suite({"login": ("POST /login",), "add": ("GET /products", "POST /cart")}).sort()
    (finding,) = found.findings
    assert (finding.tests, finding.after) == (("add",), ["login"])
    assert titles(finding) == ["POST /login", "POST /cart"]


def test_test_that_needs_several_switches_is_not_explained():
    """Only a request between two others, on another process, changes what the last answers."""

    def fails(statuses):
        return False

    suite = Suite({"stale": CART}, needs={}, fails=fails)
    seen = suite.run(suite.tests, lambda number: number % 3)
    search = PairSearch(suite, ["stale"], seen.exchanges, math.inf)
    (finding,) = search.sort(["stale"]).findings
    assert (finding.why, finding.wrote) == (NOT_SHOWN, None)


def test_failure_that_is_not_seen_again_is_not_explained():
    suite = Suite({"kept": CART})
    first = []

    def run_once(names, choose):
        found = Suite.run(suite, names, choose)
        if first:
            found.outcomes = dict.fromkeys(found.outcomes, PASSED)
        first.append(names)
        return found

    suite.run = run_once
    (finding,) = suite.sort().findings
    assert (finding.why, finding.wrote) == (NOT_SHOWN, None)


def test_first_kinds_of_failure_alone_are_searched():
    tests = {name: (f"POST /{name}", f"GET /{name}") for name in "abcdefg"}
    suite = Suite(tests, needs={read: wrote for wrote, read in tests.values()})
    found = suite.sort().findings
    assert [each.why for each in found] == [""] * 5 + [NOT_AMONG_FIRST] * 2


def test_no_search_begins_when_the_time_is_up():
    (finding,) = Suite({"kept": CART}).sort(until=0.0).findings
    assert finding.why == NO_TIME


@pytest.mark.parametrize("requests", [(), ("GET /cart",)])
def test_test_with_fewer_than_two_requests_is_not_searched(requests):
    suite = Suite({"odd": requests}, needs={})
    search = PairSearch(suite, ["odd"], [], math.inf)
    (finding,) = search.sort(["odd"]).findings
    assert finding.why == NO_REQUEST


def test_test_that_passes_only_after_unknown_others_is_not_searched():
    suite = Suite({"login": ("POST /login",), "add": ("GET /products", "POST /cart")})
    search = PairSearch(suite, ["login", "add"], [], math.inf)
    found = search.sort(["login", "add"])
    assert NOT_ALONE in [each.why for each in found.findings]


def test_ctrl_c_leaves_what_was_found():
    suite = Suite({"one": CART, "two": ("POST /login", "GET /cart")})
    answers = suite.run

    def run(names, choose):
        if len(suite.reruns) > 4 and "two" in names:
            raise KeyboardInterrupt
        return answers(names, choose)

    suite.run = run
    found = suite.sort()
    assert [each.tests for each in found.findings] == [("one",)]
    assert found.trouble == "stopped by Ctrl-C"


def test_trouble_of_a_rerun_is_said():
    def broken(names, switch):
        raise LabError("no pytest here")

    found = PairSearch(broken, ["kept"], [], math.inf).sort(["kept"])
    assert (found.findings, found.trouble) == ([], "no pytest here")
