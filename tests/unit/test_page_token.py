"""The page's own reading of tokens and bytes: its pure modules, run by node on what is real."""

import json
import subprocess
from types import SimpleNamespace

import pytest
from page_modules import address, needs_node, printed
from report_documents import typed

from lab.core.redaction import redact_body, redact_headers
from lab.report.curl import posix
from lab.shop.cart import MAX_LINES, SessionState
from lab.shop.catalogue import PRODUCTS
from lab.shop.http import InstanceInfo
from stateless_app.app import create_app
from stateless_app.config import Config
from stateless_app.state import token_for

pytestmark = needs_node
OLD_KEY = "an old key that is long enough for this desk to take it"

SIGNED_S = 1_800_000_001


def run(module, code, given=None):
    """Run `code` with a module's exports as `m` and `given`; return what it returns."""
    return printed(f"""
        const m = await import({address(module)});
        const given = {json.dumps(given)};
        const answer = await (async () => {{ {code} }})();
        console.log(JSON.stringify(answer));
    """)


@pytest.fixture
def desk():
    """The stateless desk's own way with tokens."""
    app = create_app(Config(InstanceInfo("A", "0" * 32), (OLD_KEY, "k" * 40)))
    with app.app_context():
        yield app


def full_cart():
    """A session of which the token is zipped."""
    session = SessionState.begin("123", "Žofie ✓")
    for sku in list(PRODUCTS)[:MAX_LINES]:
        session = session.add(sku, 2)
    return session


@pytest.mark.parametrize("zipped", [False, True])
def test_token_is_read_without_a_key(desk, zipped, monkeypatch):
    monkeypatch.setattr("itsdangerous.timed.time", SimpleNamespace(time=lambda: SIGNED_S))
    session = full_cart()
    signed = {"v": 2, "aud": "two-desks", "session": session.to_dict()} if zipped else {"ě": 1}
    token = token_for(session) if zipped else desk.extensions["signer"].dumps(signed)
    assert token.startswith(".") is zipped
    read = run(
        "token-parts",
        "const parts = m.split(given);"
        "return [parts, await m.decode(parts), m.signedAt(parts).getTime()];",
        token,
    )
    parts, claims, signed_ms = read
    assert [parts["payload"], parts["timestamp"], parts["signature"]] == token.rsplit(".", 2)
    assert claims == signed
    assert signed_ms == SIGNED_S * 1000


def test_changed_payload_is_put_together_as_the_desk_reads_it(desk):
    token = token_for(full_cart())
    forged = run(
        "token-parts",
        "const parts = m.split(given); const claims = await m.decode(parts);"
        "claims.session.name = 'Eve ✓'; return m.forged(parts, claims);",
        token,
    )
    signer = desk.extensions["signer"]
    genuine, claims = signer.loads_unsafe(forged)
    assert not genuine
    assert claims["session"]["name"] == "Eve ✓"
    assert signer.loads_unsafe(token)[0]
    assert len(forged) < len(token) + 100  # still zipped: it has to fit into a header
    assert forged.rsplit(".", 2)[1:] == token.rsplit(".", 2)[1:]


@pytest.mark.parametrize("text", [None, "", "abc", "a.b", "a.b.c.d", "a b.c.d", "<b>.c.d"])
def test_text_that_is_no_token_is_none(text):
    assert run("token-parts", "return m.split(given)", text) is None


def test_middle_of_a_long_part_is_not_shown():
    shown = run("token-parts", "return m.shortened(given)", "first-" + 33 * "x" + "last")
    assert shown == "first-…last"
    assert run("token-parts", "return m.shortened(given)", "awVvKA") == "awVvKA"


def exchange(**fields):
    """An exchange as the page receives it."""
    request = {"headers": redact_headers({"Accept": "*/*", "Cookie": "desk_session=" + "s" * 43})}
    answer = {"headers": {"Content-Type": "application/json"}, "body": {"items": []}}
    plain = {"method": "GET", "path": "/api/cart", "target": None, "status": 200, "error": None}
    return plain | {"request": request | {"body": None}, "response": answer} | fields


