"""One HTTP answer for every script of the lab, and typed errors for a missing one."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import msgspec

from lab.core.json_object import json_or_none

DEEPEST = 100  # levels of JSON; a deeper body is text here
BAD_GATEWAY, GATEWAY_TIMEOUT = 502, 504
UNANSWERED = frozenset({BAD_GATEWAY, GATEWAY_TIMEOUT})  # a load balancer, for a silent server


def is_answered(status: int | None) -> bool:
    """True if a server answered, even with a refusal; a status of None means no answer."""
    return status is not None and status not in UNANSWERED


class TransportError(Exception):
    """No complete answer came. `sent`: the service may have carried the request out."""

    sent = True
    says = "no answer"

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.says} ({detail})" if detail else self.says)


class ConnectionRefused(TransportError):
    """No program listens there: the request was not sent."""

    sent = False
    says = "connection refused"


class ConnectTimedOut(TransportError):
    """The connection was not made in time: the request was not sent."""

    sent = False
    says = "timed out while connecting"


class NotSent(TransportError):
    """The request could not be written, or there is no way to the host."""

    sent = False
    says = "not sent"


class ConnectionReset(TransportError):
    """The connection ended before the answer did."""

    says = "connection closed before the answer"


class ReadTimedOut(TransportError):
    """The request was sent, and the answer did not come in time."""

    says = "timed out waiting for the answer"


class BadAnswer(TransportError):
    """Something came that is not an HTTP answer."""

    says = "not an HTTP answer"


# By module and name, so that none of these modules is imported here. A name alone is not enough:
# InvalidHeader of requests is about the request, that of urllib3 about the answer.
_Kinds = tuple[tuple[frozenset[str], type[TransportError]], ...]
_IN_CONNECTING = frozenset(
    {
        "builtins.ConnectionRefusedError",
        "socket.gaierror",
        "ssl.SSLCertVerificationError",
        "requests.exceptions.ConnectTimeout",
        "urllib3.exceptions.ConnectTimeoutError",
    }
)
_BEFORE_SENDING: _Kinds = (
    (frozenset({"builtins.ConnectionRefusedError"}), ConnectionRefused),
    # A kind of ConnectTimeoutError, although no time was over; NameResolutionError is one of it.
    (frozenset({"urllib3.exceptions.NewConnectionError"}), NotSent),
    (
        frozenset({"builtins.TimeoutError", "requests.exceptions.ConnectTimeout"})
        | {"urllib3.exceptions.ConnectTimeoutError"},
        ConnectTimedOut,
    ),
)
_AFTER_CONNECTING: _Kinds = (
    (frozenset({"urllib3.exceptions.InvalidHeader"}), BadAnswer),
    (
        frozenset({"requests.exceptions.InvalidURL", "requests.exceptions.InvalidHeader"})
        | {"requests.exceptions.InvalidSchema", "requests.exceptions.MissingSchema"}
        | {"http.client.InvalidURL", "urllib3.exceptions.LocationValueError"},
        NotSent,
    ),
    (
        frozenset({"requests.exceptions.ReadTimeout", "urllib3.exceptions.ReadTimeoutError"})
        | {"builtins.TimeoutError"},
        ReadTimedOut,
    ),
    (
        frozenset({"builtins.ConnectionError", "http.client.IncompleteRead"})
        | {"ssl.SSLEOFError", "ssl.SSLZeroReturnError"},
        ConnectionReset,
    ),
    (frozenset({"builtins.UnicodeEncodeError"}), NotSent),
)


def transport_error(error: BaseException, *, connecting: bool = False) -> TransportError:
    """Return the typed form of an error of requests, urllib3, http.client, ssl or the system.

    `connecting`: it was raised while the connection was made. Errors of requests and urllib3, of
    a host's name and of a TLS handshake show that by themselves.
    """
    chain = [*_chain(error)]
    names = {name for each in chain for name in _names(each)}
    if connecting or names & _IN_CONNECTING or any(map(_in_handshake, chain)):
        kind = _first(_BEFORE_SENDING, names, NotSent)
    else:
        # A system error of a connection that stood, such as "no route to host", ends it.
        ended = any(type(each) is OSError and each.errno for each in chain)
        kind = _first(_AFTER_CONNECTING, names, ConnectionReset if ended else BadAnswer)
    return kind(_detail(chain) if kind is NotSent else type(error).__name__)


def _first(kinds: _Kinds, names: Set[str], otherwise: type[TransportError]) -> type[TransportError]:
    return next((kind for known, kind in kinds if known & names), otherwise)


def _names(error: BaseException) -> set[str]:
    return {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}


def _in_handshake(error: BaseException) -> bool:
    """True if it was raised while TLS was agreed on: no request can have been sent yet."""
    step = error.__traceback__
    while step:
        if step.tb_frame.f_code.co_name == "do_handshake":
            return True
        step = step.tb_next
    return False


def _detail(chain: Sequence[BaseException]) -> str:
    """Return what the system says, or the name of the error."""
    said = (each.strerror for each in chain if isinstance(each, OSError) and each.strerror)
    return next(said, type(chain[0]).__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it wraps: its causes, its contexts and errors in its arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        waiting += [other for other in inner if isinstance(other, BaseException)]


class Headers(Mapping[str, str]):
    """Headers by name, case-insensitive; `pairs` has all of them in order, names in lower case."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple((name.lower(), value) for name, value in pairs)

    def __getitem__(self, name: str) -> str:
        wanted = name.lower()
        for key, value in self.pairs:
            if key == wanted:
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key == name.lower() for key, _ in self.pairs)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.pairs))

    def __len__(self) -> int:
        return len(dict(self.pairs))

    def all(self, name: str) -> list[str]:
        """Return every value of that name: a response may set several cookies."""
        return [value for key, value in self.pairs if key == name.lower()]

    def __eq__(self, other: object) -> bool:
        return self.pairs == other.pairs if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:
        return f"Headers({sorted(self)})"  # names only: values may be credentials


