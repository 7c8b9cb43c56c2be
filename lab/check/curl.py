"""The shortest script for a shell: it shows the difference, and that it is not there without it."""

import re
from collections.abc import Iterator, Sequence

from lab.check.conversation import Call, Conversation, Template, as_bytes, joined, recorded
from lab.check.curl_parts import given, judge, look_up
from lab.check.curl_workers import again, judge_again
from lab.check.judge import Report, Reproducer
from lab.check.start import Start
from lab.check.trace import without_refs
from lab.core.shell import body_words, quoted

_START = """\
HERE=$PWD WORK=$(mktemp -d) PIDS=
stop() { for pid in $PIDS; do kill -9 "$pid"; left=40
  while kill -s KILL -- "-$pid" && [ $((left -= 1)) -gt 0 ]; do sleep 0.05; done
  done 2>/dev/null; PIDS=; }
trap 'stop; rm -rf "$WORK"' EXIT; trap 'exit 130' INT TERM
start() {  # on a free port, in a process group of its own
  PORT=$(python3 -c 'import socket
print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
  URL=%(url)s"""
_WAIT = """\
  PIDS="$PIDS $!" tries=%(tries)d
  until curl -gsk -m 2 -o /dev/null "$URL"%(ready)s; do
    tries=$((tries - 1)); sleep 0.1; [ $tries -gt 0 ] && continue
    echo "the service did not start:"; tail "$WORK/log"; exit 2
  done; }"""
_OWN_GROUP = "import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])"
UNSTREAM = """\
unstream() {  # of an event stream, the last message is the answer
  grep -qi '^content-type: *text/event-stream' head$1 || return 0
  tr '\\r' '\\n' <body$1 | sed -n 's/^data: *\\(.\\)/\\1/p' | tail -n 1 >body; mv body body$1; }"""
_MACHINE = """\
reset() {  # as another machine: its own copy of the folder, its own home
  AT=$(mktemp -d "$WORK/machine.XXXXXX"); cp -R "$HERE/." "$AT"
  HOME=$(mktemp -d "$WORK/home.XXXXXX") TMPDIR=$(mktemp -d "$WORK/tmp.XXXXXX")
  export HOME TMPDIR; }"""


def as_curl(report: Report, start: Start) -> str:
    """Return the shortest script, to be run in the folder of the service; "" if there is none.

    Values that earlier answers gave are looked up in those answers. It works in a folder of its
    own, and leaves nothing.
    """
    reproducer, conversation = report.reproducer, report.conversation
    if reproducer is None or conversation is None or reproducer.unprintable:
        return ""
    lines = [*_lines(conversation, reproducer, start, report.url), ""]
    return "\n".join([*_head(lines, conversation, reproducer), *lines])


def _head(lines: list[str], conversation: Conversation, reproducer: Reproducer) -> Iterator[str]:
    text = "\n".join(lines)
    yield "#!/bin/bash" if "$'" in text or "<(printf" in text else "#!/bin/sh"
    titles = [" ".join(conversation.calls[each].title.split()) for each in reproducer.calls]
    # A line break in it would end the comment.
    yield f"# {', '.join(titles)}: {' '.join(str(reproducer.differences[0]).split())}"
    yield "# Exit status: 0 this shows it, 1 it does not, 2 the service did not start."


def _lines(
    conversation: Conversation, reproducer: Reproducer, start: Start, url: str
) -> Iterator[str]:
    calls = conversation.only(reproducer.calls).calls
    host = start.host or _domain(conversation)
    yield from _start(start, reproducer, url)
    yield from given(ref for call in calls for ref in call.refs())
    if any(call.rpc for call in calls):
        yield from UNSTREAM.splitlines()
    for number, call in enumerate(calls, start=1):
        yield f"call{number}() {{ {curl_line(call, number, host)}; }}"
    if reproducer.repeated:
        yield from _again(calls, reproducer, start, host)
        return
    numbers = range(1, len(calls) + 1)
    yield f"control() {{ start; {' '.join(f'call{n};' for n in numbers)} }}"
    yield _shown(reproducer, start, len(calls))
    yield _run(start, reproducer)
    yield from judge(reproducer.differences[0], reproducer.calls)


def _again(
    calls: Sequence[Call], reproducer: Reproducer, start: Start, host: str | None
) -> Iterator[str]:
    """Yield the lines that send the last call again and again, to one server."""
    last = len(calls)
    yield f"bare() {{ {curl_line(without_refs(calls[-1]), last, host)}; }}"
    yield from again(reproducer.repeated, start.ready or "/")
    yield "control() { start; again bare; }  # a server that has had none of the calls"
    before = "".join(f"call{number}; " for number in range(1, last))
    yield f"shown() {{ start; {before}again call{last}; }}"
    yield _run(start, reproducer)
    yield from judge_again(reproducer.differences[0], last, reproducer.repeated)


