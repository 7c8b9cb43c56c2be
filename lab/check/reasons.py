"""Why there is no verdict, or what limits it: in words, with what to do next."""

from collections import Counter
from collections.abc import Iterable, Sequence

from lab.check.conversation import Conversation, MissingPaths
from lab.check.judge import STATE, Level, Report
from lab.check.outside import Outside
from lab.check.sources.challenge import DIGEST, answers_digest
from lab.check.trace import Trace
from lab.core.http import Answer
from lab.core.text import counted

UNAUTHORIZED = 401
REFUSALS = frozenset({400, 403, 404, 421})  # how a service answers a Host that is not its own


def no_success(answers: Sequence[Answer], host: str | None, log: str) -> str | None:
    """Return what is wrong if no request succeeded; None if one did."""
    if any(answer.ok for answer in answers):
        return None
    kinds = Counter(answer.status or str(answer.error) for answer in answers)
    said = ", ".join(f"{kind} ({counted(count, 'time')})" for kind, count in kinds.most_common(3))
    if {*kinds} <= REFUSALS and host is None:
        said += " (does it refuse this Host? Name its own with --host NAME)"
    return (
        f"no request of this conversation succeeded: {said}; a service that only fails cannot "
        f"be compared: {log}"
    )


def doubt_document(report: Report, paths: MissingPaths, *, succeeded: bool) -> None:
    """Conclude nothing from the few operations of a document that are there; else note it.

    `succeeded` says whether any request did.
    """
    said = (
        f"{paths.document} may describe another service: {paths.missing} of {paths.of} operations "
        f"were answered 404 or 405 at {report.url}{paths.base}. If it describes this one, give "
        "what stands before its paths with --base-path PATH, the host that the service answers to "
        "with --host NAME, or things that exist with --field NAME=VALUE"
    )
    needs_memory = any(each.depends for each in report.findings)
    if report.level in STATE or (succeeded and (needs_memory or report.level is Level.UNKNOWN)):
        report.note(said)
    else:
        report.level, report.because = Level.UNKNOWN, said


def not_emptied_behind(outside: Outside, *, kept_disk: bool, reset: str | None) -> str | None:
    """Return why the backing service cannot be emptied; None if it can, or there is none.

    With `kept_disk` no play had a disk of its own.
    """
    touched = list(outside.touched if kept_disk else outside.network)
    if outside.blind:
        touched.append(f"not all that it does can be seen: {outside.blind}")
    if reset is not None or not touched:
        return None
    return (
        "fresh processes answer alike, but the service may keep something outside "
        f"({'; '.join(touched)}): say how to empty it with --reset COMMAND "
        "(--reset true, if no answer can depend on that)"
    )


def digest(conversation: Conversation, baseline: Trace) -> str:
    """Return which call was refused because it answers a challenge; "" if none was."""
    for call, answer in zip(conversation.calls, baseline.answers, strict=False):
        if answers_digest(call) and answer.status == UNAUTHORIZED:
            return f"{call.title} was answered 401: {DIGEST}"
    return ""


def rate_limits(conversation: Conversation, limited: Iterable[int]) -> str:
    """Return which calls met a rate limiter; "" if none did."""
    titles = ", ".join(f"{n + 1} {conversation.calls[n].title}" for n in sorted(limited))
    if not titles:
        return ""
    return (
        "a rate limiter answers 429, and not every time at the same call: it counts the "
        f"requests of other plays too ({titles})"
    )
