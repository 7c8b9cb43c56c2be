"""The shortest script for bash: it shows the difference, and that it is not there without it."""

import re
import shlex
from collections.abc import Iterator

from lab.check.conversation import Call, Conversation, Ref, Template, as_bytes, joined, recorded
from lab.check.judge import Report, Reproducer
from lab.check.service import Start
from lab.core.shell import body_words, quoted

_GIVEN = """\
given() { python3 -c '  # a value that answer N gave, as it is or written for "json" or a "url"
import json, re, sys
from urllib.parse import parse_qsl, quote, urlsplit
number, where, form = (*sys.argv[1:], "")[:3]
kind, _, name = where.partition(":")
head = open("headers" + number, errors="replace").read()
def header(name):
    return re.search("(?im)^" + re.escape(name) + ": *(.*?)[ \\r]*$", head)[1]
if kind == "json":
    value = json.load(open("answer" + number))
    for part in name.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        value = value[int(part) if isinstance(value, list) else part]
    value = str(value)
elif kind == "match":
    value = re.search(name, open("answer" + number, errors="replace").read())[1]
elif kind == "cookie":
    value = re.findall("(?im)^set-cookie: *" + re.escape(name) + "=([^;\\r\\n]*)", head)[-1]
elif kind == "query":
    parts = urlsplit(header("location"))
    value = dict(parse_qsl(parts.query) + parse_qsl(parts.fragment))[name.partition(":")[2]]
else:
    value = re.sub("^[a-z]+://[^/]*", "", header(name)) if kind == "path" else header(name)
value = json.dumps(value)[1:-1] if form == "json" else value
print(quote(value, safe="") if form == "url" else value)
' "$@"; }"""
_JUDGE = """\
judge() { python3 -c '  # what the last answer has at a place, in three runs; 0 if it differs
import json, re, sys
where, last, relation = sys.argv[1:]
def read(name):
    try:
        return open(name, errors="replace").read()
    except OSError:
        return ""
def value(run):
    head, body = read(run + "/headers" + last), read(run + "/answer" + last)
    if where == "status":
        return (re.findall("(?m)^HTTP/[0-9.]+ ([0-9]+)", head) or ["no answer"])[-1]
    if where.startswith("header:"):
        name, _, key = where[7:].partition("?")
        found = re.findall("(?im)^" + re.escape(name) + ": *(.*?)[ \\r]*$", head)
        part = "[?&#]" + re.escape(key) + "=([^&]*)"
        return [re.findall(part, each) if key else each for each in found]
    if where.startswith("/"):
        try:
            found = json.loads(body)
            for part in where.split("/")[1:] if where != "/" else []:
                part = part.replace("~1", "/").replace("~0", "~")
                found = found[int(part) if isinstance(found, list) and part.isdigit() else part]
        except (ValueError, LookupError, TypeError):
            return "nothing"
        return found
    return re.findall(r"\\w+|[^\\w\\s]", body)
def seen(run):
    found = value(run)
    if relation == "relation":
        for number in map(str, range(1, int(last))):
            if str(found) in read(run + "/answer" + number) + read(run + "/headers" + number):
                return "that of answer " + number
        return "one of its own"
    return found
control, again, shown = map(seen, ("control", "again", "shown"))
if isinstance(control, list) and where.startswith("body"):  # words that both controls have
    words = [word for word in control if word in again]
    gone = [word for word in words if word not in shown]
    new = [word for word in shown if word not in control] if control == again else []
    print(where + ": gone:", *(gone[:20] or ["nothing"]), "- new:", *(new[:20] or ["nothing"]))
    sys.exit(not (gone or new))
print(where + ":", json.dumps(control), "without,", json.dumps(shown), "with it")
sys.exit(control != again or control == shown)
' "$@"; }"""
_FRAME = """\
# Shows it: exit status 0 if the last answers differ, 1 if not, 2 if the service does not start.
HERE=$PWD WORK=$(mktemp -d) SERVICES=
trap 'stop; rm -rf "$WORK"' EXIT; trap 'exit 130' INT TERM
free_port() { python3 -c '
import socket
with socket.create_server(("127.0.0.1", 0)) as s: print(s.getsockname()[1])'; }
stop() { for each in $SERVICES; do
  while kill -9 -- -$each; do sleep 0.02; done; done 2>/dev/null; SERVICES=; }
run() { mkdir "$WORK/$1"; cd "$WORK/$1"; before; "$2"; stop; }"""


def as_curl(report: Report, start: Start) -> str:
    """Return the shortest script, runnable from where the service is started; "" without one.

    Values that earlier answers gave are looked up in those answers. It works in a folder of its
    own, and leaves nothing.
    """
    reproducer, conversation = report.reproducer, report.conversation
    if reproducer is None or conversation is None or reproducer.unprintable:
        return ""
    return "\n".join([*_lines(conversation, reproducer, start), ""])


