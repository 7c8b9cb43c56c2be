"""The .http form: what is understood, and that a mistake is shown with its line."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.conversation import Ref, as_bytes, recorded
from lab.check.sources.http_file import COOKIES, SKIPPED, parse
from lab.check.sources.http_values import Values
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


def test_whole_form():
    login, cart, bare = parse(WHOLE).calls
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
        ("GET /a\nno header", "'no header' is not a header"),
        ("GET /a\nBad Name: x", "is not a header"),
        ("GET /{{nobody}}", "{{nobody}} is not defined"),
        ("GET /{{login.response.body.$.x}}", "no request above is named 'login'"),
        ("# @name a\nGET /\n###\nGET /{{a.response.body.$..x}}", "only paths such as"),
        ("@a = {{b}}\n@b = {{a}}\nGET /{{a}}", "@a is defined by itself"),
        ("POST /a\n\n< ./nothing.bin", "cannot read nothing.bin"),
        ("# @prompt code\nGET /a?code={{code}}", "an editor asks for code"),
        ("GET /{{$guess}}", "{{$guess}} is not understood"),
        ("GET /{{$processEnv NOT_SET_HERE}}", "NOT_SET_HERE is not set"),
        ("GET /{{$dotenv KEY}}", "cannot read .env"),
        ("GET /{{$random.integer(1)(}}{{$random.integer(x,y)}}", "is not understood"),
        ("GET /{{$timestamp 99999999999 y}}", "is not understood"),
        ("WEBSOCKET ws://localhost/a", "is not a request"),
        ("GRAPHQL /g\n\nquery {a}\n\n{no json", "its variables are not JSON"),
    ],
)
def test_mistake_is_named(text, said):
    with pytest.raises(LabError) as raised:
        parse(text)
    assert said in str(raised.value)


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
def test_text_of_any_kind_is_understood_or_refused(text):
    try:
        assert parse(text).calls
    except LabError:
        return


def test_line_separator_in_a_body_is_no_end_of_line():
    (call,) = parse("POST /\n\na\u2028b\x0cc").calls
    assert recorded(call.body) == "a\u2028b\x0cc"


NOW = datetime(2024, 6, 30, 12, 9, 33, tzinfo=UTC)


def values(folder=None, **environ):
    more = {"folder": folder} if folder else {}
    return Values(environ=environ, now=NOW, chance=random.Random(1), **more)


@pytest.mark.parametrize("method", ["PROPFIND", "REPORT", "MKCALENDAR", "M-SEARCH", "PURGE"])
def test_method_of_any_name_is_understood(method):
    (call,) = parse(f"{method} http://localhost:5232/ada/calendar/ HTTP/1.1\nDepth: 1").calls
    assert (call.method, call.path) == (method, ("/ada/calendar/",))


@pytest.mark.parametrize(
    "address",
    [
        "http://{{host}}/a?b=1",
        "https://{{host}}/a?b=1",
        "{{host}}/a?b=1",
        "{{base}}/a?b=1",
        "{{nowhere}}/a?b=1",
        "https://{{nowhere}}:8080/a?b=1",
        "localhost:5000/a?b=1",
        "http://localhost:5000\n  /a\n  ?b=1",
        "/a?b=1",
    ],
)
def test_host_is_left_out_however_it_is_written(address):
    text = f"@host=localhost:5000\n@base = https://{{{{host}}}}\n### \nGET {address}"
    (call,) = parse(text).calls
    assert recorded(call.path) == "/a?b=1"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("$guid", "d1aa9eb9-2e0c-4f3e-8d0e-8f2f8f2f8f2f"),
        ("$uuid", None),
        ("$random.uuid", None),
        ("$timestamp", "1719749373"),
        ("$timestamp -1 d", "1719662973"),
        ("$isoTimestamp", "2024-06-30T12:09:33.000Z"),
        ("$datetime iso8601", "2024-06-30T12:09:33.000Z"),
        ("$datetime rfc1123 1 h", "Sun, 30 Jun 2024 13:09:33 GMT"),
        ("$datetime 'DD.MM.YYYY HH:mm'", "30.06.2024 12:09"),
        ("$processEnv LABUSER", "ada"),
        ("$env.LABUSER", "ada"),
        ("$randomInt 5 6", "5"),
        ("$random.integer(7, 8)", "7"),
    ],
)
def test_values_that_editors_make(place, value):
    (call,) = parse(f"POST /\n\n{{{{{place}}}}}", values=values(LABUSER="ada")).calls
    made = recorded(call.body)
    if value is None or "uid" in place:
        assert len(made) == 36 and made[14] == "4"
    else:
        assert made == value


def test_made_up_value_stays_the_same_in_a_variable_and_is_new_elsewhere():
    text = "@id = {{$guid}}\nPUT /{{id}}\n###\nGET /{{id}}\n###\nGET /{{$guid}}"
    first, second, other = (recorded(call.path) for call in parse(text).calls)
    assert first == second != other


def test_address_that_an_answer_gave_is_cut_as_any_other():
    text = "# @name new\nPOST /\n###\nGET {{new.response.headers.Location}}"
    assert parse(text).calls[1].path == (Ref(0, "path:location", ""),)
    text = "@h=http://localhost\n# @name new\nPOST /\n###\nGET {{h}}{{new.response.body.$.url}}"
    assert parse(text).calls[1].path == (Ref(0, "json:/url", ""),)


JETBRAINS = """\
### log in
< {% request.variables.set("x", 1) %}
POST {{base}}/login
Content-Type: application/json

