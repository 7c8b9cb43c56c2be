"""The page's bytes.js: what only one desk's message has."""

import json

from page_modules import address, needs_node, printed

pytestmark = needs_node

REQUEST = {"method": "GET", "path": "/api/cart", "target": "B"}


def unlike(ours, theirs):
    """The head lines of our request that theirs has no such line for."""
    script = f"""
        const {{ requestLines, textOf, unlike }} = await import({address("bytes")});
        const given = {json.dumps([ours, theirs])};
        const [ours, theirs] = given.map((each) => each && requestLines(each));
        console.log(JSON.stringify([...unlike(ours, theirs)].map((at) => textOf(ours[at]))));
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
