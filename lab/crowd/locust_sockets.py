"""Locust's connections, encrypted (CurveZMQ): only a holder of the run's key can join or report.

Locust does not ask who connects. Another user of the machine could be handed a crowd's job, take
a worker's place, or report carts that no customer had.
"""

import hashlib

import zmq
from locust.rpc import zmqrpc
from zmq.utils import z85

from lab.core.op_key import OP_KEY


def secure() -> None:
    """Encrypt every connection that Locust opens in this process from now on with the run's key."""
    zmqrpc.Server = EncryptedServer  # type: ignore[misc]
    zmqrpc.Client = EncryptedClient  # type: ignore[misc]


def _key_pair() -> tuple[bytes, bytes]:
    """Return the master's public and secret key: both are derived from the run's key."""
    secret = z85.encode(hashlib.sha256(f"crowd {OP_KEY}".encode()).digest())
    return zmq.curve_public(secret), secret


class EncryptedServer(zmqrpc.Server):
    """The master's end."""

    def __init__(self, host: str, port: int) -> None:
        zmqrpc.BaseSocket.__init__(self, zmq.ROUTER, ipv4_only=True)  # type: ignore[no-untyped-call]
        _, self.socket.curve_secretkey = _key_pair()
        self.socket.curve_server = True
        self.socket.bind(f"tcp://{host}:{port}")
        self.port = port


class EncryptedClient(zmqrpc.Client):
    """A worker's end. It proves that it knows the master's public key, which is kept secret."""

    def __init__(self, host: str, port: int, identity: str) -> None:
        kind = zmq.DEALER
        zmqrpc.BaseSocket.__init__(self, kind, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
        self.socket.curve_serverkey, _ = _key_pair()
        self.socket.curve_publickey, self.socket.curve_secretkey = zmq.curve_keypair()
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(f"tcp://{host}:{port}")
