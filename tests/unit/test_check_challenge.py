"""What a client computes from a challenge is computed anew in every play."""

import hashlib
import re

import pytest

from lab.check.conversation import Call, plain, recorded
from lab.check.sources.challenge import answers_digest, as_basic, computed, credentials
from lab.check.sources.http_file import HttpFileSource, parse
from lab.check.sources.script import ScriptSource
from lab.core.http import Answer, Headers


class Desk:
    """Refuses whoever does not answer its challenge, which is another one in each life."""

    def __init__(self, nonce):
        self.nonce, self.calls, self.refused = nonce, [], 0

    def __call__(self, call):
        self.calls.append(call)
        given = "".join(map(str, dict(call.headers).get("Authorization", ())))
        said = dict(re.findall(r'(\w+)="?([^",]+)', given))
        path = recorded(call.path).replace(" ", "%20")
        inner = [self.nonce, *(said.get(name, "") for name in ("nc", "cnonce", "qop"))]
        right = md5(md5("ada", "desk", "secret"), *inner, md5(call.method, path))
        if said.get("response") == right and said["uri"] == path:
            return Answer(200, content=b"ok")
        self.refused += 1
        challenges = [
            ("WWW-Authenticate", 'Basic realm="desk"'),
            ("WWW-Authenticate", f'Digest realm="desk", qop="auth", nonce="{self.nonce}"'),
        ]
        return Answer(401, Headers(challenges))


def md5(*words):
    return hashlib.md5(":".join(words).encode(), usedforsecurity=False).hexdigest()


def test_script_with_digest_auth_answers_the_challenge_of_each_life(tmp_path):
    talk = tmp_path / "talk.py"
    talk.write_text(
        "from requests.auth import HTTPDigestAuth\n"
        "def script(http):\n"
        "    ada = HTTPDigestAuth('ada', 'secret')\n"
        "    assert http.post('/me?a=1 2', params={'b': 3}, json={}, auth=ada).status == 200\n"
        "    assert http.get('/me', auth=ada).status == 200\n"
    )
    first, later = Desk("first-nonce"), Desk("later-nonce")
    conversation = ScriptSource(talk).record(first)
    conversation.script(later)
    assert [len(each.calls) for each in (first, later)] == [3, 3]
    assert first.refused == later.refused == 1
    assert [ref.where for ref in conversation.calls[1].refs()] == ["param:www-authenticate:nonce"]


def test_wrong_password_is_refused_and_asked_once_more_only(tmp_path):
    talk = tmp_path / "talk.py"
    talk.write_text(
        "from requests.auth import HTTPDigestAuth\n"
        "def script(http):\n"
        "    assert http.get('/me', auth=HTTPDigestAuth('ada', 'no')).status == 401\n"
    )
    desk = Desk("nonce-of-it")
    ScriptSource(talk).record(desk)
    assert len(desk.calls) == 2


def test_digest_in_an_editors_file_is_computed_in_every_play(tmp_path):
    file = tmp_path / "talk.http"
    file.write_text(
        "@user = ada\nPOST {{host}}/me?a=1\nAuthorization: Digest {{user}} secret\n"
        "\n###\nGET {{host}}/me\nAuthorization: digest  ada   secret\n\n###\nGET {{host}}/free\n"
    )
    first, later = Desk("first-nonce"), Desk("later-nonce")
    conversation = HttpFileSource(file).record(first)
    conversation.script(later)
    assert [call.method for call in conversation.calls] == ["POST", "POST", "GET", "GET", "GET"]
    assert (first.refused, later.refused) == (3, 3)  # two challenges, and what nobody logs in for
    assert "Digest" not in str(later.calls[0]) and "secret" not in str(conversation.calls)


def test_name_of_a_request_that_answers_a_challenge_is_that_of_its_last_call():
    text = (
        "# @name me\nGET /me\nAuthorization: Digest ada secret\n\n###\n"
        "GET /{{me.response.body.$.id}}\n"
    )
    *_, last = parse(text).calls
    assert [ref.call for ref in last.refs()] == [1]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Basic ada secret", "Basic YWRhOnNlY3JldA=="),
        ("basic ada:secret", "Basic YWRhOnNlY3JldA=="),
        ("Basic YWRhOnNlY3JldA==", "Basic YWRhOnNlY3JldA=="),
        ("Basic ada se cret", "Basic ada se cret"),
        ("Bearer a b", "Bearer a b"),
        ("Basic", "Basic"),
        ("", ""),
    ],
)
def test_user_and_password_as_editors_write_them_are_sent_as_basic(value, said):
    assert recorded(as_basic(plain(value))) == said


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Digest ada secret", ("ada", "secret")),
        ('Digest username="ada", realm="desk"', None),
        ("Digest ada", None),
        ("Digest a b c", None),
        ("Bearer a b", None),
    ],
)
def test_credentials_are_not_what_was_computed_from_them(value, found):
    call = Call("GET", plain("/"), (("authorization", plain(value)),))
    assert credentials(call) == found
    assert answers_digest(call) is value.startswith("Digest ")


@pytest.mark.parametrize(
    "header",
    [None, "", "Basic realm=x", "Digest", 'Digest qop="auth"', 'Digest nonce="\x00', "Digest ,=,="],
)
def test_strange_challenge_is_answered_with_nothing(header):
    call = Call("GET", plain("/"), (("Authorization", plain("Digest ada secret")),))
    challenge = Answer(401, Headers([("WWW-Authenticate", header)] if header is not None else []))
    assert computed(call, "/", challenge, "ada", "secret").headers == ()


def test_no_answer_is_no_challenge():
    call = Call("GET", plain("/a b"), (("Authorization", plain("Digest ada secret")),))
    assert computed(call, "/a b", Answer(None), "ada", "secret").headers == ()
