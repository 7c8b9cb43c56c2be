"""Where a process is reached: both loopback addresses, TLS, and the name it is known by."""

import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest
import requests

from lab.check.address import Address, find
from lab.check.cookies import new_jar
from lab.check.http import send

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -keyout key.pem -out cert.pem -subj /CN=a.b"
    made = subprocess.run(
        ["openssl", *words.split()],
        cwd=folder,
        capture_output=True,
    )
    assert made.returncode == 0, made.stderr
    return folder


@contextmanager
def listening(host="127.0.0.1", context=None, answer=OK):
    """Answer every connection; keep what was asked."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    asked = []
    with socket.create_server((host, 0), family=family) as listener:

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with connection:
                        talk = context.wrap_socket(connection, True) if context else connection
                        asked.append(talk.recv(65536))
                        talk.sendall(answer)
                        talk.close()
                except OSError:
                    continue

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)


def test_plain_http_is_found():
    with listening() as (port, asked):
        assert find(port, None, "/ready", 5) == (Address(port), 200)
    assert asked[-1].startswith(b"GET /ready ")


def test_service_on_the_other_loopback_is_found_and_asked():
    with listening("::1") as (port, _):
        address, status = find(port, None, "/", 5)
        assert (address.host, status, address.url) == ("::1", 200, f"http://[::1]:{port}")
        answer = send(address, requests.Request("GET", "/a"), new_jar(), 5)
    assert (answer.status, answer.content) == (200, b"hi")


def test_service_that_speaks_tls_only_is_found_and_asked(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with listening(context=context) as (port, asked):
        address, status = find(port, "shop.example", "/", 5)
        assert address == Address(port, name="shop.example", tls=True) and status == 200
        answer = send(address, requests.Request("GET", "/a"), new_jar(), 5)
    assert answer.status == 200 and b"Host: shop.example\r\n" in asked[-1]


def test_status_400_over_plain_http_is_an_answer_where_there_is_no_tls():
    with listening(answer=b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as (port, _):
        assert find(port, None, "/", 2) == (Address(port), 400)


def test_port_without_http_is_not_found():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    assert find(free, None, "/", 1) is None
    with listening(answer=b"SSH-2.0-OpenSSH\r\n") as (port, _):
        assert find(port, None, "/", 1) is None