def _lines(conversation: Conversation, reproducer: Reproducer, start: Start) -> Iterator[str]:
    calls = conversation.only(reproducer.calls).calls
    host = start.host or _domain(conversation)
    last = len(calls)
    yield from _FRAME.splitlines()
    yield from _start(start, reproducer)
    if any(any(call.refs()) for call in calls):
        yield _GIVEN
    yield _JUDGE
    for number, call in enumerate(calls, start=1):
        yield f"call{number}() {{"
        yield _curl(call, number, host)
        yield "}"
    numbers = range(1, last + 1)
    yield f"control() {{ start; {' '.join(f'call{n};' for n in numbers)} }}"
    yield _shown(reproducer, start, last)
    yield 'run control control; run shown shown; run again control; cd "$WORK"'
    difference = reproducer.differences[0]
    where = re.sub(r" \(answer \d+\)$", "", difference.where)
    kind = "relation" if difference.seen.startswith("no longer ") else "value"
    # A line break in it would end the comment.
    yield f"# in the conversation: {' '.join(str(difference).split())}"
    yield f"judge {quoted(where)} {last} {kind}"


def _shown(reproducer: Reproducer, start: Start, last: int) -> str:
    """Return the function that makes the difference."""
    if reproducer.sides:
        asked = " ".join(
            f"URL=${'AB'[side]}; call{n};" for n, side in enumerate(reproducer.sides, start=1)
        )
        return f"shown() {{ start; A=$URL; start; B=$URL; {asked} }}  # two that live"
    calls = "".join(f"call{n}; " for n in range(1, last))
    between = "stop; before; start" if reproducer.wiped or reproducer.elsewhere else "stop; start"
    what = "kill -9, and start again"
    if reproducer.elsewhere:
        what += ", as on another machine"
    elif reproducer.wiped:
        what += " with nothing behind it"
    return f"shown() {{ start; {calls}{between}; call{last}; }}  # {what}"


def _start(start: Start, reproducer: Reproducer) -> Iterator[str]:
    settings = "".join(f" {name}={_filled(value)}" for name, value in start.env.items())
    command = " ".join(_filled(word) for word in start.said())
    ready = quoted(start.ready or "/")
    if reproducer.elsewhere:
        yield 'before() { cd_to=$(mktemp -d "$WORK/machine.XXXXXX"); AT=$cd_to/folder'
        yield '  cp -R "$HERE" "$AT"; mkdir "$cd_to/home" "$cd_to/tmp"'
        yield "  export HOME=$cd_to/home TMPDIR=$cd_to/tmp; }"
    else:
        reset = f' (cd "$HERE" && {start.reset});' if start.reset else ""
        yield f"before() {{ AT=$HERE;{reset} }}"
    yield 'start() { PORT=$(free_port) SCRATCH=$(mktemp -d "$WORK/dir.XXXXXX")'
    yield "  set -m  # a process group of its own, to kill it whole"
    yield f'  (cd "$AT" && exec env{settings} {command}) >>"$WORK/service.log" 2>&1 &'
    yield '  SERVICES="$SERVICES $!"; disown; set +m'
    yield f"  for _ in {{1..{max(20, int(start.ready_s * 10))}}}; do"
    yield "    for URL in http://127.0.0.1:$PORT http://[::1]:$PORT https://127.0.0.1:$PORT; do"
    yield f'      curl -gsk -m 2 -o /dev/null "$URL"{ready} && return; done; sleep 0.1; done'
    yield '  echo "the service did not start:"; tail "$WORK/service.log"; exit 2; }'


def _domain(conversation: Conversation) -> str | None:
    """Return the Domain that cookies of the service are for: curl sends them to that name."""
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


def _curl(call: Call, number: int, host: str | None) -> str:
    words = ["curl", "-sS", "-g", "-k", "-b", "jar", "-c", "jar"]
    words += ["--head"] if call.method == "HEAD" else ["-X", quoted(call.method)]
    words += ["-D", f"headers{number}", "-o", f"answer{number}"]
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
    return " ".join(words)


def _quoted(template: Template) -> str:
    return (
        "".join(
            quoted(piece, as_bytes(piece)) if isinstance(piece, str) else f'"$({_look_up(piece)})"'
            for piece in joined(template)
        )
        or "''"
    )


def _look_up(ref: Ref) -> str:
    """Return the shell command that reads a value out of an earlier answer."""
    words = ["given", str(ref.call + 1), ref.where, *([ref.form] if ref.form else [])]
    return shlex.join(words)
