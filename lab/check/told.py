"""A report of a check in other forms: JSON, JUnit XML, runnable curl lines, a paragraph."""

import shlex
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from lab.check.conversation import Call, Ref, Template, joined
from lab.check.judge import Finding, Level, Report
from lab.check.service import Start
from lab.evidence.redaction import redact_text

Json = dict[str, Any]
SCHEMA = 1


def as_json(report: Report) -> Json:
    """Return the report as JSON has it: {"schema", "verdict", "because", "calls", …}."""
    shortest = None
    if report.witness:
        shortest = {
            "calls": [index + 1 for index in report.witness.calls],
            "wiped": report.witness.wiped,
            "differences": [vars(each) for each in report.witness.differences],
            "confirmed": report.witness.confirmed,
            "tries": report.witness.tries,
        }
    return {
        "schema": SCHEMA,
        "verdict": str(report.level),
        "because": redact_text(report.because),
        "source": report.conversation.source if report.conversation else None,
        "calls": [_finding(each) for each in report.findings],
        "shortest": shortest,
        "varies": {str(index + 1): list(places) for index, places in report.masked.items()},
        "notes": [redact_text(note) for note in report.notes],
        "partial": report.partial,
        "requests": report.requests,
        "processes": report.processes,
        "seconds": round(report.seconds, 3),
    }


def as_junit(report: Report, allowed: frozenset[Level]) -> str:
    """Return JUnit XML: a test case for each call; state that is not allowed is a failure."""
    suite = ElementTree.Element(
        "testsuite", name="lab check", time=f"{report.seconds:.3f}", tests=str(len(report.findings))
    )
    for finding in report.findings:
        case = ElementTree.SubElement(
            suite, "testcase", classname="lab.check", name=f"{finding.index + 1} {finding.title}"
        )
        if finding.level in allowed:
            continue
        kind = "error" if finding.level is Level.UNKNOWN else "failure"
        told = ElementTree.SubElement(case, kind, message=str(finding.level))
        told.text = redact_text("\n".join(map(str, finding.differences)))
    if not report.findings:
        case = ElementTree.SubElement(suite, "testcase", classname="lab.check", name="the check")
        ElementTree.SubElement(case, "error", message=_xml_text(report.because))
    for name in ("failure", "error"):
        count = sum(each.tag == name for each in suite.iter())
        suite.set("failures" if name == "failure" else "errors", str(count))
    ElementTree.indent(suite)
    return _xml_text(ElementTree.tostring(suite, encoding="unicode")) + "\n"


def as_curl(report: Report, start: Start) -> str:
    """Return the shortest script for bash: start, send, kill, send again; "" without one."""
    witness, conversation = report.witness, report.conversation
    if witness is None or conversation is None:
        return ""
    part = conversation.only(witness.calls)
    lines = [*_head(start), "start"]
    for index, call in enumerate(part.calls):
        if index == len(part) - 1:
            lines.append("restart  # kill -9, and start again")
            if witness.wiped:
                lines.append(start.reset or "")
            lines.append(f"# in the conversation: {witness.differences[0].expected}")
        lines.append(_curl(call, index, last=index == len(part) - 1))
    return "\n".join([*lines, "stop", ""])


def explain(report: Report) -> str:
    """Return what was done and what follows, in a paragraph or two."""
    done = (
        f"The conversation was held on one process, twice, to learn what varies by itself; then "
        f"with every call on a fresh process, and on two processes in turn. "
        f"{report.requests} requests, {report.processes} processes."
    )
    return f"{done}\n\n{_ADVICE[report.level]}"


