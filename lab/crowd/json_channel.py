"""Lines of JSON between the lab and a generator process, over a connection on this machine."""

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self

from lab.core.errors import LabError

PORT_VARIABLE, SECRET_VARIABLE = "LAB_CROWD_PORT", "LAB_CROWD_SECRET"
PEER_TIMEOUT_S = 30.0
Message = dict[str, Any]


class JsonChannel:
    """One end of the connection. A message is one JSON object a line."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("r", encoding="utf-8")

    @classmethod
    def to_lab(cls) -> Self:
        """Connect to the lab that started this process, and say the word it gave us."""
        port = int(os.environ[PORT_VARIABLE])
        line = cls(socket.create_connection(("127.0.0.1", port), PEER_TIMEOUT_S))
        line._connection.settimeout(None)
        line.send({"hello": os.environ[SECRET_VARIABLE]})
        return line

    def send(self, message: Message) -> None:
        """Send one message; silently nothing if nobody is there any more."""
        with suppress(OSError):  # the reader sees the end of the connection
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Message | None:
        """Wait for the next message; None when the other end is gone."""
        try:
            text = self._reader.readline()
        except OSError:
            return None
        return json.loads(text) if text.endswith("\n") else None

    def __iter__(self) -> Iterator[Message]:
        while (message := self.receive()) is not None:
            yield message

    def close(self) -> None:
        """Hang up, also on a thread that waits here for the next message."""
        with suppress(OSError):  # closing a reader that another thread is in would wait for it
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._connection.close()


class Switchboard:
    """The lab's end: listens on 127.0.0.1 for the one process that knows the word."""

    def __init__(self) -> None:
        self._secret = secrets.token_urlsafe(16)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)

    @property
    def environment(self) -> dict[str, str]:
        """What the process is to be told, by environment only."""
        return {PORT_VARIABLE: str(self._listener.getsockname()[1]), SECRET_VARIABLE: self._secret}

    def answer(self) -> JsonChannel | None:
        """Return the process's line if it has called by now, else None within 0.1 s."""
        try:
            connection, _ = self._listener.accept()
        except TimeoutError:
            return None
        connection.settimeout(PEER_TIMEOUT_S)
        line = JsonChannel(connection)
        hello = line.receive() or {}
        if not secrets.compare_digest(str(hello.get("hello")).encode(), self._secret.encode()):
            line.close()
            raise LabError("somebody else called on the crowd's connection: try again")
        connection.settimeout(None)
        return line

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()
