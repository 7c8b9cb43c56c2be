"""HTTP archives: what is taken from a recording, and that none can do harm."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.conversation import as_bytes, recorded
from lab.check.sources.har import HarSource, parse
from lab.core.errors import LabError


def entry(path, *, host="https://shop.example", method="GET", headers=(), post=None, answer=""):
    request = {"method": method, "url": f"{host}{path}", "headers": [*headers]}
    if post:
        request["postData"] = post
    return {"request": request, "response": {"status": 200, "content": {"text": answer}}}


def har(*entries):
    return {"log": {"entries": [*entries]}}


def header(name, value):
    return {"name": name, "value": value}


def test_har_gives_these_calls():
    given = json.dumps({"token": "recorded-token-1"})
    login = entry("/login?a=1", method="POST", post={"text": '{"u":1}'}, answer=given)
    cart = entry(
        "/cart",
        headers=[
            header("Cookie", "sid=1"),
            header("Host", "x"),
            header(":path", "/"),
            header("Sec-Fetch-Mode", "cors"),
            header("Authorization", "Bearer recorded-token-1"),
        ],
    )
    other = entry("/pixel", host="https://ads.example")
    first, second = parse(har(login, other, cart)).calls
    assert (first.method, recorded(first.path), recorded(first.body)) == (
        "POST",
        "/login?a=1",
        '{"u":1}',
    )
    assert [name for name, _ in second.headers] == ["Authorization"]
    assert [ref.where for ref in second.refs()] == ["json:/token"]


def test_bodies_that_are_no_text_are_sent_as_they_were_or_refused():
    data = bytes(range(256))
    posted = {"text": base64.b64encode(data).decode(), "encoding": "base64"}
    (call,) = parse(har(entry("/", method="POST", post=posted))).calls
    assert as_bytes(recorded(call.body)) == data
    with pytest.raises(LabError, match="its body is neither text nor base64"):
        parse(har(entry("/", method="POST", post={"text": "a\ud800b"})))
    form = {"params": [header("a", "1 2"), {"name": "b"}]}
    (call,) = parse(har(entry("/", method="POST", post=form))).calls
    assert recorded(call.body) == "a=1+2&b="


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"log": None},
        {"log": {"entries": {}}},
        har(None),
        har({}),
        har({"request": 1}),
        har(entry("/", post={"text": "!", "encoding": "base64"})),
        har({**entry("/"), "response": {"status": float("inf")}}),
        har(entry("/", host="http://[")),
        har(entry("/", host="chrome-extension://x")),
    ],
)
def test_har_that_is_no_archive_is_refused(document):
    with pytest.raises(LabError):
        parse(document)


@pytest.mark.parametrize(
    ("document", "why"),
    [({}, 'it has no "log"'), ([], "something in it is of the wrong kind")],
)
def test_har_that_is_refused_lacks_what_the_message_says(document, why):
    with pytest.raises(LabError, match=f"^x.har is not an HTTP archive: {why}"):
        parse(document, "x.har")


def test_too_many_calls_are_refused():
    with pytest.raises(LabError, match="shorten it"):
        parse(har(*[entry("/")] * 501))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"{", b"[" * 100_000, b"\x89PNG", b""])
def test_har_that_is_no_json_is_refused(content, tmp_path):
    (tmp_path / "x.har").write_bytes(content)
    with pytest.raises(LabError):
        HarSource(tmp_path / "x.har").record(None)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda i: (
            st.lists(i, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["log", "entries", "request", "response", "url", "method", "headers", "status"]
                ),
                i,
            )
        ),
    )
)
def test_document_of_any_kind_is_understood_or_refused(document):
    for whole in (document, har(document), har({"request": document, "response": document})):
        with pytest.raises(LabError):
            parse(whole)
            raise LabError("understood")