@dataclass(frozen=True)
class Answer:
    """An answer under the names that requests uses. `status` None: none came, see `failure`.

    `complete` is False for a stream that was left before it ended; `events` says how many of its
    events belong together: they came at once, or as many were waited for.
    """

    status: int | None
    headers: Headers = field(default_factory=Headers)
    content: bytes = field(default=b"", repr=False)
    failure: TransportError | None = None
    elapsed_s: float = 0.0
    complete: bool = True
    events: int = 0

    @property
    def status_code(self) -> int | None:
        """The status; None if no answer came."""
        return self.status

    @property
    def error(self) -> str | None:
        """The failure as a sentence; None if an answer came."""
        return None if self.failure is None else str(self.failure)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def ok(self) -> bool:
        """True if an answer came and it is not an error."""
        return self.status is not None and self.status < 400

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that it sets, by name."""
        pairs = (each.partition(";")[0].partition("=") for each in self.headers.all("set-cookie"))
        return {name.strip(): value.strip() for name, _, value in pairs}

    @property
    def elapsed(self) -> timedelta:
        """How long it took."""
        return timedelta(seconds=self.elapsed_s)

    def json(self) -> Any:
        """Return the body's JSON; ValueError if it is not JSON, or nested deeper than 100."""
        with suppress(RecursionError):
            document = json.loads(self.content)
            if document is None or self.is_json:
                return document
        raise ValueError(f"the JSON is nested deeper than {DEEPEST} levels")

    def raise_for_status(self) -> None:
        """Raise the transport's error if no answer came, ValueError if its status is an error."""
        if self.failure is not None:
            raise self.failure
        if not self.ok:
            raise ValueError(f"the answer is {self.status}: {self.text[:200]}")

    @cached_property
    def body(self) -> Any:
        """The body's JSON, or None if it is not JSON (or nested deeper than 100)."""
        try:
            document = msgspec.json.decode(self.content)  # five times as fast as json
        except (msgspec.DecodeError, ValueError, RecursionError):
            document = json_or_none(self.content)  # NaN, long numbers, other encodings
        return None if _is_deeper(self.content, document, DEEPEST) else document

    @property
    def is_json(self) -> bool:
        """True if the body is JSON (null included)."""
        return self.body is not None or self.content.strip() == b"null"

    def header(self, name: str) -> str | None:
        """Return the first header of that name, whatever its case."""
        return self.headers.get(name)


class WithAnswer:
    """An `answer`, and all its names: what a script is handed has them, whatever else it is."""

    @property
    def answer(self) -> Answer:
        """The answer alone, as a script of `lab check` is given it."""
        raise NotImplementedError

    @property
    def status_code(self) -> int | None:
        """The status; None if no answer came."""
        return self.answer.status_code

    @property
    def headers(self) -> Headers:
        """The answer's headers; names are case-insensitive."""
        return self.answer.headers

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the answer sets, by name."""
        return self.answer.cookies

    @property
    def content(self) -> bytes:
        """The body as it came."""
        return self.answer.content

    @property
    def text(self) -> str:
        """The body as text."""
        return self.answer.text

    @property
    def body(self) -> Any:
        """The body's JSON, or None if it is not JSON (or nested deeper than 100)."""
        return self.answer.body

    @property
    def is_json(self) -> bool:
        """True if the body is JSON (null included)."""
        return self.answer.is_json

    @property
    def ok(self) -> bool:
        """True if an answer came and it is not an error."""
        return self.answer.ok

    @property
    def elapsed(self) -> timedelta:
        """The time from sending to the end of the answer."""
        return self.answer.elapsed

    def header(self, name: str) -> str | None:
        """Return the first header of that name, whatever its case."""
        return self.answer.header(name)

    def json(self) -> Any:
        """Return the body's JSON; raise ValueError if it is not JSON."""
        return self.answer.json()

    def raise_for_status(self) -> None:
        """Raise the transport's error if no answer came, ValueError if its status is an error."""
        self.answer.raise_for_status()


def count_events(body: bytes) -> int:
    """Return how many events of a stream are in a body: of an event stream, or lines, or one."""
    text = body.replace(b"\r\n", b"\n")
    return text.count(b"\n\n") or text.count(b"\n") or int(bool(body))


def _is_deeper(text: bytes, document: Any, levels: int) -> bool:
    if text.count(b"[") + text.count(b"{") <= levels:  # a crowd reads every body
        return False
    level = [document]
    for _ in range(levels):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)
