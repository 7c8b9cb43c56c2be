"""The pair of requests for a shell: it shows the difference between replicas that run already."""

from collections.abc import Iterator

from lab.check.conversation import Conversation
from lab.check.curl import UNSTREAM, curl_line
from lab.check.curl_parts import given, judge
from lab.check.judge import Report, Reproducer
from lab.check.replicas.replica import replica
from lab.check.replicas.spread import Spread
from lab.core.redaction import redact_text
from lab.core.shell import quoted

_SCRIPT_HEAD = """\
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT; trap 'exit 130' INT TERM
for url in %(urls)s; do
  curl -gsk -m 10 -o /dev/null "$url"/ || { echo "$url does not answer"; exit 2; }
done"""
# A jar knows hosts: what one replica gave is the client's, and goes to the next one too.
_TO = """\
at() {  # from now on ask this replica, at this host, with the same cookies
  URL=$1 TAB=$(printf '\\t'); [ ! -e jar ] || {
  sed "s/^\\(#HttpOnly_\\)*[^# $TAB][^$TAB]*/\\1$2/" jar >moved; mv moved jar; }; }"""


def pair_lines(report: Report) -> Iterator[str]:
    """Yield the requests of the shortest script, each with its replica, and how it was answered."""
    found, conversation, spread = report.reproducer, report.conversation, report.spread
    if found is None or conversation is None or spread is None or not found.sides:
        return
    by_index = {each.index: each for each in report.findings}
    for index, side in zip(found.calls, found.sides, strict=True):
        status = by_index[index].status if index in by_index else None
        said = f"{spread.replicas[side].name} {conversation.calls[index].title}"
        last = index == found.calls[-1]
        yield (
            f"  {said}: {redact_text(str(found.differences[0]))}" if last else f"  {said}: {status}"
        )


def replicas_as_curl(report: Report, host: str | None) -> str:
    """Return the shortest script, runnable from anywhere that reaches the replicas."""
    found, conversation, spread = report.reproducer, report.conversation, report.spread
    if found is None or conversation is None or spread is None or found.unprintable:
        return ""
    lines = [*_lines(conversation, found, spread, host), ""]
    text = "\n".join(lines)
    titles = [" ".join(conversation.calls[each].title.split()) for each in found.calls]
    bash = "$'" in text or "<(printf" in text
    head = [
        "#!/bin/bash" if bash else "#!/bin/sh",
        f"# {', '.join(titles)}: {' '.join(str(found.differences[0]).split())}",
        "# Exit status: 0 this shows it, 1 it does not, 2 a replica does not answer.",
    ]
    return "\n".join([*head, text])


def _lines(
    conversation: Conversation, found: Reproducer, spread: Spread, host: str | None
) -> Iterator[str]:
    calls = conversation.only(found.calls).calls
    asked = [*dict.fromkeys([found.control, *found.sides])]
    for index in sorted(asked):
        yield f"{spread.replicas[index].name}={quoted(spread.replicas[index].url)}"
    urls = " ".join(f'"${spread.replicas[index].name}"' for index in sorted(asked))
    yield from (_SCRIPT_HEAD % {"urls": urls}).splitlines()
    yield from _TO.splitlines()
    yield from given(ref for call in calls for ref in call.refs())
    if any(call.rpc for call in calls):
        yield from UNSTREAM.splitlines()
    for number, call in enumerate(calls, start=1):
        yield f"call{number}() {{ {curl_line(call, number, host)}; }}"
    yield f"control() {{ {_all_to(found.control, len(calls), spread, host)} }}  # one replica"
    yield f"shown() {{ {_spread(found, spread, host)} }}  # as a balancer may choose"
    yield 'run() { mkdir "$WORK/$1"; cd "$WORK/$1"; "$2"; }'
    yield from judge(found.differences[0], found.calls)


def _all_to(index: int, count: int, spread: Spread, host: str | None) -> str:
    return " ".join([_at(index, spread, host), *(f"call{n};" for n in range(1, count + 1))])


def _spread(found: Reproducer, spread: Spread, host: str | None) -> str:
    words, before = [], -1
    for number, side in enumerate(found.sides, start=1):
        if side != before:
            words.append(_at(side, spread, host))
            if number > found.opening:  # what opens a session is sent to this one, too
                words += [f"call{n};" for n in range(1, found.opening + 1)]
        words.append(f"call{number};")
        before = side
    return " ".join(words)


def _at(index: int, spread: Spread, host: str | None) -> str:
    each = spread.replicas[index]
    # curl looks cookies up by this name.
    owner = host or replica(each.name, each.url, "--url").address.host
    return f'at "${each.name}" {quoted(owner)};'
