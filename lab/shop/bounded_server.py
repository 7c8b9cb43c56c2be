"""waitress with bounded connections: when they are full, it closes the one that waits longest."""

import socket
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, TcpWSGIServer

MOST_CONNECTIONS = 900
ARRIVES_WITHIN_S = 10.0  # the limit for the whole of a request, counted from its first byte
READS_WITHIN_S = 10.0  # a client has to take some of its answer in each such period
CLEANUP_INTERVAL_S = 2


class BoundedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that knows since when it keeps the server waiting."""

    began_s = 0.0
    """When the first byte came of the request that is not complete yet."""

    def received(self, data: bytes) -> bool:
        """Take in bytes of a request, or of several."""
        before = self.request
        taken: bool = super().received(data)
        if self.request is not before:
            self.began_s = self.last_activity  # it was set when these bytes came
        return taken

    def waits_since(self) -> float | None:
        """Return when the connection became idle; None if it has work."""
        if self.requests or self.total_outbufs_len or self.will_close:
            return None
        return self.last_activity if self.request is None else self.began_s

    def is_overdue(self, now: float) -> bool:
        """Return True if the request comes too slowly, or the client does not read the answer."""
        if self.total_outbufs_len:
            return bool(self.last_activity < now - READS_WITHIN_S)
        is_incomplete = self.request is not None and not self.requests
        return is_incomplete and self.began_s < now - ARRIVES_WITHIN_S


class _Bounded(BaseWSGIServer):  # type: ignore[misc]
    """Never too full to accept a connection: waitress' own limit counts bytes, not requests."""

    channel_class = BoundedChannel

    def maintenance(self, now: float) -> None:
        """Close connections that do nothing for long, or too slowly; called now and then."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.is_overdue(now):
                channel.will_close = True

    def handle_accept(self) -> None:
        """Accept a connection; where that was the last place, end the one that waits longest."""
        super().handle_accept()
        if len(self._map) >= self.adj.connection_limit:
            waiting = [
                (since, number)
                for number, channel in self.active_channels.items()
                if (since := channel.waits_since()) is not None
            ]
            if waiting:
                self.active_channels[min(waiting)[1]].handle_close()


class BoundedTcpServer(_Bounded, TcpWSGIServer):  # type: ignore[misc]
    """Listens on a port."""


class _SharingServer(BoundedTcpServer):
    """Listens on a port that another process of this user holds."""

    def bind_server_socket(self) -> None:
        """Bind the socket, beside the holder's socket, which does not listen."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().bind_server_socket()


def create_server(app: Any, *, share_port: bool = False, **settings: Any) -> Any:
    """Return a waitress server for `app`, as `waitress.create_server` does, on one address.

    `share_port` where another process of this user holds the port; not on every system.
    """
    settings |= {
        "connection_limit": MOST_CONNECTIONS,
        "cleanup_interval": CLEANUP_INTERVAL_S,
        "asyncore_use_poll": True,  # select() ends at 1,024 files
    }
    if "unix_socket" not in settings:
        return (_SharingServer if share_port else BoundedTcpServer)(app, **settings)
    from waitress.server import UnixWSGIServer  # Windows has none

    kind = type("BoundedUnixServer", (_Bounded, UnixWSGIServer), {})
    return kind(app, **settings)