_ADVICE = {
    Level.PROCESS: (
        "Answers depend on what one process remembers: after a crash, a deployment, or behind a "
        "balancer with a second server, users lose it. Two ways out. Hand the state to the "
        "client, signed, and take it back with each request: nothing to store, but it cannot be "
        "revoked, can be sent twice, and travels every time (lab run logout, double-checkout, "
        "size). Or keep it in a store that all processes share: any process can then answer, "
        "but the store is one more thing that every request depends on (lab run store-outage, "
        "storage). Sticky sessions only hide it, until a process ends (lab run crash)."
    ),
    Level.BACKING_SERVICE: (
        "Any process can answer, so a crash or a new server loses nothing; what is remembered "
        "lives in the service behind it. That service is now what must not fail, be emptied or "
        "grow without end (lab run store-outage, storage). It is the right place for what "
        "belongs to the shop and not to one client: orders, stock, accounts. Only what belongs "
        "to the client's visit could travel with the client instead, signed."
    ),
    Level.SELF_CONTAINED: (
        "Each request brought all that its answer depended on, so any process can serve it, and "
        "a restart is not noticed. Statelessness has its costs: what a client carries stays good "
        "until it expires, and sending the same request twice does the thing twice, since "
        "nobody remembers the first. If an order can be sent again from the same credential, "
        "something must remember that it was (lab run logout, double-checkout)."
    ),
    Level.UNKNOWN: (
        "Nothing can be concluded yet. A conversation must contain an answer that depends on an "
        "earlier request (log in, change something, look at it), and it must come out the same "
        "twice on one process."
    ),
}


def _finding(finding: Finding) -> Json:
    return {
        "call": finding.index + 1,
        "request": redact_text(finding.title),
        "verdict": str(finding.level),
        "play": finding.play,
        "differences": [
            {
                "where": each.where,
                "expected": redact_text(each.expected),
                "seen": redact_text(each.seen),
            }
            for each in finding.differences
        ],
        "needs": None if finding.needs is None else [index + 1 for index in finding.needs],
        "depends_on_what_the_client_carries": finding.depends,
    }


def _head(start: Start) -> Iterator[str]:
    settings = "".join(
        f"{name}={shlex.quote(value).replace('{port}', '$PORT')} "
        for name, value in start.env.items()
    )
    ready = shlex.quote(start.ready or "/")
    command = start.command.replace("{port}", "$PORT")
    yield "PORT=8099"
    yield f"start() {{ {settings}{command} >service.log 2>&1 & SERVICE=$!"
    yield f'  until curl -s -o /dev/null "http://127.0.0.1:$PORT"{ready}; do sleep 0.1; done; }}'
    yield "stop() { kill -9 $SERVICE; wait $SERVICE 2>/dev/null; }"
    yield "restart() { stop; start; }"
    yield "rm -f jar"


def _curl(call: Call, index: int, *, last: bool) -> str:
    words = ["curl", "-sS", "-g", "-b", "jar", "-c", "jar", "-X", shlex.quote(call.method)]
    words += ["-i"] if last else ["-D", f"headers{index + 1}", "-o", f"answer{index + 1}"]
    for name, value in call.headers:
        words += ["-H", _quoted((f"{name}: ", *value))]
    if call.body is not None:
        words += ["--data-raw", _quoted(call.body)]
        if not any(name.lower() == "content-type" for name, _ in call.headers):
            words += ["-H", "Content-Type:"]
    words.append('"http://127.0.0.1:$PORT"' + _quoted(call.path))
    return " ".join(words)


def _quoted(template: Template) -> str:
    return (
        "".join(
            shlex.quote(piece) if isinstance(piece, str) else f'"$({_look_up(piece)})"'
            for piece in joined(template)
        )
        or "''"
    )


def _look_up(ref: Ref) -> str:
    """Return the shell command that reads a value out of an earlier answer."""
    kind, _, where = ref.where.partition(":")
    if kind == "header":
        pattern = shlex.quote(f"s/^{where}: *//Ip")
        return f"sed -n {pattern} headers{ref.call + 1} | tr -d '\\r'"
    steps = "".join(
        f"[{int(part)}]" if part.isdigit() else f"[{part.replace('~1', '/').replace('~0', '~')!r}]"
        for part in where.split("/")[1:]
    )
    code = f"import json; print(json.load(open('answer{ref.call + 1}')){steps})"
    return f"python3 -c {shlex.quote(code)}"


def _xml_text(text: str) -> str:
    # XML 1.0 has no place for control characters.
    return "".join(c if c >= " " or c in "\t\n" else "\ufffd" for c in text)
