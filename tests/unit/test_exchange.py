"""One exchange: its outcome is honest, and what it says of itself is what was sent."""

import pytest

from lab.core.http import ConnectionRefused, ReadTimedOut
from lab.evidence.exchange import Exchange, OpStatus, outcome_of

OK, FAILED, UNKNOWN = OpStatus.OK, OpStatus.FAILED, OpStatus.UNKNOWN
READS = ["GET", "HEAD", "OPTIONS", "TRACE"]
WRITES = ["POST", "PUT", "PATCH", "DELETE"]


def exchange(method="GET", path="/api/cart", status=200, body=b"", headers=None, **more):
    fields = {
        "op": "x-1",
        "customer": "123",
        "target": None,
        "at_s": 0.0,
        "elapsed_ms": 1.0,
        "outcome": outcome_of(method, status),
        "request_headers": {},
        "request_body": b"",
        **more,
    }
    return Exchange(
        method=method,
        path=path,
        status=status,
        response_headers=headers or {},
        response_body=body,
        **fields,
    )


@pytest.mark.parametrize("method", READS + WRITES)
@pytest.mark.parametrize("status", [200, 201, 204, 302, 304])
def test_answer_below_400_is_ok(method, status):
    assert outcome_of(method, status) is OK


@pytest.mark.parametrize("method", READS + WRITES)
@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 431, 499])
def test_refusal_is_a_failure_and_is_known(method, status):
    assert outcome_of(method, status) is FAILED


@pytest.mark.parametrize("status", [None, 500, 502, 503, 504])
def test_write_that_broke_on_the_way_may_have_been_carried_out(status):
    for method in WRITES:
        assert outcome_of(method, status) is UNKNOWN, method
    for method in READS:
        assert outcome_of(method, status) is FAILED, method


@pytest.mark.parametrize("method", READS + WRITES)
def test_request_that_never_left_the_client_has_failed(method):
    assert outcome_of(method, None, sent=False) is FAILED


@pytest.mark.parametrize("method", READS + WRITES)
def test_write_is_what_is_not_safe(method):
    assert exchange(method).is_write is (method in WRITES)


@pytest.mark.parametrize(
    ("status", "answered"),
    [(200, True), (401, True), (500, True), (503, True), (502, False), (504, False), (None, False)],
)
def test_balancer_that_speaks_for_a_dead_server_is_no_answer(status, answered):
    assert exchange(status=status).answered is answered


def test_headers_are_found_whatever_their_case():
    answered = exchange(headers={"X-Served-By": "B", "x-instance": "abc"})
    assert (answered.served_by, answered.instance) == ("B", "abc")
    unanswered = exchange(status=None)
    assert (unanswered.served_by, unanswered.instance) == (None, None)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"[1]", [1]),
        (b"", None),
        (b"<html>", None),
        (b"\xff\xfe\xfd", None),
        (b"[" * 100_000, None),
    ],
    ids=["object", "list", "empty", "html", "bytes", "too deep"],
)
def test_body_is_its_json_or_none(body, value):
    assert exchange(body=body).body == value


def test_bytes_are_counted_as_they_travel():
    sent = exchange("POST", "/é", request_headers={"A": "bc"}, request_body=b"1234")
    assert sent.bytes_sent == len("POST /é HTTP/1.1\r\nA: bc\r\n\r\n1234".encode())
    got = exchange(status=200, headers={"A": "bc"}, body=b"12")
    assert got.bytes_received == len(b"HTTP/1.1 200 OK\r\nA: bc\r\n\r\n12")
    assert exchange(status=None).bytes_received == 0


def test_credentials_stay_out_of_its_repr():
    text = repr(exchange(request_headers={"Authorization": "Bearer s3cret"}, body=b"s3cret"))
    assert "s3cret" not in text


def test_exchange_has_the_names_of_requests_and_the_readable_ones():
    headers = {"Content-Type": "application/json", "X-Served-By": "B"}
    it = exchange(status=201, headers=headers, body='{"a": "ü"}'.encode())
    assert (it.status_code, it.json(), it.text) == (201, {"a": "ü"}, '{"a": "ü"}')
    assert (it.status, it.body, it.content) == (201, {"a": "ü"}, it.response_body)
    assert it.headers["x-served-by"] == it.headers["X-SERVED-BY"] == "B"
    assert it.elapsed.total_seconds() == it.elapsed_ms / 1000
    it.raise_for_status()
    with pytest.raises(ValueError, match="404"):
        exchange(status=404).raise_for_status()
    with pytest.raises(ValueError):
        exchange(body=b"<html>").json()
    assert exchange(body=b"<html>").body is None


@pytest.mark.parametrize("failure", [ConnectionRefused("x"), ReadTimedOut("x")])
def test_exchange_without_an_answer_raises_why(failure):
    it = exchange(status=None, failure=failure, error=str(failure))
    assert (it.status_code, it.content, it.text, it.answered) == (None, b"", "", False)
    with pytest.raises(type(failure)):
        it.raise_for_status()