{"user": "ada"}

> {%
  client.test("ok", function() { client.assert(response.status === 200); });
  client.global.set("token", response.body.data["access_token"]);
  client.global.set("tag", response.headers.valueOf("ETag"));
%}
<> 2024-06-30.200.json

### me
GET {{base}}/me
Authorization: Bearer {{token}}
If-Match: {{tag}}

> {% client.global.set("who", response.body.user); %}
>> me.json
"""


def test_scripts_of_an_editor_are_left_out_and_said_but_for_what_they_keep():
    talk = parse(JETBRAINS)
    login, me = talk.calls
    assert recorded(login.body) == '{"user": "ada"}' and me.body is None
    assert [ref.where for ref in me.refs()] == ["json:/data/access_token", "header:etag"]
    assert talk.notes == (f"{SKIPPED}session.http:3",)


def test_written_cookie_is_left_out_and_said():
    text = "GET /\nCookie: theme=dark\n###\nGET /\nCookie: {{a.response.headers.Set-Cookie}}"
    assert parse(text).notes == (f"{COOKIES}session.http:1",)


def test_files_in_bodies(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"{{no}}\xff\x00")
    (tmp_path / "b.txt").write_text("for {{user}}")
    text = (
        "@user = ada\nPOST /\nContent-Type: multipart/form-data; boundary=X\n\n--X\n"
        'Content-Disposition: form-data; name="f"\n\n< ./a.bin\n--X--\n\n'
        "###\nPOST /\n\n< a.bin\n###\nPOST /\n\n<@ ./b.txt"
    )
    form, raw, filled = parse(text, values=values(tmp_path)).calls
    whole = as_bytes(recorded(form.body))
    assert whole.endswith(b'name="f"\r\n\r\n{{no}}\xff\x00\r\n--X--\r\n')
    assert as_bytes(recorded(raw.body)) == b"{{no}}\xff\x00"
    assert recorded(filled.body) == "for ada"


def test_form_may_have_several_lines():
    text = "POST /\nContent-Type: application/x-www-form-urlencoded\n\na=1\n&b=2"
    assert recorded(parse(text).calls[0].body) == "a=1&b=2"


def test_graphql_request_is_sent_as_json():
    text = 'GRAPHQL http://localhost/graphql\n\nquery Q { a }\n\n{"n": 1}'
    (call,) = parse(text).calls
    assert (call.method, call.title) == ("POST", "POST /graphql Q")
    assert recorded(call.body) == '{"query": "query Q { a }", "variables": {"n": 1}}'
    assert call.headers == (("Content-Type", ("application/json",)),)


def test_lines_may_end_as_on_windows():
    (call,) = parse("POST /a HTTP/1.1\r\nX-A: 1\r\n\r\nbody\r\n").calls
    assert recorded(call.body) == "body" and call.headers == (("X-A", ("1",)),)
