"""A command line for each exchange: run it again by hand, with a credential of your own.

Credentials are not kept, so `$TOKEN` stands where a bearer token was, and the cookie jar
`jar` where a cookie was. `$BASE` is the address of a desk, as `lab up` prints it.
"""

import re
from collections.abc import Iterator
from typing import Any

from lab.core.faults import FaultEvent
from lab.core.shell import PLAIN_TEXT, body_words, curl_line, quoted
from lab.evidence.run_document import ExperimentResult, RecordedExchange
from lab.report.plain import SHORTENED_TEXT, body_text, is_secret
from lab.report.wording import fault_words
from lab.shop.desks import at_server

_TOKEN_OF_HTTP = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
# The client adds these itself; X-Op belongs to the run that was recorded.
_NOT_REPEATED = frozenset(
    {"user-agent", "accept-encoding", "connection", "content-length", "host", "x-op", "cookie"}
)
_SMART_QUOTES = "'\u2018\u2019\u201a\u201b"  # PowerShell takes each of them for a quote

POSIX_HEAD = """\
# bash or zsh. An address of `lab up`, and the last "token" it gave you:
BASE=http://127.0.0.1:8000/stateful
TOKEN=
"""
POWERSHELL_HEAD = """\
# PowerShell. An address of `lab up`, and the last "token" it gave you:
$Base = 'http://127.0.0.1:8000/stateful'
$Token = ''
$Jar = New-Object Microsoft.PowerShell.Commands.WebRequestSession
"""


def posix(exchange: RecordedExchange) -> str:
    """Return a curl command for bash and zsh; text of any kind in it stays text."""
    headers = [
        (name, _with_token(f"{name}: {value}" if value else f"{name};"))
        for name, value in _headers(exchange)
    ]
    body = body_text(exchange.request)
    return curl_line(
        exchange.method,
        '"$BASE"' + _with_token(_path(exchange)),
        headers,
        body_words(body, _with_token(body)),
        ("-i", "--path-as-is"),
    )


def powershell(exchange: RecordedExchange) -> str:
    """Return an Invoke-WebRequest command for Windows PowerShell 5.1 and later."""
    headers, body = _headers(exchange), body_text(exchange.request)
    words = ["Invoke-WebRequest", "-UseBasicParsing", "-WebSession $Jar"]
    words.append(f"-Method {_ps(exchange.method)}")
    kind = [value for name, value in headers if name.lower() == "content-type"]
    rest = [(name, value) for name, value in headers if name.lower() != "content-type"]
    if rest:
        pairs = "; ".join(f"{_ps(name)} = {_ps(value)}" for name, value in rest)
        words.append(f"-Headers @{{{pairs}}}")
    words += [f"-ContentType {_ps(value)}" for value in kind]
    if body:
        words.append(f"-Body {_ps(body)}")
    words.append(f"-Uri ($Base + {_ps(_path(exchange))})")
    return " ".join(words)


def lines(experiment: ExperimentResult, form: str = "posix") -> Iterator[str]:
    """Yield a comment and a command for every exchange, and a comment for every fault."""
    write = powershell if form == "powershell" else posix
    for variant in experiment.variants:
        yield f"\n# {_comment(experiment.name)}, variant {_comment(variant.name)}"
        for event in variant.events:
            if isinstance(event, FaultEvent):
                yield f"# the lab: {_comment(fault_words(event, f' {event.target}'))}"
                continue
            answer = event.status or f"no answer: {_comment(event.error)}"
            yield f"# {_comment(event.op)}, {_comment(event.customer)}: {answer}"
            yield write(event)


def _headers(exchange: RecordedExchange) -> list[tuple[str, str]]:
    kept = []
    for name, value in exchange.request.headers.items():
        if name.lower() in _NOT_REPEATED or not _TOKEN_OF_HTTP.fullmatch(name):
            continue
        if (name.lower(), value) != ("accept", "*/*"):
            value = " ".join(value.split("\n")).replace("\r", " ")
            kept.append((name, _placed(value) if is_secret(name) else value))
    return kept


def _placed(credential: str) -> str:
    scheme, space, _ = credential.partition(" ")
    return f"{scheme} …(0 chars, sha256 00000000)" if space else "…(0 chars, sha256 00000000)"


def _path(exchange: RecordedExchange) -> str:
    path = exchange.path
    return at_server(exchange.target) + (path if path.startswith("/") else "/" + path)


def _with_token(text: str) -> str:
    """Quote `text`; where a credential was shortened in it, the placeholder stands."""
    pieces, at = [], 0
    for match in SHORTENED_TEXT.finditer(text):
        pieces += [quoted(text[at : match.start()]) if match.start() > at else "", '"$TOKEN"']
        at = match.end()
    if at < len(text) or not pieces:
        pieces.append(quoted(text[at:]))
    return "".join(pieces)


def _ps(text: str) -> str:
    pieces: list[str] = []
    at = 0
    for match in SHORTENED_TEXT.finditer(text):
        pieces += [_ps_literal(text[at : match.start()]), "$Token"]
        at = match.end()
    pieces.append(_ps_literal(text[at:]))
    shown = [piece for piece in pieces if piece not in ("", "''")] or ["''"]
    return shown[0] if len(shown) == 1 else f"({' + '.join(shown)})"


def _ps_literal(text: str) -> str:
    pieces = []
    for run in re.findall(r"[\n\t\x20-\x7e]+|[^\n\t\x20-\x7e]", text):
        if PLAIN_TEXT.fullmatch(run):
            pieces.append("'" + "".join(c * 2 if c in _SMART_QUOTES else c for c in run) + "'")
        else:
            units = run.encode("utf-16-be", "surrogatepass")
            codes = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
            pieces += [f"[string][char]{code}" for code in codes]
    return " + ".join(pieces) if len(pieces) < 2 else f"({' + '.join(pieces)})"


def _comment(text: Any) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", str(text))
