"""What a server refuses before the app sees it: problem details too, alone and behind nginx."""

import json
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from lab.stack.pool_spec import PoolSpec
from lab.stack.stack import Stack

BIG = b"a" * 300_000
BROKEN = {
    "a header of 300 kB": (b"GET /api/cart HTTP/1.1\r\nHost: x\r\nX: " + BIG + b"\r\n\r\n", 431),
    "an unknown coding": (
        b"POST /api/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        501,
    ),
    "two lengths": (
        b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n",
        400,
    ),
    "a body of 2 MB": (
        b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"
        + b"a" * 2_000_000,
        413,
    ),
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    pools = [PoolSpec("stateful", "stateful_app", env={"STATEFUL_STORE": "memory"})]
    with Stack(pools, tmp_path_factory.mktemp("run")) as stack:
        yield stack.pools["stateful"]


def answer(url, request):
    """Send bytes; return the status, the media type and the body of what comes back."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        with suppress(OSError):  # it has answered, and reads no more
            connection.sendall(request)
        got = b""
        with suppress(ConnectionResetError):
            while more := connection.recv(65536):
                got += more
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode().splitlines()
    media = [line.split()[1] for line in lines if line.lower().startswith("content-type:")]
    return int(lines[0].split()[1]), media, body


@pytest.mark.parametrize(("request_bytes", "status"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_request_gets_problem_details_from_the_server(pool, request_bytes, status):
    server = next(iter(pool.servers.values()))
    got, media, body = answer(f"http://127.0.0.1:{server.port}", request_bytes)
    assert (got, media) == (status, ["application/problem+json"]), body
    problem = json.loads(body)
    assert problem["status"] == status and problem["detail"]


@pytest.mark.parametrize("request_bytes", [each for each, _ in BROKEN.values()], ids=BROKEN.keys())
def test_broken_request_gets_problem_details_behind_nginx(pool, request_bytes):
    request_bytes = request_bytes.replace(b" /api", b" /stateful/api")
    got, media, body = answer(pool.url, request_bytes)
    assert 400 <= got < 600 and media == ["application/problem+json"], (got, media, body)
    assert json.loads(body)["status"] == got


def test_path_without_its_slash_is_no_redirect(pool):
    for path in (b"/stateful", b"/stateful/@A"):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        got, media, body = answer(pool.url, request)
        assert (got, media) == (404, ["application/problem+json"]), body
        assert json.loads(body)["status"] == 404 and b"evil" not in body


@pytest.mark.parametrize("line", [b"GET /stateful/%00 HTTP/1.1", b"\x00\x01"], ids=["%00", "junk"])
def test_request_that_cannot_be_parsed_is_refused_in_json(pool, line):
    request = line + b"\r\nHost: x\r\nConnection: close\r\n\r\n"
    got, media, body = answer(pool.url, request)
    assert (got, media) == (400, ["application/problem+json"]), body


def test_502_for_a_dead_server_says_so_in_json(pool):
    for server in pool.servers.values():
        server.kill()
    try:
        request = b"DELETE /stateful/api/cart HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        got, media, body = answer(pool.url, request)
    finally:
        for server in pool.servers.values():
            server.restart()
    assert (got, media) == (502, ["application/problem+json"]), body
    assert json.loads(body)["title"] == "No server answered"