def _run(start: Start, reproducer: Reproducer) -> str:
    before = "reset; " if start.reset or reproducer.elsewhere else ""
    return f'run() {{ mkdir "$WORK/$1"; cd "$WORK/$1"; {before}"$2"; stop; }}'


def _shown(reproducer: Reproducer, start: Start, last: int) -> str:
    """Return the function that makes the difference."""
    if reproducer.sides:
        asked = " ".join(_by_side(reproducer.sides, reproducer.opening))
        return f"shown() {{ start; A=$URL; start; B=$URL; {asked} }}  # two that live"
    calls = "".join(f"call{n}; " for n in range(1, last))
    between = "stop; start"
    what = "kill -9, and start again"
    if reproducer.elsewhere:
        between, what = "stop; reset; start", "kill -9, and start it on another machine"
    elif reproducer.wiped:
        between = "stop; reset; start" if start.reset else between
        what += " with nothing behind it"
    if reproducer.young:
        between = between.removesuffix("start") + "sleep 1; start"
        what += ", in a later second"
    opening = "".join(f"call{n}; " for n in range(1, reproducer.opening + 1))
    return f"shown() {{ start; {calls}{between}; {opening}call{last}; }}  # {what}"


def _by_side(sides: Sequence[int], opening: int) -> Iterator[str]:
    """Yield the calls, each to its process; a process that is new gets the opening calls first."""
    before = sides[0]
    for n, side in enumerate(sides, start=1):
        first = range(1, opening + 1) if side != before and n > opening else ()
        yield " ".join([f"URL=${'AB'[side]};", *(f"call{each};" for each in [*first, n])])
        before = side


def _start(start: Start, reproducer: Reproducer, url: str) -> Iterator[str]:
    settings = "".join(f" {name}={_filled(value)}" for name, value in start.env.items())
    command = f"{'env' if settings else ''}{settings} {' '.join(map(_filled, start.said()))}"
    at = "$AT" if reproducer.elsewhere else "$HERE"
    if reproducer.elsewhere:
        yield _MACHINE
    elif start.reset:
        yield f'reset() {{ (cd "$HERE" && {start.reset}); }}'
    yield from (_START % {"url": url.replace("{port}", "$PORT")}).splitlines()
    if '"$SCRATCH"' in command:
        yield '  SCRATCH=$(mktemp -d "$WORK/dir.XXXXXX")'
    yield f"  (cd \"{at}\" && exec python3 -c '{_OWN_GROUP}' \\"
    yield f'    {command.strip()}) >>"$WORK/log" 2>&1 &'
    tries = max(20, int(start.ready_s * 10))
    yield from (_WAIT % {"tries": tries, "ready": quoted(start.ready or "/")}).splitlines()


def _domain(conversation: Conversation) -> str | None:
    """Return the Domain of the service's cookies: curl sends cookies to that name."""
    for answer in conversation.answers:
        for name, value in answer.headers.pairs:
            found = re.search(r"(?i);\s*domain=\.?([\w.-]+)", value)
            if name == "set-cookie" and found:
                return found[1]
    return None


def _filled(text: str) -> str:
    """Quote for bash, with the placeholders as variables."""
    names = {"{port}": '"$PORT"', "{dir}": '"$SCRATCH"'}
    parts = re.split(r"({port}|{dir})", text)
    return "".join(names.get(part) or (quoted(part) if part else "") for part in parts) or "''"


def curl_line(call: Call, number: int, host: str | None) -> str:
    """Return the command that sends a call, and keeps its answer under a number."""
    words = ["curl", "-gsSk", "-b", "jar", "-c", "jar"]
    words += ["--head"] if call.method == "HEAD" else ["-X", quoted(call.method)]
    words += ["-D", f"head{number}", "-o", f"body{number}"]
    if host:
        words += ["-H", quoted(f"Host: {host}")]
    for name, value in call.headers:
        words += ["-H", _quoted((f"{name}: ", *value)) if value else quoted(f"{name};")]
    if call.body is not None:
        body = recorded(call.body)
        words += body_words(body, _quoted(call.body), as_bytes(body)) or ["--data-raw", "''"]
        if not any(name.lower() == "content-type" for name, _ in call.headers):
            words += ["-H", "Content-Type:"]
    words.append('"$URL"' + _quoted(call.path))
    if call.rpc:
        words[1] += "m10"  # a stream may stay open after the answer
        words[-1] += f"; unstream {number}"
    return " ".join(words)


def _quoted(template: Template) -> str:
    return (
        "".join(
            quoted(piece, as_bytes(piece)) if isinstance(piece, str) else f'"$({look_up(piece)})"'
            for piece in joined(template)
        )
        or "''"
    )
