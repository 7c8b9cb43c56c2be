"""The page's bytes.js: what only one desk's message has, and what its credentials are."""

import json

from page_modules import address, needs_node, printed

pytestmark = needs_node

REQUEST = {"method": "GET", "path": "/api/cart", "target": "B"}


def unlike(ours, theirs):
    """What of our request's head theirs has nothing like: lines, or cookies, up to their ends."""
    script = f"""
        const {{ requestLines, textOf, unlike }} = await import({address("bytes")});
        const given = {json.dumps([ours, theirs])};
        const [ours, theirs] = given.map((each) => each && requestLines(each));
        const own = unlike(ours, theirs);
        console.log(JSON.stringify(ours.flatMap((line) => line.flatMap((part, at) => {{
            const rest = line.slice(at);
            const next = at ? rest.findIndex(({{ cookie }}, n) => n && cookie) : -1;
            return own.has(part) ? [textOf(next < 0 ? rest : rest.slice(0, next))] : [];
        }}))));
    """
    return printed(script)


def secrets(exchange, lines="requestLines"):
    """The credentials of a message, each as what it is said to be and what it begins with."""
    script = f"""
        const bytes = await import({address("bytes")});
        const parts = bytes.{lines}({json.dumps(exchange)}).flat();
        const named = parts.filter(({{ secret }}) => secret);
        console.log(JSON.stringify(named.map((each) => [each.secret, each.text[0]])));
    """
    return printed(script)


def asked(headers, body=None, **more):
    return {**REQUEST, "request": {"headers": headers, "body": body}, **more}


def test_header_that_the_other_desk_is_not_sent_stands_out_whatever_its_case():
    ours = asked({"Host": "a", "Cookie": "desk_session=1", "ACCEPT": "*/*"}, "Cookie: no header")
    theirs = asked({"host": "b", "Authorization": "Bearer x", "accept": "text"})
    assert unlike(ours, theirs) == ["Cookie: desk_session=1"]
    assert unlike(theirs, ours) == ["Authorization: Bearer x"]


def test_token_in_the_address_stands_out_and_another_server_does_not():
    plain = asked({}, target="A")
    assert unlike(asked({}), plain) == []
    in_url = asked({}, path="/api/cart?token=x&userId=123")
    assert unlike(in_url, plain) == ["GET /@B/api/cart?token=x&userId=123 HTTP/1.1"]


def test_no_bytes_stand_out_beside_none():
    assert unlike(asked({"Cookie": "a"}), None) == []


SESSION, BALANCER, OTHER, TOKEN = (f"{each}…(43 chars, sha256 0123abcd)" for each in "sbot")


def test_cookies_are_compared_one_by_one():
    both = {"Cookie": f"desk_affinity={BALANCER}; desk_session={SESSION}"}
    one = {"Cookie": f"desk_affinity={OTHER}", "Authorization": f"Bearer {TOKEN}"}
    assert unlike(asked(both), asked(one)) == [f"desk_session={SESSION}"]
    assert unlike(asked(one), asked(both)) == [f"Authorization: Bearer {TOKEN}"]
    turned = {"cookie": f"desk_session={SESSION}; desk_affinity={BALANCER}"}
    assert unlike(asked(turned), asked(one)) == [f"desk_session={SESSION}; "]
    assert unlike(asked(both), asked(turned)) == []


def test_credential_is_named_as_what_it_is():
    cookies = f"desk_affinity={BALANCER}; desk_session={SESSION}; theme={OTHER}"
    sent = asked({"cookie": cookies, "Authorization": f"Bearer {TOKEN}"})
    named = [["balancer's cookie", "b"], ["session id", "s"], ["cookie", "o"], ["token", "t"]]
    assert secrets(sent) == named
    in_url = asked({}, path=f"/api/cart?token={TOKEN}&desk_session={SESSION}")
    assert secrets(in_url) == [["token", "t"], ["session id", "s"]]


def test_cookies_that_are_set_are_named_and_compared_also_in_one_line():
    """Some clients fold several headers of one name into one."""
    first = f"desk_session={SESSION}; Expires=Wed, 02 Dec 2026 10:00:00 GMT; Path=/"
    second = f"desk_affinity={BALANCER}; path=/stateful"
    for value in (f"{first}, {second}", f"{first}\n{second}"):
        answer = {"status": 200, "response": {"headers": {"Set-Cookie": value}, "body": None}}
        named = [["session id", "s"], ["balancer's cookie", "b"]]
        assert secrets(answer, "answerLines") == named