def secrets_in(exchange):
    """What is marked as a credential: (what it is, the line it is in)."""
    code = (
        "const lines = [...m.requestLines(given), ...m.answerLines(given)];"
        "return lines.flatMap((line) => line.filter(({secret}) => secret)"
        ".map(({secret, text}) => [secret, m.textOf(line), text]));"
    )
    return [tuple(each) for each in run("bytes", code, exchange)]


def test_each_credential_is_marked_and_named(desk):
    token = token_for(full_cart())
    request = {
        "headers": redact_headers({"Cookie": "desk_session=" + "s" * 43, "X-Plain": "plain"}),
        "body": None,
    }
    answer = {
        "headers": redact_headers({"Set-Cookie": "desk_session=" + "t" * 43 + "; Path=/"}),
        "body": redact_body(json.dumps({"token": token, "name": "…(3 chars)"}).encode()),
    }
    found = secrets_in(exchange(request=request, response=answer))
    assert [(kind, line.split(":")[0].strip()) for kind, line, _ in found] == [
        ("session id", "Cookie"),
        ("session id", "Set-Cookie"),
        ("token", '"token"'),
    ]
    assert all("chars, sha256" in text and "desk_session" not in text for _, _, text in found)
    bearer = {"headers": redact_headers({"Authorization": f"Bearer {token}"}), "body": None}
    ((kind, line, _),) = secrets_in(exchange(request=bearer))
    assert (kind, line.split()[:2]) == ("token", ["Authorization:", "Bearer"])


def test_request_without_an_answer_says_why():
    lost = exchange(status=None, error="connection refused", target="B")
    lines = run("bytes", "return [m.requestLines(given), m.answerLines(given)]", lost)
    assert lines[0][0][0]["text"] == "GET /@B/api/cart HTTP/1.1"
    assert lines[1] == [[{"text": "no answer: connection refused", "secret": None}]]


def changed(before, now):
    """The lines of `now` that are marked as new."""
    code = "return [...m.changed(m.answerLines(given[1]), m.answerLines(given[0]))]"
    lines = run("bytes", "return m.answerLines(given).map(m.textOf)", now)
    return [lines[index].strip() for index in run("bytes", code, [before, now])]


def test_new_lines_are_those_that_differ_also_where_one_comes_twice():
    def answer(*quantities):
        items = [{"sku": f"s{n}", "quantity": each} for n, each in enumerate(quantities)]
        return exchange(response={"headers": {"X": "1"}, "body": {"items": items}})

    assert changed(answer(1, 1), answer(1, 1)) == []
    assert changed(answer(1, 1), answer(1, 5)) == ['"quantity": 5']
    # Its second line was there before, in another item: it is new all the same.
    assert '"quantity": 1' in changed(answer(1), answer(1, 1))
    assert run("bytes", "return m.changed([[{text: 'a'}]], undefined).size") == 0


def test_long_body_is_folded_and_its_head_is_not():
    code = "const lines = m.answerLines(given); return [lines.length, m.unfolded(lines)]"
    long = exchange(response={"headers": {"A": "1", "B": "2"}, "body": {"n": list(range(200))}})
    count, shown = run("bytes", code, long)
    assert 4 < shown < 40 < count
    count, shown = run("bytes", code, exchange(status=204, response={"headers": {}, "body": ""}))
    assert count == shown == 1


def test_copied_command_has_the_own_credential_or_none(desk):
    line = posix(typed(exchange(op="stateful-1", outcome="ok", at_s=0)))
    bare = run("curl", "return m.commandOf(given, 'http://127.0.0.1:1/stateful')", line)
    assert bare.splitlines()[:2] == ["BASE=http://127.0.0.1:1/stateful", "TOKEN="]
    assert "-b jar -c jar" in bare
    code = "return m.commandOf(given[0], 'http://127.0.0.1:1/stateful', given[1])"
    cookie = "desk_session=it's $& mine"
    own = run("curl", code, [line, {"cookie": cookie, "token": None}])
    # What a shell makes of it, word by word.
    script = own.replace("curl ", "printf '%s\\n' ", 1)
    words = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert cookie in words.stdout.splitlines()
    assert "http://127.0.0.1:1/stateful/api/cart" in words.stdout.splitlines()
