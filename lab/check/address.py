"""Where a process of the service is reached: which loopback address, with or without TLS."""

import http.client
import socket
import ssl
from dataclasses import dataclass

from lab.processes.ports import in_url, is_open

LOOPBACKS = ("127.0.0.1", "::1")
_PLAIN_TO_TLS = (None, 400)  # how a server that speaks TLS only answers plain HTTP


@dataclass(frozen=True)
class Address:
    """An address, most often of this machine. `name` is sent as Host; cookies belong to that name.

    With an `owner`, cookies belong to that host, whatever address it is reached by.
    """

    port: int
    host: str = LOOPBACKS[0]
    name: str | None = None
    tls: bool = False
    owner: str | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port: "http://[::1]:8080"."""
        return f"{'https' if self.tls else 'http'}://{in_url(self.host)}:{self.port}"

    def connect(self, timeout_s: float) -> socket.socket:
        """Return an open connection to the address; OSError if it does not answer."""
        connection = socket.create_connection((self.host, self.port), timeout_s)
        return unverified().wrap_socket(connection) if self.tls else connection

    def ask(self, path: str, timeout_s: float) -> tuple[int, bytes] | None:
        """GET a path: status and body, or None if nothing answers."""
        connection = (
            http.client.HTTPSConnection(
                self.host, self.port, timeout=timeout_s, context=unverified()
            )
            if self.tls
            else http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        )
        headers = {"Connection": "close", **({"Host": self.name} if self.name else {})}
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(1 << 20)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def unverified() -> ssl.SSLContext:
    """Return a context that accepts any certificate: a service under test signs its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def find(port: int, name: str | None, path: str, timeout_s: float) -> tuple[Address, int] | None:
    """Return the address at which something answers on a port, and its status; else None.

    Both loopback addresses are tried, and TLS where plain HTTP is not understood.
    """
    for host in LOOPBACKS:
        if not is_open(port, host):
            continue
        plain = Address(port, host, name)
        answer = plain.ask(path, timeout_s)
        status = answer[0] if answer else None
        if status in _PLAIN_TO_TLS:
            secure = Address(port, host, name, tls=True)
            if over_tls := secure.ask(path, timeout_s):
                return secure, over_tls[0]
        if status is not None:
            return plain, status
    return None
