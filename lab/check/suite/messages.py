"""HTTP/1.1 messages as bytes: their heads, and where their bodies end (RFC 9112)."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase

MOST_HEAD = 256 * 1024
MOST_LINE = 1024  # bytes of the line that gives a chunk's size
PIECE = 64 * 1024


class NotHttp(Exception):
    """What came is not an HTTP/1 message, or its head is too long."""


@dataclass(frozen=True)
class Head:
    """The first line of a message and its headers, as the bytes that came."""

    lines: tuple[bytes, ...]

    @property
    def raw(self) -> bytes:
        """The whole head, with the empty line at its end."""
        return b"".join(self.lines) + b"\r\n"

    @property
    def words(self) -> list[str]:
        """The words of the first line."""
        return self.lines[0].decode("latin-1").split()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers, their names in lower case."""
        pairs = (line.decode("latin-1").partition(":") for line in self.lines[1:])
        return [(name.strip().lower(), value.strip()) for name, _, value in pairs]

    def has(self, name: str, word: str) -> bool:
        """Return True if a header lists a word: `has("connection", "close")`."""
        values = (value for key, value in self.headers if key == name)
        return any(word in [each.strip() for each in v.lower().split(",")] for v in values)

    @property
    def length(self) -> int | None:
        """Content-Length; None if there is none, NotHttp if it is not a number."""
        values = {value for name, value in self.headers if name == "content-length"}
        if not values:
            return None
        if len(values) > 1 or not (text := values.pop()).isascii() or not text.isdigit():
            raise NotHttp("Content-Length is not one number")
        return int(text)

    def without(self, name: str) -> "Head":
        """Return the head without the headers of this name."""
        start = f"{name}:".encode()
        kept = [line for line in self.lines[1:] if not line.lower().startswith(start)]
        return Head((self.lines[0], *kept))


def read_head(file: BufferedIOBase) -> Head | None:
    """Return the next head, None if the connection has ended; NotHttp for anything else."""
    lines: list[bytes] = []
    size = 0
    while True:
        line = file.readline(MOST_HEAD)
        size += len(line)
        if not line:
            return None
        if size >= MOST_HEAD or not line.endswith(b"\n"):
            raise NotHttp("the head is too long, or was cut")
        if line not in (b"\r\n", b"\n"):
            lines.append(line)
        elif lines:
            break
    head = Head(tuple(lines))
    if len(head.words) < 2:
        raise NotHttp("the first line is not HTTP")
    return head


def body(file: BufferedIOBase, head: Head, *, to_the_end: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield a body as it comes: the bytes on the wire, and what of them is content.

    A message with neither length nor chunks ends with its connection, or has no body. Raise
    NotHttp for chunks that are malformed, ConnectionError if it ends too early.
    """
    if head.has("transfer-encoding", "chunked"):
        yield from _chunks(file)
    elif (length := head.length) is not None:
        for piece in _exactly(file, length):
            yield piece, piece
    elif to_the_end:
        while piece := file.read1(PIECE):
            yield piece, piece


def _chunks(file: BufferedIOBase) -> Iterator[tuple[bytes, bytes]]:
    while True:
        line = file.readline(MOST_LINE)
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise NotHttp("a chunk has no size") from None
        yield line, b""
        if size <= 0:
            break
        for piece in _exactly(file, size):
            yield piece, piece
        yield file.readline(MOST_LINE), b""
    while True:  # trailers, as a rule none
        line = file.readline(MOST_HEAD)
        yield line, b""
        if line in (b"\r\n", b"\n", b""):
            return


def _exactly(file: BufferedIOBase, size: int) -> Iterator[bytes]:
    while size:
        piece: bytes = file.read1(min(size, PIECE))
        if not piece:
            raise ConnectionError("the body ended too early")
        size -= len(piece)
        yield piece
