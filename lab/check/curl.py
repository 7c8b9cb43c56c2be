"""The shortest script as lines for bash: start, send, kill, send again."""

import re
import shlex
from collections.abc import Iterator

from lab.check.conversation import Call, Ref, Template, as_bytes, joined, recorded
from lab.check.judge import Report, Reproducer
from lab.check.service import Start

_HELPERS = """\
stop() { kill -9 -- -$SERVICE; wait $SERVICE 2>/dev/null; }
restart() { stop; start; }
"""
_GIVEN = """\
given() { python3 -c '  # a value that answer N gave, as it is or written for "json" or a "url"
import json, re, sys
from urllib.parse import quote
number, where, form = (*sys.argv[1:], "")[:3]
kind, _, name = where.partition(":")
if kind == "json":
    value = json.load(open("answer" + number))
    for part in name.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        value = value[int(part) if isinstance(value, list) else part]
    value = str(value)
else:
    text = open("headers" + number).read()
    value = re.search("(?im)^" + re.escape(name) + ": *(.*?)[ \\r]*$", text)[1]
    if kind == "path":
        value = re.sub("^[a-z]+://[^/]*", "", value)
value = json.dumps(value)[1:-1] if form == "json" else value
print(quote(value, safe="") if form == "url" else value)
' "$@"; }"""
_TWO = "stop() { for each in $SERVICES; do kill -9 -- -$each; done; wait 2>/dev/null; }"


def as_curl(report: Report, start: Start) -> str:
    """Return the shortest script, runnable from where the service is started; "" without one.

    Values that earlier answers gave are looked up in those answers.
    """
    reproducer, conversation = report.reproducer, report.conversation
    if reproducer is None or conversation is None or reproducer.unprintable:
        return ""
    calls = conversation.only(reproducer.calls).calls
    write = _in_turn if reproducer.sides else _restarted
    lines = [*write(calls, reproducer, start)]
    if any(any(call.refs()) for call in calls):
        lines.insert(1, _GIVEN)
    return "\n".join([*lines, "stop", ""])


def _restarted(calls: tuple[Call, ...], reproducer: Reproducer, start: Start) -> Iterator[str]:
    yield "set -m; PORT=8099  # -m: a process group for the service, to kill it whole"
    yield from _starter(start, "SERVICE=$!")
    yield from _HELPERS.splitlines()
    yield from _before(start)
    yield "start"
    for index, call in enumerate(calls[:-1]):
        yield _curl(call, index)
    if reproducer.wiped:
        yield "stop  # kill -9"
        yield start.reset or ""
        yield "start"
    else:
        yield "restart  # kill -9, and start again"
    yield _told(reproducer)
    yield _curl(calls[-1], len(calls) - 1, last=True)


def _in_turn(calls: tuple[Call, ...], reproducer: Reproducer, start: Start) -> Iterator[str]:
    yield "set -m  # a process group for each service, to kill it whole"
    yield from _starter(start, 'SERVICES="$SERVICES $!"')
    yield _TWO
    yield from _before(start)
    yield "PORT=8098; start"
    yield "PORT=8099; start"
    for index, (side, call) in enumerate(zip(reproducer.sides, calls, strict=True)):
        last = index == len(calls) - 1
        if last:
            yield _told(reproducer)
        yield f"PORT={8098 + side}; {_curl(call, index, last=last)}"


def _told(reproducer: Reproducer) -> str:
    # A line break in it would end the comment.
    return "# in the conversation: " + " ".join(str(reproducer.differences[0]).split())


def _starter(start: Start, remember: str) -> Iterator[str]:
    settings = "".join(f"{name}={_with_port(value)} " for name, value in start.env.items())
    command = " ".join(_with_port(word) for word in start.said())
    ready = shlex.quote(start.ready or "/")
    yield f"start() {{ {settings}{command} >>service.log 2>&1 & {remember}"
    yield f'  until curl -s -o /dev/null "http://127.0.0.1:$PORT"{ready}; do sleep 0.1; done; }}'


def _before(start: Start) -> Iterator[str]:
    yield "rm -f jar"
    if start.reset:
        yield start.reset


def _with_port(text: str) -> str:
    return (
        '"$PORT"'.join(shlex.quote(part) if part else "" for part in text.split("{port}")) or "''"
    )


def _curl(call: Call, index: int, *, last: bool = False) -> str:
    words = ["curl", "-sS", "-g", "-b", "jar", "-c", "jar"]
    words += ["--head"] if call.method == "HEAD" else ["-X", shlex.quote(call.method)]
    words += ["-i"] if last else ["-D", f"headers{index + 1}", "-o", f"answer{index + 1}"]
    for name, value in call.headers:
        words += ["-H", _quoted((f"{name}: ", *value)) if value else shlex.quote(f"{name};")]
    if call.body is not None:
        words += _body(call.body)
        if not any(name.lower() == "content-type" for name, _ in call.headers):
            words += ["-H", "Content-Type:"]
    words.append('"http://127.0.0.1:$PORT"' + _quoted(call.path))
    return " ".join(words)


def _body(body: Template) -> list[str]:
    if any(isinstance(piece, str) and "\0" in piece for piece in body):
        # No argument can hold a zero byte; a file can.
        return ["--data-binary", f"@<(printf %b {shlex.quote(_numbers(body))})"]
    return ["--data-raw", _quoted(body)]


def _numbers(body: Template) -> str:
    return "".join(f"\\x{byte:02x}" for byte in as_bytes(recorded(body)))


def _quoted(template: Template) -> str:
    return (
        "".join(
            _word(piece) if isinstance(piece, str) else f'"$({_look_up(piece)})"'
            for piece in joined(template)
        )
        or "''"
    )


def _word(text: str) -> str:
    """Quote for bash; what a terminal would not show as it is, by its number."""
    if not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text):
        return shlex.quote(text)
    safe = "".join(
        f"\\x{byte:02x}" if byte < 32 or byte > 126 or chr(byte) in "\\'" else chr(byte)
        for byte in text.encode("utf-8", "surrogateescape" if _escapable(text) else "replace")
    )
    return f"$'{safe}'"


def _escapable(text: str) -> bool:
    return not re.search(r"[\ud800-\udc7f\udd00-\udfff]", text)


def _look_up(ref: Ref) -> str:
    """Return the shell command that reads a value out of an earlier answer."""
    words = ["given", str(ref.call + 1), ref.where, *([ref.form] if ref.form else [])]
    return shlex.join(words)
