"""What a client was given is found again in its later requests, and what it made up is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.conversation import Call, Conversation, Ref, plain, recorded
from lab.check.correlation import fill, infer, leaves, unfollowed
from lab.core import pointer
from lab.core.http import Answer, Headers


def call(path="/", body=None, **headers):
    pairs = tuple((name.replace("_", "-"), plain(value)) for name, value in headers.items())
    return Call("POST", plain(path), pairs, None if body is None else plain(body))


def answer(document=None, *headers):
    return Answer(
        200, Headers(headers), json.dumps(document).encode() if document is not None else b""
    )


def inferred(calls, answers):
    return infer(Conversation(tuple(calls)), [*answers, *[answer()] * len(calls)]).calls


def test_token_is_referred_to_wherever_it_stands():
    token = "abcdefgh12345"
    _, later = inferred(
        [call("/login"), call(f"/me?t={token}", json.dumps({"x": token}), Authorization=token)],
        [answer({"deep": [{"token": token}]})],
    )
    refs = list(later.refs())
    assert [ref.where for ref in refs] == ["json:/deep/0/token"] * 3
    renewed = {0: answer({"deep": [{"token": 'new"one'}]})}
    assert fill(later.headers[0][1], renewed) == 'new"one'
    assert fill(later.path, {0: answer({})}) == f"/me?t={token}"  # not given: as recorded


def test_value_is_written_as_it_stood_in_json_and_in_a_url():
    given = 'k"/ü+='
    _, later = inferred(
        [call("/a"), call("/b?k=k%22%2F%C3%BC%2B%3D", json.dumps({"key": given}))],
        [answer({"key": given})],
    )
    assert {ref.form for ref in later.refs()} == {"json", "url"}
    renewed = {0: answer({"key": 'x"\n&'})}
    assert json.loads(fill(later.body, renewed)) == {"key": 'x"\n&'}
    assert fill(later.path, renewed) == "/b?k=x%22%0A%26"


@pytest.mark.parametrize("location", ["/orders/17", "http://127.0.0.1:PORT/orders/17"])
def test_path_of_a_location_is_a_value_that_was_given(location):
    _, later = inferred(
        [call("/orders"), call("/orders/17")], [answer(None, ("location", location))]
    )
    assert later.path == (Ref(0, "path:location", "/orders/17"),)
    assert fill(later.path, {0: answer(None, ("location", "https://h/orders/99?x=1"))}) == (
        "/orders/99?x=1"
    )


def test_words_of_the_client_and_chance_are_not_correlated():
    own = [call("/carts/laptop-1"), call("/carts/laptop-1")]
    assert not list(inferred(own, [answer({"id": "laptop-1"})])[1].refs())
    # A 1 is an id only where it is said to be one.
    _, later = inferred(
        [call("/a"), call("/things/1", '{"quantity": 1, "thing_id": 1}')], [answer({"id": 1})]
    )
    assert [ref.where for ref in later.refs()] == ["json:/id"] * 2
    assert recorded(later.body[:1]) == '{"quantity": 1, "thing_id": '


def test_short_value_is_meant_only_where_it_stands_alone():
    _, later = inferred(
        [call(), call("/v1.2/pages/2-3/2?page=2", X_Version="2", X_Range="items 2")],
        [answer({"id": 2})],
    )
    assert [ref.where for ref in later.refs()] == ["json:/id"] * 2
    assert later.path[0] == "/v1.2/pages/2-3/"


def test_occurrences_and_values_in_great_number_are_no_trouble():
    body = " ".join(["key=abcdefgh1"] * 5000)
    _, later = inferred([call(), call(body=body)], [answer({"token": "abcdefgh1"})])
    assert len(list(later.refs())) == 5000 and recorded(later.body) == body
    many = {f"id{n}": f"value-number-{n}" for n in range(20_000)}
    calls = [call(f"/{n}", "value-number-7") for n in range(30)]
    assert inferred(calls, [answer(many)])[1].refs()


texts = st.text(min_size=1, max_size=20)


@given(st.lists(texts, max_size=6), st.lists(texts, max_size=6))
def test_recorded_request_is_sent_as_it_was(given_texts, said):
    """Hostile or not: filled with the same answers, the request is byte for byte the same."""
    answers = [answer({"id": given_texts}), answer()]
    body = json.dumps({"id": said}) + "".join(given_texts)
    conversation = infer(Conversation((call(), call("/" + "/".join(said), body))), answers)
    later = conversation.calls[1]
    assert recorded(later.body) == body
    assert fill(later.body, {0: answers[0]}) == body
    assert fill(later.path, {0: answers[0]}) == "/" + "/".join(said)


@given(
    st.recursive(
        st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner)
    )
)
def test_every_leaf_is_where_it_is_said_to_be(document):
    for place, value in leaves(document):
        assert pointer.resolve(document, place) == value


def given_by(first, second, *headers, body=b""):
    """Return the references in a second call to what the first answer gave."""
    first_answer = Answer(200, Headers(headers), body)
    conversation = infer(Conversation((first, second)), [first_answer, answer()])
    return conversation.calls[1], list(conversation.calls[1].refs())


@pytest.mark.parametrize(
    ("headers", "body", "where"),
    [
        ([("Mcp-Session-Id", "1f3c0a9b77")], b"", "header:mcp-session-id"),
        ([("Location", "https://idp/authorize?state=1f3c0a9b77&x=1")], b"", "query:location:state"),
        ([("Set-Cookie", "csrftoken=1f3c0a9b77; Path=/")], b"", "cookie:csrftoken"),
        (
            [("WWW-Authenticate", 'Digest realm="desk", nonce="1f3c0a9b77", qop="auth"')],
            b"",
            "param:www-authenticate:nonce",
        ),
        ([], b'<input name="csrf" value="1f3c0a9b77">', "match:"),
        ([], b'event: message\ndata: {"sid":"1f3c0a9b77"}\n\n', "match:"),
        ([], b"token 1f3c0a9b77\n", "match:"),
    ],
)
def test_value_that_a_client_was_given_is_followed_wherever_it_stood(headers, body, where):
    later, refs = given_by(call("/a"), call("/b", X_Given="1f3c0a9b77"), *headers, body=body)
    assert [ref.where.startswith(where) for ref in refs] == [True]
    renewed = [(name, value.replace("1f3c0a9b77", "9e8d7c6b55")) for name, value in headers]
    renewed_body = body.replace(b"1f3c0a9b77", b"9e8d7c6b55")
    filled = fill(later.headers[0][1], {0: Answer(200, Headers(renewed), renewed_body)})
    assert filled == "9e8d7c6b55"


@pytest.mark.parametrize("body", [b"please log in again", b"<title>Documentation</title>", b"\xff"])
def test_words_of_a_language_are_not_given(body):
    _, refs = given_by(call("/a"), call("/b", X="Documentation please log in again"), body=body)
    assert not refs


def test_value_that_no_answer_gave_is_named():
    made = call("/a", Mcp_Session_Id="1f3c0a9b77d24e01a1b2c3d4")
    assert unfollowed(made) == "Mcp-Session-Id: 1f3c0a…"
    assert unfollowed(call("/items/7", '{"name": "ada"}', Accept="application/json")) == ""
