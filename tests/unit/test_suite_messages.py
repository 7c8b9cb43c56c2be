"""Messages of HTTP as bytes: where a head and a body end, whatever is sent."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.suite.messages import MOST_HEAD, Head, NotHttp, body, read_head

GET = b"GET /cart HTTP/1.1\r\nHost: a\r\n"


def head(text):
    return read_head(io.BytesIO(text))


def read(text, *, to_the_end=False):
    """The raw bytes and the content of the body of one message, and what follows it."""
    file = io.BytesIO(text)
    first = read_head(file)
    pieces = list(body(file, first, to_the_end=to_the_end))
    raw, content = (b"".join(each) for each in zip(*pieces, strict=True)) if pieces else (b"", b"")
    return raw, content, file.read()


def test_head_is_given_back_as_it_came():
    text = b"GET /a%20b HTTP/1.1\r\nhOST:  x \r\nCookie: a=1; b=2\r\nX:\r\n\r\n"
    assert head(text).raw == text
    assert head(text).headers == [("host", "x"), ("cookie", "a=1; b=2"), ("x", "")]
    assert head(text).without("cookie").raw == text.replace(b"Cookie: a=1; b=2\r\n", b"")


def test_head_ends_at_an_empty_line_and_begins_after_some():
    assert head(b"\r\n" + GET + b"\n").words == ["GET", "/cart", "HTTP/1.1"]
    assert head(b"") is None
    assert head(GET) is None


@pytest.mark.parametrize("text", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1", b"G" * MOST_HEAD * 2])
def test_head_that_is_none_is_refused(text):
    with pytest.raises(NotHttp):
        head(text)


def test_body_with_a_length():
    text = GET + b"Content-Length: 3\r\n\r\nabcGET"
    assert read(text) == (b"abc", b"abc", b"GET")


def test_body_in_chunks():
    chunks = b"3;name=x\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    text = GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks + b"GET"
    assert read(text) == (chunks, b"abcde", b"GET")


def test_body_without_a_length():
    assert read(GET + b"\r\nabc", to_the_end=True) == (b"abc", b"abc", b"")
    assert read(GET + b"\r\nGET") == (b"", b"", b"GET")


@pytest.mark.parametrize(
    "length", [b"-1", b"x", b"1_0", "٣".encode(), b"", b"1\r\nContent-Length: 2"]
)
def test_body_with_a_length_that_is_none_is_refused(length):
    with pytest.raises(NotHttp):
        read(GET + b"Content-Length: " + length + b"\r\n\r\nabc")


@pytest.mark.parametrize("chunks", [b"x\r\n", b"", b"f" * 5000])
def test_chunk_without_a_size_is_refused(chunks):
    with pytest.raises((NotHttp, ConnectionError)):
        read(GET + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)


def test_body_that_ends_too_early_is_an_error():
    with pytest.raises(ConnectionError):
        read(GET + b"Content-Length: 9\r\n\r\nabc")


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_a_head_or_refused(text):
    try:
        found = head(text)
    except NotHttp:
        return
    assert found is None or isinstance(found, Head)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
def test_content_in_chunks_comes_out_whole(pieces):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"
    text = GET + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    assert read(text) == (chunks, b"".join(pieces), b"")
