"""No credential survives in anything that is kept."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core.redaction import redact_body, redact_headers, redact_text, shorten

# No word of the texts around it can be taken for one of these.
credentials = st.text(string.ascii_letters + string.digits + "-_.~", min_size=8, max_size=400).map(
    "~7Q{}".format
)
SIGNED = "eyJ1c2VyIjoiMTIzIn0xxxxxxxxxxxxxxxx.ZzQabc.QnR5cGVvZmFzaWduYXR1cmUtaGVyZS1vaw"


@given(st.text(min_size=1))
def test_shorten_shows_a_quarter_at_most_and_can_be_compared(secret):
    kept = shorten(secret)
    assert kept.split("…")[0] == secret[: min(6, len(secret) // 4)]
    assert f"({len(secret)} chars, sha256 " in kept
    assert shorten(secret) == kept
    assert shorten(secret + "x") != kept


def test_shorten_of_an_empty_text_is_empty():
    assert shorten("") == ""
    assert redact_body(b"") is None


@given(
    credentials,
    st.sampled_from(["Authorization", "authorization", "Proxy-Authorization"]),
    st.sampled_from(
        ["Bearer {}", "bearer {}", "Bearer  {}", "{}", "Token {}", "Basic {}", "A {} b"]
    ),
)
def test_authorization_header_is_shortened_whatever_its_scheme(credential, name, form):
    kept = redact_headers({name: form.format(credential), "X-Op": "a-1"})
    assert credential not in json.dumps(kept)
    assert kept["X-Op"] == "a-1"


@given(
    credentials,
    st.sampled_from(["desk_session", "desk_affinity", "other"]),
    st.sampled_from(
        [
            ("Cookie", "{0}={1}"),
            ("Cookie", "a=b; {0}={1}"),
            ("cookie", "{0}={1}; z=y"),
            ("Set-Cookie", "{0}={1}; Path=/stateful/; HttpOnly; SameSite=Lax"),
            ("set-cookie", "a=b; Path=/, {0}={1}; Expires=Tue, 24 Nov 2026 08:02:26 GMT"),
        ]
    ),
)
def test_every_cookie_value_is_shortened(credential, cookie, header):
    name, form = header
    kept = redact_headers({name: form.format(cookie, credential)})[name]
    assert credential not in kept
    assert f"{cookie}=" in kept


def test_attributes_of_a_set_cookie_header_stay_readable():
    header = "desk_session=abcdefghijkl; Expires=Tue, 24 Nov 2026 08:02:26 GMT; HttpOnly; Path=/s/"
    kept = redact_headers({"Set-Cookie": header})["Set-Cookie"]
    assert kept.endswith("; Expires=Tue, 24 Nov 2026 08:02:26 GMT; HttpOnly; Path=/s/")


@given(
    credentials,
    st.sampled_from(
        [
            "/api/cart?token={}&userId=123",
            "/api/cart?userId=123&token={}",
            "/api/cart?Token={}#top",
            "token={}",
            "ValueError: /stateful/api/cart?token={} was refused",
            '{{"cart": {{}}, "token": "{}"}}',
            '{{"cart": {{}}, "token":"{}',  # cut off
            "{{'token': '{}'}}",
            "desk_session={}; Path=/",
            "Authorization: Bearer {}",
            "GET /x?access_token={}",
            "GET /x?sessionid={}&page=1",
            "/x?sid={}",
            "/x?api_key={}",
            "https://h/cb#id_token={}",
            '{{"refresh_token": "{}"}}',
            "{{'csrfToken': '{}'}}",
            '{{"client_secret":"{}',
            "password={}&user=ada",
        ]
    ),
)
def test_redacted_text_keeps_no_credential(credential, form):
    assert credential not in redact_text(form.format(credential))


def test_credential_of_a_printed_curl_command_is_shortened():
    for header in ("X-Api-Key: k3y-of-mine", "Authorization: Basic YWRhOnB3", "Cookie: c=abcdefgh"):
        assert header.split(" ")[-1] not in redact_text(f"curl -H '{header}' http://x/")
    follows = """curl -H 'Authorization: Bearer '"$(given 1 json:/token)" -H 'Accept: a/b'"""
    assert redact_text(follows) == follows


def test_bare_signed_token_is_known_by_its_shape():
    assert SIGNED not in redact_text(f"ValueError: {SIGNED}")
    plain = (
        "File lab/evidence/cart_tracker.py, line 12, in note: 127.0.0.1:20631 two-desks.example.org"
    )
    assert redact_text(plain) == plain


places = st.recursive(
    st.sampled_from(
        [
            lambda c: {"token": c},
            lambda c: {"Token": c, "cart": []},
            lambda c: {"access_token": c, "sessionId": c},
            lambda c: {"detail": f"see /api/cart?token={c}"},
            lambda c: [f"Bearer {c}"],
        ]
    ),
    lambda inner: (
        st.builds(lambda i: lambda c: {"a": i(c), "b": 1}, inner)
        | st.builds(lambda i: lambda c: [None, i(c)], inner)
        | st.builds(lambda i: lambda c: {"token": i(c)}, inner)
    ),
    max_leaves=6,
)


@given(credentials, places)
def test_redacted_json_keeps_no_token_however_deep(credential, place):
    body = json.dumps(place(credential)).encode()
    assert credential not in json.dumps(redact_body(body))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["", "laptop", "Straße 5"]),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["cart", "lines", "sku"]), inner)
        ),
    )
)
def test_text_without_a_credential_is_kept_as_it_was(value):
    assert redact_body(json.dumps(value).encode()) == value


@pytest.mark.parametrize("body", [b"[NaN]", b'{"a": Infinity}', b"[" * 50_000, b"<html>", b"\xff"])
def test_body_that_is_no_json_is_kept_as_text(body):
    kept = redact_body(body)
    assert isinstance(kept, str)
    json.loads(json.dumps(kept, allow_nan=False))


def test_text_body_keeps_no_credential():
    assert "s3cretvalue" not in redact_body(b"token=s3cretvalue&userId=123")
