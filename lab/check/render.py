"""The result of a check in other forms: JUnit XML, and an explanation in words."""

from collections.abc import Sequence
from typing import Literal

from lab.check.document import CheckDocument, CheckedCall, CheckedPart
from lab.check.judge import Level, Report
from lab.check.play_name import meaning_of
from lab.core.junit import Case, Problem, Suite, junit_xml
from lab.core.text import counted


def as_junit(made: CheckDocument) -> str:
    """Return JUnit XML: a test case for each call; state that is not allowed is a failure.

    It is red wherever the level is not allowed: if no call says so, the check as a whole does.
    """
    return junit_xml("lab check", [_suite("lab check", made)])


def as_junit_of_all(checks: Sequence[CheckDocument]) -> str:
    """Return JUnit XML of several checks: a suite for each conversation."""
    return junit_xml("lab check", [_suite(each.source or "lab check", each) for each in checks])


def _suite(name: str, made: CheckDocument) -> Suite:
    cases = [
        Case("lab.check", f"{call.call} {call.request}", _problem(call, made.allowed))
        for call in made.calls
    ]
    cases += [
        Case("lab.check", part.name, _part_problem(part, made.allowed)) for part in made.parts
    ]
    if made.failed_assertion:
        problem = Problem("failure", "an assertion does not hold", made.failed_assertion)
        cases.append(Case("lab.check", "assertion", problem))
    is_red = any(case.problem and case.problem.kind != "skipped" for case in cases)
    known = any(call.known for call in made.calls)
    if made.verdict not in made.allowed and not is_red and not known:
        cases.append(Case("lab.check", "the check", Problem("error", made.because)))
    return Suite(name, cases, made.seconds)


def _problem(call: CheckedCall, allowed: Sequence[Level]) -> Problem | None:
    if call.level in allowed:
        return None
    if not call.counts or call.known:
        return Problem("skipped", call.known or call.why)
    said = call.why or meaning_of(call.play)
    message = f"{call.level}: {said}" if said else str(call.level)
    details = "\n".join([*map(str, call.differences), call.why]).strip()
    return Problem("error" if call.level is Level.UNKNOWN else "failure", message, details)


def _part_problem(part: CheckedPart, allowed: Sequence[Level]) -> Problem | None:
    if part.verdict in allowed:
        return None
    kind: Literal["error", "failure"] = "error" if part.verdict is Level.UNKNOWN else "failure"
    return Problem(kind, f"{part.verdict}: {part.because}", part.remedy)


def explain(report: Report) -> str:
    """Return what was done and what it means, in one or two paragraphs."""
    spent = (
        f"{counted(report.requests, 'request')}, "
        f"{counted(report.processes, 'process', 'processes')}."
    )
    if not report.started:
        return f"The service did not start, so nothing was asked. {spent}"
    plays = "; ".join(report.plays) or "not at all after the first time"
    done = f"The conversation was run once to know it, then {plays}. {spent}"
    advice = _ADVICE[report.level]
    if report.level is Level.PROCESS and _carried_a_token(report):
        advice = f"{_TOKEN_NOTE}\n\n{advice}"
    remedies = "".join(f"\n\n{each.remedy}" for each in report.parts if each.remedy)
    return f"{done}\n\n{advice}{remedies}"


def _carried_a_token(report: Report) -> bool:
    """True if a call that differed brought a bearer token that an earlier answer had given."""
    if report.conversation is None:
        return False
    return any(
        name.lower() == "authorization" and not all(isinstance(piece, str) for piece in value)
        for finding in report.findings
        if finding.level is Level.PROCESS
        for name, value in report.conversation.calls[finding.index].headers
    )


_TOKEN_NOTE = (
    "A token is not statelessness. The client carried one, and a fresh process could do nothing "
    "with it: it is a key into what one process remembers, or it is signed with a key that only "
    "one process has. In the first case put into the token what must be known, and sign it; in "
    "the second give all processes the same signing key (lab run key-rotation)."
)


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
        "to the client's session could travel with the client instead, signed."
    ),
    Level.DISK: (
        "Any process on this machine can answer, so a crash loses nothing; but what is remembered "
        "lies in files, and a second machine, a new container or a new pod does not have them. "
        "Two ways out. Keep it in a store that all machines reach (lab run store-outage, "
        "storage), or on a volume that all of them mount: say so with --shared PATH. Or hand it "
        "to the client, signed (lab run logout, size)."
    ),
    Level.REPLICA: (
        "Answers depend on which replica is asked: behind a balancer users meet another one, at "
        "the latest when theirs is replaced. A restart was not tried, unless --between did; "
        "`lab check --start` finds whether the state is in the process or on its disk. Hand the "
        "state to the client, signed, or keep it in a store that all replicas share; affinity "
        "only hides it until a replica ends (lab run crash)."
    ),
    Level.ALIKE: (
        "These replicas answered as one, each pair of calls on two of them. That is less than "
        "self-contained: no process was started for it and none was ended, nothing was emptied, "
        "and what the replicas share was not looked at. What a crash would lose was not tried (lab "
        "run crash shows what that means); `lab check --start` proves more."
    ),
    Level.SELF_CONTAINED: (
        "Each request brought all that its answer depended on, so any process can serve it, and "
        "a restart is not noticed. Statelessness has its costs: what a client carries stays good "
        "until it expires, and sending the same request twice does the thing twice, since "
        "no server remembers the first. If an order can be sent again from the same credential, "
        "something must remember that it was (lab run logout, double-checkout)."
    ),
    Level.UNKNOWN: (
        "Nothing can be concluded yet. A conversation must contain an answer that depends on an "
        "earlier request (log in, change something, look at it), and it must come out the same "
        "twice on one process."
    ),
}
