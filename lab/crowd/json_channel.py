"""Lines of JSON between the lab and a worker process, over a connection on this machine."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

import msgspec

from lab.core.errors import LabError
from lab.crowd.messages import CrowdMessage, Hello

PORT_VARIABLE, SECRET_VARIABLE = "LAB_CROWD_PORT", "LAB_CROWD_SECRET"
PEER_TIMEOUT_S = 30.0


class JsonChannel:
    """One end of the connection. A message is one JSON object a line."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(CrowdMessage).decode

    @classmethod
    def to_lab(cls) -> Self:
        """Connect to the lab that started this process, and send the secret it gave us."""
        port = int(os.environ[PORT_VARIABLE])
        channel = cls(socket.create_connection(("127.0.0.1", port), PEER_TIMEOUT_S))
        channel._connection.settimeout(None)
        channel.send(Hello(os.environ[SECRET_VARIABLE]))
        return channel

    def send(self, message: CrowdMessage) -> None:
        """Send one message; do nothing if the other end is gone."""
        with suppress(OSError):  # the reader sees the end of the connection
            self._connection.sendall(self._encode(message) + b"\n")

    def receive(self) -> CrowdMessage | None:
        """Wait for the next message; None if the other end is gone, LabError if it is malformed."""
        try:
            line = self._reader.readline()
        except OSError:
            return None
        if not line.endswith(b"\n"):
            return None
        try:
            message: CrowdMessage = self._decode(line)
        except (msgspec.DecodeError, LabError) as error:
            raise LabError(
                f"cannot read a message of the crowd ({error}): start it again"
            ) from None
        return message

    def __iter__(self) -> Iterator[CrowdMessage]:
        while (message := self.receive()) is not None:
            yield message

    def close(self) -> None:
        """Close the connection, also under a thread that waits here for the next message."""
        with suppress(OSError):  # closing a reader that another thread is in would wait for it
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._connection.close()


class ChannelListener:
    """The lab's end: listens on 127.0.0.1 for the one process that has the secret."""

    def __init__(self) -> None:
        self._secret = secrets.token_urlsafe(16)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)

    @property
    def environment(self) -> dict[str, str]:
        """What the process needs in its environment to connect."""
        return {PORT_VARIABLE: str(self._listener.getsockname()[1]), SECRET_VARIABLE: self._secret}

    def accept(self) -> JsonChannel | None:
        """Return the channel if the process has connected, else None after 0.1 s.

        LabError if it was another process: one that does not have the secret.
        """
        try:
            connection, _ = self._listener.accept()
        except TimeoutError:
            return None
        connection.settimeout(PEER_TIMEOUT_S)
        channel = JsonChannel(connection)
        if not self._knows_secret(channel):
            channel.close()
            raise LabError("another process connected to the crowd's port: try again")
        connection.settimeout(None)
        return channel

    def _knows_secret(self, channel: JsonChannel) -> bool:
        try:
            hello = channel.receive()
        except LabError:
            return False
        given = hello.secret if isinstance(hello, Hello) else ""
        return secrets.compare_digest(given.encode(), self._secret.encode())

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()
