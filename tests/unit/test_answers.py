"""Every script is handed the same type of answer: each name means the same in all of them."""

import json
from inspect import isfunction
from typing import get_type_hints

import msgspec
import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from lab.check.sources.script import Http
from lab.core.http import Answer, Headers, ReadTimedOut, TransportError, WithAnswer
from lab.evidence.exchange import Exchange, outcome_of
from lab.evidence.shopper import Shopper
from lab.exercises.declare import NotMet
from lab.exercises.exchange import HttpExchange
from lab.exercises.service import Service

OF_REQUESTS = {
    *("status_code", "ok", "headers", "content", "text", "json", "elapsed", "cookies"),
    "raise_for_status",
}
ALIASES = {"status", "body"}
OF_THE_LAB = {"error", "failure", "header", "is_json"}
OF_THE_CHECK = {"elapsed_s", "complete", "events"}  # of a stream that was left, and a time to add
CLIENTS = (Shopper, Http, Service)  # what `lab run` and `lab crowd`, `lab check`, exercises give

ANSWERS = {
    "json": Answer(
        201,
        Headers([("Set-Cookie", "a=1; Path=/"), ("Content-Type", "application/json")]),
        b'{"cart": [1, null]}',
        elapsed_s=0.25,
    ),
    "null": Answer(200, content=b" null\n"),
    "text": Answer(503, Headers([("Retry-After", "1")]), b"<h1>\xff</h1>", elapsed_s=2.0),
    "deep": Answer(200, content=b"[" * 101 + b"]" * 101),
    "empty": Answer(204),
    "none": Answer(None, failure=ReadTimedOut("ReadTimeout"), elapsed_s=5.0),
}


def of_run(answer):
    return Exchange(
        op="x-1", customer="123", method="GET", path="/", target=None, at_s=0.0,
        elapsed_ms=answer.elapsed_s * 1000, status=answer.status,
        outcome=outcome_of("GET", answer.status), request_headers={}, request_body=b"",
        response_headers=dict(answer.headers.pairs), response_body=answer.content,
        error=answer.error, failure=answer.failure,
    )  # fmt: skip


def of_exercise(answer):
    sent = requests.Request("GET", "http://127.0.0.1:1/").prepare()
    return HttpExchange(1, "/", sent, answer, str)


WRAPPED = {Exchange: of_run, HttpExchange: of_exercise}


def is_answer(kind):
    return isinstance(kind, type) and (hasattr(kind, "status_code") or hasattr(kind, "status"))


def handed_by(client):
    """Return the types of answer that the methods of a client return."""
    methods = [each for name, each in vars(client).items() if isfunction(each) and name[0] != "_"]
    return {kind for each in methods if is_answer(kind := get_type_hints(each).get("return"))}


def test_answer_has_the_names_of_requests_and_two_aliases():
    names = {*dir(Answer), *Answer.__dataclass_fields__}
    public = {name for name in names if not name.startswith("_")}
    assert public == OF_REQUESTS | ALIASES | OF_THE_LAB | OF_THE_CHECK
    assert {*dir(requests.Response())} >= OF_REQUESTS


def test_client_of_every_kind_of_script_returns_that_type():
    handed = [handed_by(client) for client in CLIENTS]
    assert handed == [{Exchange}, {Answer}, {HttpExchange}]
    assert {*WithAnswer.__subclasses__()} == WRAPPED.keys()


@pytest.mark.parametrize("name", sorted(OF_REQUESTS | ALIASES | OF_THE_LAB))
@pytest.mark.parametrize("kind", WRAPPED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_name_means_the_same_everywhere(answer, kind, name):
    wrapped = WRAPPED[kind](answer)
    assert outcome(wrapped, name) == outcome(answer, name)


def outcome(answer, name):
    """Return what a name of an answer gives, or the kind of error that it raises."""
    try:
        value = getattr(answer, name)
        return value(*("Retry-After",) * (name == "header")) if callable(value) else value
    except NotMet:  # a check of an exercise fails at once, with what a student reads
        return None if name in ("status", "status_code") else ValueError
    except TransportError as error:
        return type(error)
    except ValueError:
        return ValueError


@given(st.binary())
@example(b'{"a": NaN, "b": 1e400}')
@example(b'"\\ud800"')
@example(b"9" * 4000)
@example('"ü"'.encode("utf-16"))
@example(b'\xef\xbb\xbf{"a": 1}')
@example(b"[" * 100_000)
def test_body_is_the_json_that_python_reads(text):
    try:
        expected = json.loads(text)
    except (ValueError, RecursionError):
        expected = None
    assert repr(Answer(200, content=text).body) == repr(expected)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_body_of_json_is_its_value(value):
    answer = Answer(200, content=json.dumps(value).encode())
    assert repr(answer.body) == repr(json.loads(answer.content)) and answer.is_json


@pytest.mark.parametrize(("levels", "is_read"), [(100, True), (101, False)])
def test_body_of_more_than_a_hundred_levels_is_text(levels, is_read):
    text = b"[" * levels + b"]" * levels
    assert msgspec.json.decode(text) is not None
    assert (Answer(200, content=text).body is not None) is is_read
