"""The name of a process is distinguished from what it remembers for a client's words."""

import json
import uuid
from dataclasses import replace

import pytest

from lab.check.conversation import Call, Conversation, Ref, plain, recorded
from lab.check.differences import Relation
from lab.check.identity import in_other_words, is_own_name, strangers
from lab.core.http import Answer


def call(method="POST", path="/", headers=(), body=None):
    return Call(
        method,
        plain(path) if isinstance(path, str) else path,
        tuple((name, plain(value)) for name, value in headers),
        None if body is None else plain(body),
    )


def said(document, status=200):
    return Answer(status, content=json.dumps(document).encode())


class Process:
    """Runs the conversation as a process would whose `answer` takes a call and its client."""

    def __init__(self, answer):
        self.answer = answer

    def as_stranger(self, conversation, index, others):
        known = self.answer(conversation.calls[index], "ada")
        return known, [self.answer(other, "stranger") for other in others]

    def two_clients(self, conversation, index, change=None):
        known = conversation.calls[index]
        if change is None:
            return tuple(self.answer(known, who) for who in ("ada", "ada too"))
        return self.answer(known, "ada"), self.answer(change(known, known), "bob")


def own(answer, *calls, place="/id"):
    relation = Relation(len(calls) - 1, place, 0, place)
    return is_own_name(Process(answer), Conversation(calls), relation)


def document_of(call):
    return json.loads(recorded(call.body))


ORDER = call(headers=[("Idempotency-Key", "k-77")], body='{"sku": "pen"}')
DEVICE = call(body='{"fingerprint": "ff-1", "kind": "phone"}')


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (ORDER, lambda each: recorded(dict(each.headers)["Idempotency-Key"])),
        (DEVICE, lambda each: document_of(each)["fingerprint"]),
        (call(body="who=ada&what=pen"), lambda each: recorded(each.body).partition("&")[0]),
        (call(body="one word"), lambda each: recorded(each.body)),
        (call("GET", "/devices/ff"), lambda each: recorded(each.path)),
        (call("GET", "/devices?of=ff"), lambda each: recorded(each.path)),
        (call(body='{"number": 7}'), lambda each: document_of(each)["number"]),
    ],
)
def test_value_remembered_for_the_words_of_a_request_is_not_a_name(request_, key):
    assert not own(lambda each, who: said({"id": f"of {key(each)}"}), request_, request_)


def test_words_that_are_all_refused_show_nothing():
    strict = lambda each, who: (  # noqa: E731
        said({"id": "x" * 9}) if document_of(each)["fingerprint"] == "ff-1" else said({}, 422)
    )
    assert not own(strict, DEVICE, DEVICE)


def test_value_that_every_client_is_given_is_a_name():
    assert own(lambda each, who: said({"id": "of the process"}), ORDER, ORDER)
    assert own(lambda each, who: said({"id": "of the process"}), call("GET"), call("GET"))


def test_name_that_only_a_client_with_a_token_sees_is_known_from_where_anyone_sees_it():
    token = Ref(0, "json:/token", "secret-1")
    me = Call("GET", plain("/me"), (("Authorization", (token,)),))

    def answer(each, who):
        if each.method == "GET" and who == "stranger":
            return said({"error": "log in"}, 401)
        return said({"id": "of the process"})

    assert own(answer, call(body='{"user": "ada"}'), me)
    for_each = lambda each, who: said({"id": f"of {who}"})  # noqa: E731
    assert not own(for_each, call(body='{"user": "ada"}'), me)


def test_place_that_is_called_as_names_are_needs_two_clients_where_others_are_refused():
    def answer(each, who):
        return said({"error": "log in"}, 401) if who == "stranger" else said({"instance_id": "a"})

    assert own(answer, ORDER, ORDER, place="/instance_id")
    assert not own(answer, ORDER, ORDER)
    # A game's server that is found again by its name is none.
    found = lambda each, who: said({"server_id": f"of {document_of(each)['sku']}"})  # noqa: E731
    assert not own(found, ORDER, ORDER, place="/server_id")


@pytest.mark.parametrize(
    ("given", "is_own"),
    [
        (lambda who: said({"zone": "of the process"}), True),
        (lambda who: said({"zone": f"of {who}"}), False),
        (lambda who: said({"zone": "for ada"}) if who == "ada" else said({}, 401), None),
        (lambda who: said({"zone": "for ada"}) if who == "ada" else said({}), None),
    ],
)
def test_value_behind_a_login_is_a_name_if_another_user_is_given_it_too(given, is_own):
    """Where only one user gets in, it may be kept for that one."""
    token = Ref(0, "json:/token", "t-77777777")
    me = Call("GET", plain("/me"), (("Authorization", (token,)),))

    def answer(each, who):
        return said({"error": "log in"}, 401) if who == "stranger" else given(who)

    assert own(answer, me, me, place="/zone") is is_own
    # With words of its own it may be kept for those.
    for path in ("/rooms/7", "/rooms?of=ada"):
        assert own(answer, me, replace(me, path=plain(path)), place="/zone") is False


def test_second_user_says_other_words_and_brings_what_it_was_given():
    token = Ref(0, "json:/token", "t-77777777")
    known = Call(
        "POST",
        plain("/cart"),
        (("Accept", plain("x/y")), ("X-Token", (token,)), ("X-Who", plain("ada"))),
        plain('{"user": "ada", "n": 1}'),
    )
    sent = replace(known, headers=(*known.headers[:1], ("X-Token", plain("t-8")), known.headers[2]))
    changed = in_other_words(sent, known)
    headers = {name: recorded(value) for name, value in changed.headers}
    assert headers == {"Accept": "x/y", "X-Token": "t-8", "X-Who": "adb"}
    assert document_of(changed) == {"user": "adb", "n": 2}
    with_ref = replace(known, body=("token=", token))
    assert in_other_words(with_ref, with_ref).body == with_ref.body


def test_replaced_words_are_of_the_same_kind():
    """A key that must be a UUID or a number is not refused for its form."""
    given = {"id": "0b7c1f9e-6a52-4ce1-9d3a-7f1e2a4b5c6d", "at": "2026-11-21", "n": "41", "A": "FA"}
    _, other, _ = strangers(call(headers=[("Key", given["id"])], body=json.dumps(given)))
    changed = document_of(other)
    assert uuid.UUID(changed["id"]) != uuid.UUID(given["id"])
    assert uuid.UUID(recorded(dict(other.headers)["Key"]))
    assert changed["at"] == "2026-11-22" and changed["n"] == "42" and changed["A"] == "FB"


@pytest.mark.parametrize(
    "body", ["[" * 5000, '{"a": [null, true, {"b": "x"}]}', "", "\udcff=\udcff"]
)
def test_body_has_other_words_or_none(body):
    bare, other, _ = strangers(call(body=body))
    assert recorded(bare.body or ()) == body and (other is None or other != bare)
