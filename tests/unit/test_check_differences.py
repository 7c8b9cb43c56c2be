"""What counts as a difference between two answers, and what never does."""

import json
from email.utils import formatdate
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check import moments
from lab.check.differences import differences, varying
from lab.core.http import Answer, Headers

NOW = 1_800_000_001
SECRET = "s3cr3t-0123456789-abcdef"


@pytest.fixture(autouse=True, scope="module")
def fixed_clock():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "time", SimpleNamespace(time=lambda: NOW))
        yield


def answer(document, status=200, **headers):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, Headers((n.replace("_", "-"), v) for n, v in headers.items()), body)


def places(one, other, **how):
    return [each.where for each in differences(one, other, **how)]


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, ["/a/1"]),
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a": [1]}, {"a": []}, ["/a/-"]),
        ({"a/b": {"~": 1}}, {"a/b": {}}, ["/a~1b/~0"]),
        ({}, [], ["/"]),
        (b"hello", b"hullo", ["body"]),
        (b"\xff\x00", b"\xff\x01", ["body"]),
        ({"at": "2026-01-01T10:00:00Z"}, {"at": "2026-01-01T10:05:00Z"}, ["/at"]),  # chosen
        ({"at": "2026-01-01T10:00:01Z"}, {"at": "2026-01-01T10:00:03Z"}, []),  # an expiry
        ({"at": "2026-01-01T10:00:01Z"}, {"at": "2026-01-02T10:00:01Z"}, ["/at"]),
        ({"at": 1_760_000_001}, {"at": 1_760_000_999}, ["/at"]),
        ({"at": NOW - 5}, {"at": NOW}, []),
        ({"at": NOW * 1000 - 5000}, {"at": NOW * 1000}, []),
        ({"at": formatdate(NOW - 5, usegmt=True)}, {"at": formatdate(NOW, usegmt=True)}, []),
        ({"count": 61}, {"count": 62}, ["/count"]),
        (b"<p>at <b>1</b> o'clock", b"<p>at <b>2</b> o'clock", ["body/3"]),
        (b"Hello Ada, 1", b"Bye Bob, 1", ["body"]),
        ({"count": 3}, {"count": 4}, ["/count"]),
    ],
)
def test_differences_are_found_where_answers_differ(one, other, where):
    assert places(answer(one), answer(other)) == where


def test_status_comes_first_and_what_is_ignored_is_ignored_with_all_below_it():
    one, other = answer({"a": {"b": 1}}), answer({"a": {"b": 2}}, 500)
    assert places(one, other) == ["status", "/a/b"]
    assert places(one, other, ignored=["/a"]) == ["status"]
    assert places(one, other, ignored=["status", "/a/b"]) == []


def test_headers_are_compared_by_value_and_cookies_by_name():
    one = answer({}, set_cookie="sid=1; Path=/", location="/a", x_id="1")
    other = answer({}, set_cookie="sid=2; Path=/", location="/b", x_id="2")
    assert places(one, other) == ["header:location"]
    assert places(one, answer({}, location="/a")) == ["header:set-cookie"]
    assert places(one, other, headers=["x-id"]) == ["header:x-id"]


def test_no_credential_is_in_the_text_of_a_difference():
    one = answer(
        {"token": SECRET, "csrf_token": SECRET, "url": f"/x?token={SECRET}"},
        location=f"/?token={SECRET}",
    )
    shown = " ".join(map(str, differences(one, answer({}))))
    assert SECRET not in shown and "chars" in shown
    assert SECRET not in str(differences(answer(b"token=" + SECRET.encode()), answer(b"")))


@pytest.mark.parametrize(
    "document",
    [
        {"auth": {"access_token": SECRET}},
        {"tokens": [SECRET]},
        {"token": {"value": SECRET}},
        {"session": {"id": SECRET}},
        {"a": [{"b": [SECRET]}]},
    ],
)
def test_no_credential_is_reported_for_a_part_that_is_missing_or_changed(document):
    name, part = next(iter(document.items()))
    for other in ({}, {name: None}, {name: type(part)()}, []):
        for found in (differences(answer(document), answer(other)),):
            assert found and SECRET not in str(found)
    if name != "a":
        changed = json.loads(json.dumps(document).replace(SECRET, "x" * 30))
        assert SECRET not in str(differences(answer(document), answer(changed)))


def test_deep_nesting_is_compared_as_text():
    deep, other = b"[" * 5000 + b"]" * 5000, b"[" * 5001 + b"]" * 5001
    assert places(answer(deep), answer(other)) == ["body"]
    assert places(answer(b"[" * 500 + b"]" * 500), answer(b"[]")) == ["body"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_document_does_not_differ_from_itself(document):
    assert not differences(answer(document), answer(document))


@given(values, values)
def test_varying_parts_are_the_differences_and_ignoring_them_leaves_none(one, other):
    first, second = answer(one), answer(other)
    assert not differences(first, second, varying(first, second))


@given(st.binary(), st.binary())
def test_bytes_of_any_kind_can_be_compared(one, other):
    assert bool(differences(answer(one), answer(other))) <= (one != other)
