"""A store that speaks TLS: what is said of a certificate that no known authority has signed."""

import re
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from lab.core.errors import LabError
from lab.shop.errors import StoreUnavailable
from lab.shop.redis import store
from lab.shop.redis.tls_errors import tls_trouble
from lab.stack.store_client import ask, connect

SECRET = "s3cret"


class TlsStore:
    """Answers PING, and whatever else is asked, with +PONG, over TLS; without, if not `tls`."""

    def __init__(self, folder, host="127.0.0.1", tls=True):
        self.certificate = folder / "store.pem"
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=store", "-addext", f"subjectAltName=IP:{host}",
             "-keyout", folder / "key.pem", "-out", self.certificate],
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, folder / "key.pem")
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._socket.accept()
                with client, self._context.wrap_socket(client, True) if self._tls else client as c:
                    while asked := c.recv(4096):
                        c.sendall(b"+PONG\r\n" * asked.count(b"\r\nPING"))
                        c.sendall(b"-ERR unknown\r\n" * asked.count(b"*") * (b"PING" not in asked))
            except OSError:
                if self._socket.fileno() < 0:
                    return

    def close(self):
        self._socket.close()


@pytest.fixture
def tls_store(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH")
    made = []

    def make(**how):
        made.append(TlsStore(tmp_path, **how))
        return made[-1]

    yield make
    for each in made:
        each.close()


def url(there, options=""):
    return f"rediss://:{SECRET}@127.0.0.1:{there.port}/0?protocol=2{options}"


def said(url_):
    """What the lab says of a store, and what the desk answers: both, without the password."""
    with pytest.raises(LabError) as by_lab, connect(url_) as client:
        ask(client.ping)
    with pytest.raises(StoreUnavailable) as by_desk, store.must_answer():
        store.connect(url_, "STATEFUL_STORE").ping()
    words = str(by_lab.value), str(by_desk.value)
    assert SECRET not in "".join(words)
    return words


def test_authority_that_is_not_known_is_said_with_the_option_that_names_it(tls_store):
    for words in said(url(tls_store())):
        assert re.search(r"not accepted \(self.signed certificate\)", words)
        assert "?ssl_ca_certs=FILE" in words


def test_authority_that_the_url_names_is_accepted(tls_store):
    there = tls_store()
    named = f"rediss://127.0.0.1:{there.port}/0?protocol=2&ssl_ca_certs={there.certificate}"
    with connect(named) as client:
        assert ask(client.ping)


def test_certificate_of_another_host_is_said(tls_store):
    there = tls_store(host="192.0.2.7")
    for words in said(url(there, f"&ssl_ca_certs={there.certificate}")):
        assert "for another host" in words


def test_store_without_tls_is_said(tls_store):
    for words in said(url(tls_store(tls=False))):
        assert "check that it speaks TLS" in words


@pytest.mark.parametrize("error", [OSError("x"), ValueError(), ConnectionResetError()])
def test_errors_of_another_kind_are_no_trouble_with_tls(error):
    assert tls_trouble(error) == ""


def test_error_whose_cause_is_itself_ends():
    error = OSError()
    error.__context__ = ssl.SSLError(1, "x")
    assert "TLS failed (broken off)" in tls_trouble(error)
