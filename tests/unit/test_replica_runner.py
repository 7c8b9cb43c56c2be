"""What a client of replicas sends and keeps, through the one place that sends."""

from lab.check.budget import Budget
from lab.check.conversation import Call, Conversation, plain
from lab.check.replicas import runner as runner_module
from lab.check.replicas.replica import replica
from lab.check.replicas.runner import ReplicaRunner
from lab.core.http import Answer, Headers


def test_replicas_are_asked_and_counted_by_their_own_player(monkeypatch):
    target = replica("A", "http://10.0.0.7:8080/shop", "--url")
    asked = []

    def send(address, request, cookies, timeout_s, **more):
        asked.append((address.port, request.url))
        return Answer(200, Headers([("link", "//10.0.0.7:8080/next")]), b"at //10.0.0.7:8080/")

    monkeypatch.setattr(runner_module, "send", send)
    runner = ReplicaRunner(Budget(), 5.0)
    trace = runner.on(Conversation((Call("GET", plain("/cart")),)), target)
    assert asked == [(8080, "/cart")]
    assert runner.requests == {"A": 1}
    assert trace.answers[0].content == b"at //127.0.0.1:PORT/"
