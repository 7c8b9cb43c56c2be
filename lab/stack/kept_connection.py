"""A connection to a server that stays open: which instance answers on it, as long as it does."""

import http.client
import json
from typing import Self

KEPT_ANSWER_TIMEOUT_S = 2.0


class KeptConnection:
    """An open HTTP connection to one server; a `with` block.

    Where an address leads to whatever is alive behind it, as a Service of Kubernetes does, new
    connections are refused or go to another server while the old one still serves what it has:
    a balancer keeps its connections too, and so would get answers from it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=KEPT_ANSWER_TIMEOUT_S)
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def instance(self) -> str:
        """Ask on this connection who is there; "" once it is silent or closed, and from then on."""
        if not self._is_open:
            return ""
        try:
            self._connection.request("GET", "/api/server")
            answer = self._connection.getresponse()
            info = json.loads(answer.read())
            self._is_open = not answer.will_close
        except (OSError, http.client.HTTPException, ValueError, RecursionError):
            info, self._is_open = None, False
        finally:
            if not self._is_open:
                self._connection.close()  # http.client would open another one by itself
        known = info.get("instance") if isinstance(info, dict) else None
        return known if isinstance(known, str) else ""
