"""One request and its answer, as the client saw them, with an honest outcome."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lab.core.http import Answer, Headers, TransportError, WithAnswer, is_answered
from lab.core.nearest import no_attribute
from lab.evidence.other_words import FIELDS

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, section 9.2.1
TOO_MANY = 429  # RFC 6585, section 4
MAX_COOKIE_BYTES = 4096  # name and value, as browsers enforce it (RFC 6265bis, section 5.6)


class OpStatus(StrEnum):
    """What is known of an operation. Unknown is never success."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


def outcome_of(method: str, status: int | None, *, sent: bool = True) -> OpStatus:
    """Judge one operation by its method and status (None: no answer came).

    A write that was sent and got no answer, or an answer that only says that something
    broke on the way (5xx), may have been carried out: it is unknown. A read changes
    nothing, so it simply failed. So did whatever never left the client.
    """
    if status is not None and status < 400:
        return OpStatus.OK
    was_answered = status is not None and status < 500
    if was_answered or not sent or method in SAFE_METHODS:
        return OpStatus.FAILED
    return OpStatus.UNKNOWN


class HasOutcome:
    """What follows from the status and the outcome of an operation."""

    __slots__ = ()
    status: int | None
    outcome: OpStatus

    @property
    def answered(self) -> bool:
        """True if a server of the shop answered, even with a refusal."""
        return is_answered(self.status)

    @property
    def ok(self) -> bool:
        """True if the operation is known to have succeeded."""
        return self.outcome is OpStatus.OK


@dataclass
class Exchange(HasOutcome, WithAnswer):
    """A request, its answer, and the times. Header names are kept as they were sent.

    `path` is the path within the shop, query included; `target` the server it was
    addressed to, None for the balancer's choice; `at_s` seconds since the run began;
    `waited_ms` how long after its intended start it was sent, 0 if none was planned;
    `status` None when no answer came, and `error` then says why.
    """

    op: str
    customer: str
    method: str
    path: str
    target: str | None
    at_s: float
    elapsed_ms: float
    status: int | None
    outcome: OpStatus
    request_headers: dict[str, str] = field(repr=False)
    request_body: bytes = field(repr=False)
    response_headers: dict[str, str] = field(repr=False)
    response_body: bytes = field(repr=False)
    error: str | None = None
    fate: "str | None" = None
    waited_ms: float = 0.0
    failure: TransportError | None = field(default=None, repr=False, compare=False)
    """The typed reason why no answer came: ConnectionRefused, ReadTimedOut, …"""

    if not TYPE_CHECKING:  # to a type checker, what is not there stays unknown

        def __getattr__(self, name):  # noqa: ANN001, ANN204
            """Answer a field that does not exist with the nearest that does."""
            raise no_attribute(self, "an answer", name, FIELDS)

    def __str__(self) -> str:
        """Return the exchange in a few words, for `print`: "POST /api/login at A -> 200"."""
        at = f" at {self.target}" if self.target else ""
        return f"{self.method} {self.path}{at} -> {self.error or self.status}"

    def __getitem__(self, name: object) -> Any:
        """Refuse an index: an answer is not a dict, its `body` is one."""
        raise TypeError(f"an answer is not a dict: its JSON is .body, as in answer.body[{name!r}]")

    @property
    def latency_ms(self) -> float:
        """Time from its intended start to the end of the answer, as a waiting customer sees it."""
        return self.waited_ms + self.elapsed_ms

    @property
    def is_write(self) -> bool:
        """True if the method may change something."""
        return self.method not in SAFE_METHODS

    @property
    def is_silence(self) -> bool:
        """True if it says nothing of a cart: no answer, an answer of a broken server, or 429."""
        return self.status is None or self.status >= 500 or self.status == TOO_MANY

    @cached_property
    def answer(self) -> Answer:
        """The answer under the names that `requests` uses, as in scripts of `lab check`."""
        return Answer(
            self.status,
            Headers(self.response_headers.items()),
            self.response_body,
            self.failure,
            self.elapsed_ms / 1000,
        )

    @property
    def served_by(self) -> str | None:
        """The server that answered (its X-Served-By)."""
        return self.headers.get("x-served-by")

    @property
    def instance(self) -> str | None:
        """Which process answered (its X-Instance): a restart changes it."""
        return self.headers.get("x-instance")

    @property
    def bytes_sent(self) -> int:
        """Size of the request in bytes: request line, headers and body, as HTTP/1.1 text."""
        line = len(f"{self.method} {self.path} HTTP/1.1\r\n".encode())
        return line + _headers_size(self.request_headers) + len(self.request_body)

    @property
    def bytes_received(self) -> int:
        """Size of the answer in bytes: status line (about), headers and body."""
        if self.status is None:
            return 0
        return (
            len("HTTP/1.1 200 OK\r\n")
            + _headers_size(self.response_headers)
            + len(self.response_body)
        )


def _headers_size(headers: dict[str, str]) -> int:
    pairs = headers.items()
    return sum(len(name) + len(str(value)) + len(": \r\n") for name, value in pairs) + len("\r\n")
