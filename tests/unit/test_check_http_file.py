"""The .http form: what is understood, and that a mistake is told with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.conversation import Ref, recorded
from lab.check.sources.http_file import parse
from lab.core.errors import LabError

WHOLE = """\
@host = http://localhost:3000
// a comment
@user = ada

### log in
# @name login
POST {{host}}/login?x=1
    &y=2 HTTP/1.1
Content-Type: application/json
Cookie: left=out

{
  "user": "{{ user }}"
}

###
GET /cart/{{login.response.body.$.cart.lines[0].id}} HTTP/1.1
Authorization: Bearer {{login.response.body.$.token}}
If-Match: {{login.response.headers.ETag}}

###
localhost:3000/cart
"""


def test_the_whole_form():
    login, cart, bare = parse(WHOLE)
    assert (login.method, recorded(login.path), login.name) == ("POST", "/login?x=1&y=2", "login")
    assert [name for name, _ in login.headers] == ["Content-Type"]
    assert recorded(login.body) == '{\n  "user": "ada"\n}'
    assert cart.path == ("/cart/", Ref(0, "json:/cart/lines/0/id", ""))
    assert [ref.where for ref in cart.refs()][1:] == ["json:/token", "header:etag"]
    assert (bare.method, recorded(bare.path)) == ("GET", "/cart")
    assert login.origin == "session.http:7"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no request"),
        ("### \n# only words\n", "has no request"),
        ("GET /a b c", ":1: "),
        ("GET /a\nno header", "'no header' is no header"),
        ("GET /a\nBad Name: x", "is no header"),
        ("GET /{{nobody}}", "{{nobody}} is not defined"),
        ("GET /{{login.response.body.$.x}}", "no request above is named 'login'"),
        ("# @name a\nGET /\n###\nGET /{{a.response.body.$..x}}", "only paths such as"),
        ("@a = {{b}}\n@b = {{a}}\nGET /{{a}}", "is not defined"),
        ("POST /a\n\n< ./file.bin", "a body from a file is not read"),
    ],
)
def test_a_mistake_is_told(text, said):
    with pytest.raises(LabError) as told:
        parse(text)
    assert said in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        "GET /{{" + " " * 50_000,
        "# @name a\nGET /\n###\nGET /{{a.response.body." + "a" * 5000 + "!}}",
        "@a = {{a}}{{a}}\nGET /{{a}}",
        "GET http://[/x",
    ],
)
def test_hostile_text_ends_soon(text):
    with pytest.raises(LabError):
        parse(text)
        raise LabError("understood, which is as well")


@given(
    st.text()
    | st.lists(st.sampled_from([*WHOLE.splitlines(), "{{", "###", "\x0c", "\ud800"])).map("\n".join)
)
def test_any_text_is_understood_or_refused(text):
    try:
        calls = parse(text)
    except LabError:
        return
    assert calls


def test_a_line_separator_in_a_body_is_no_end_of_line():
    (call,) = parse("POST /\n\na\u2028b\x0cc")
    assert recorded(call.body) == "a\u2028b\x0cc"
