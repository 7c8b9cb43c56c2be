"""The document of a check, `check.json`: what was found, as values. Credentials are shortened."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from lab.check.causes import LikelyCause, causes
from lab.check.conversation import Conversation
from lab.check.differences import Difference
from lab.check.judge import Finding, Level, PartVerdict, Report, Reproducer
from lab.check.replicas.spread import Spread
from lab.core.errors import LabError, reason
from lab.core.json_object import json_text
from lab.core.quantity import Quantity, Stated
from lab.core.redaction import redact_json
from lab.core.text import one_line

REPORT_SCHEMA = 1
SELF_CONTAINED = (Level.SELF_CONTAINED,)


class CheckedCall(msgspec.Struct, kw_only=True):
    """One call of the conversation, counted from 1, and what was found of it."""

    call: int
    request: str
    verdict: str
    """The level in words; of a failed call that was answered alike, only that."""
    level: Level
    counts: bool = True
    status: int | None = None
    play: str = ""
    differences: list[Difference] = []
    why: str = ""
    needs: list[int] | None = None
    like: int | None = None
    """A call of the same route, of which `needs` was searched for instead."""
    origin: str = ""
    """Place in the source: "talk.py:12"."""
    route: str = ""
    """Method and path, without what differs from one check to the next."""
    depends_on_what_the_client_carries: bool | None = None
    known: str = ""
    """Why it does not fail, and until when: the settings file says so."""


class Shortest(msgspec.Struct, kw_only=True):
    """The minimal reproducer; `script` has its lines for bash, "" if these would not show it."""

    calls: list[int]
    wiped: bool
    elsewhere: bool
    printable: bool
    in_turn: bool
    replicas: list[str] = []
    """The replica that each call goes to, if replicas already run."""
    repeated: int = 0
    """How often the last call is sent to one server of several processes; 0 if it is not."""
    differences: list[Difference]
    confirmed: int
    tries: int
    script: str = ""


class CheckedPart(msgspec.Struct, kw_only=True):
    """A verdict on a part of the service, and the requests of the script that shows it."""

    name: str
    verdict: Level
    because: str
    remedy: str = ""
    requests: list[str] = []
    shortest: Shortest | None = None


class CheckDocument(msgspec.Struct, kw_only=True):
    """Everything that one check found."""

    schema: int = REPORT_SCHEMA
    verdict: Level
    because: str
    failed_assertion: str | None = None
    source: str | None = None
    command: str = ""
    """The command that started the service."""
    allowed: tuple[Level, ...] = SELF_CONTAINED
    """The levels that `--allow` lets pass."""
    calls: list[CheckedCall]
    shortest: Shortest | None = None
    parts: list[CheckedPart] = []
    varies: dict[str, list[str]] = {}
    notes: list[str] = []
    spread: Spread | None = None
    """How the calls were spread over replicas that run already."""
    causes: list[LikelyCause] = []
    """What probably keeps the state, the likeliest first; none where nothing shows it."""
    explanation: str = ""
    partial: bool = False
    started: bool = True
    """False if the service did not start, so that nothing was asked."""
    requests: int = 0
    processes: int = 0
    seconds: float = 0.0


def document(
    report: Report,
    explanation: str = "",
    *,
    allowed: frozenset[Level] = frozenset(SELF_CONTAINED),
    command: str = "",
    script: str = "",
    part_scripts: Mapping[str, str] = MappingProxyType({}),
) -> CheckDocument:
    """Return a report as a document, with every text redacted."""
    made = CheckDocument(
        verdict=report.level,
        because=report.because,
        failed_assertion=report.failed or None,
        source=report.conversation.source if report.conversation else None,
        command=command,
        allowed=tuple(level for level in Level if level in allowed),
        calls=[_call(each, report.conversation) for each in report.findings],
        shortest=_shortest(report, report.reproducer, script) if report.reproducer else None,
        parts=[_part(each, part_scripts.get(each.name, "")) for each in report.parts],
        spread=report.spread,
        varies={str(index + 1): list(places) for index, places in report.masked.items()},
        notes=report.notes,
        explanation=explanation,
        partial=report.partial,
        started=report.started,
        requests=report.requests,
        processes=report.processes,
        seconds=round(report.seconds, 3),
    )
    redacted = msgspec.convert(redact_json(msgspec.to_builtins(made)), CheckDocument)
    redacted.causes = causes(report)  # a remedy may well say SECRET_KEY=…
    return redacted


def text(made: CheckDocument) -> str:
    """Return the document as JSON text."""
    return json_text(made)


def read(path: Path) -> CheckDocument:
    """Read a check.json; LabError that says what is wrong with it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=CheckDocument)
    except OSError as error:
        raise LabError(f"cannot read {path}: {reason(error)}; `lab runs` lists the runs") from None
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        why = one_line(error, 120)
        raise LabError(f"{path} is damaged, or of an earlier lab: {why}; check again") from None


def _call(finding: Finding, conversation: Conversation | None) -> CheckedCall:
    said = conversation.calls[finding.index] if conversation else None
    return CheckedCall(
        call=finding.index + 1,
        request=finding.title,
        verdict=finding.verdict,
        level=finding.level,
        counts=finding.counts,
        status=finding.status,
        play=str(finding.play),
        differences=list(finding.differences),
        why=finding.why,
        needs=None if finding.needs is None else [index + 1 for index in finding.needs],
        like=None if finding.like is None else finding.like + 1,
        origin=said.origin if said else "",
        route=said.route if said else "",
        depends_on_what_the_client_carries=finding.depends,
        known=finding.known,
    )


def _part(part: PartVerdict, script: str) -> CheckedPart:
    found, conversation = part.report.reproducer, part.report.conversation
    calls = conversation.calls if conversation else ()
    return CheckedPart(
        name=part.name,
        verdict=part.report.level,
        because=part.report.because,
        remedy=part.remedy,
        requests=[calls[index].title for index in found.calls] if found else [],
        shortest=_shortest(part.report, found, script) if found else None,
    )


def _shortest(report: Report, found: Reproducer, script: str) -> Shortest:
    names = [each.name for each in report.spread.replicas] if report.spread else []
    return Shortest(
        calls=[index + 1 for index in found.calls],
        wiped=found.wiped,
        elsewhere=found.elsewhere,
        printable=not found.unprintable,
        in_turn=bool(found.sides),
        replicas=[names[side] for side in found.sides] if names else [],
        repeated=found.repeated,
        differences=list(found.differences),
        confirmed=found.confirmed,
        tries=found.tries,
        script="" if found.unprintable else script,
    )


def check_quantities(made: CheckDocument) -> list[Quantity]:
    """Return the verdict on the service and on each call."""
    found: list[Quantity] = [
        Stated("conversation", "source", made.source or "none"),
        Stated("service", "started with", made.command),
        Stated("service", "verdict", str(made.verdict), "finding"),
    ]
    found += [
        Stated(f"call {each.call}", each.request, each.verdict, "finding") for each in made.calls
    ]
    return found
