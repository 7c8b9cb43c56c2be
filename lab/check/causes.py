"""The likely cause of state that was found: a table of rules over the evidence, and its remedies.

No cause is named where the evidence does not carry it.
"""

import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files

import msgspec

from lab.check.clues import (
    AUTHORIZATION,
    BODY,
    COOKIE,
    CREDENTIAL_PLACES,
    HEADER,
    PATH,
    QUERY,
    Brought,
    Clue,
    clues,
    credential_text,
)
from lab.check.judge import Level, Report
from lab.check.play_name import SEPARATE, USED, PlayKind
from lab.core.redaction import redact_text

MOST_CAUSES = 3
LIMITED = (429, 423)
_ONE_TIME = ("state", "nonce", "code", "challenge", "relaystate")
_SESSION_WORDS = ("session", "csrf", "xsrf", "token", "auth")
FRAMEWORKS = ("Flask", "Django", "Express", "FastAPI", "Spring")
Named = tuple[str, str]
"""A cause's name, and the evidence for it in words."""


class LikelyCause(msgspec.Struct, kw_only=True):
    """What probably keeps the state, the evidence for that, and the usual remedies."""

    name: str
    title: str
    why: str
    calls: list[int]
    """The calls whose answers show it, counted from 1."""
    evidence: list[str]
    remedies: dict[str, str]
    """The usual remedy, a line for each framework."""
    costs: str
    experiments: list[str]
    """Experiments of `lab run` that measure what the remedy costs."""


class _Entry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A cause as causes.toml has it."""

    title: str
    why: str
    costs: str
    experiments: list[str]
    remedies: dict[str, str]


@cache
def known_causes() -> dict[str, _Entry]:
    """Return all causes that can be named, by name."""
    text = (files("lab.check") / "causes.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, _Entry])


def causes(report: Report) -> list[LikelyCause]:
    """Return the likely causes of what a report found, the likeliest first; [] where none is."""
    found: dict[str, list[tuple[Clue, str]]] = {}
    for clue in clues(report):
        named = _on_disk(clue) if report.level is Level.DISK else None
        if report.level in (Level.PROCESS, Level.REPLICA):
            named = cause_of(clue)
        if named is not None:
            found.setdefault(named[0], []).append((clue, named[1]))
    return [_cause(name, shown) for name, shown in [*found.items()][:MOST_CAUSES]]


def cause_of(clue: Clue) -> Named | None:
    """Return the likely cause of state in the process, by the first rule that applies."""
    return next((named for rule in RULES if (named := rule(clue)) is not None), None)


def in_words(named: list[LikelyCause]) -> str:
    """Return the causes as text: each with its evidence, its remedies and their cost."""
    lines = []
    for each in named:
        lines += [f"Likely cause: {each.title}; {each.why}.", "Evidence:"]
        lines += [f"  - {text}" for text in each.evidence]
        lines += ["The usual remedy:"]
        lines += [f"  {name}: {text}" for name, text in each.remedies.items()]
        measured = ", ".join(each.experiments)
        lines += [f"What it costs: {each.costs} Measured by: lab run {measured}", ""]
    return "\n".join(lines).strip()


def _cause(name: str, shown: list[tuple[Clue, str]]) -> LikelyCause:
    entry = known_causes()[name]
    return LikelyCause(
        name=name,
        title=entry.title,
        why=entry.why,
        calls=[clue.finding.index + 1 for clue, _ in shown],
        evidence=list(dict.fromkeys(_evidence(clue, text) for clue, text in shown)),
        remedies=entry.remedies,
        costs=entry.costs,
        experiments=entry.experiments,
    )


def _evidence(clue: Clue, text: str) -> str:
    return redact_text(f"{clue.finding.title}: {text}")


def _on_disk(clue: Clue) -> Named:
    sealed = [each for each in clue.of(*CREDENTIAL_PLACES) if each.sealed]
    if _is_refused_later(clue) and sealed:
        return "key-file", f"{_what(sealed[0])} is signed, and a second machine does not accept it"
    return "local-disk", f"{_change(clue)} with the files of another machine"


def _earlier_clients(clue: Clue) -> Named | None:
    if clue.finding.play != USED:
        return None
    said = f"{clue.finding.differences[0]}, after other clients had asked the same process"
    return "earlier-clients", said


def _start_time(clue: Clue) -> Named | None:
    if not clue.young or not _is_refused_later(clue):
        return None
    return "start-time", f"{_change(clue)}, and only where the process is younger than what it gets"


def _limiter(clue: Clue) -> Named | None:
    if clue.before in LIMITED and clue.after not in LIMITED:
        return "limiter", f"{_change(clue)}: the process that counted is gone, and so is the count"
    if clue.finding.play == SEPARATE and clue.after in LIMITED:
        return "limiter", f"one process answers {clue.after}, another {clue.before}"
    return None


def _process_cache(clue: Clue) -> Named | None:
    if clue.finding.play.kind is not PlayKind.TWO:
        return None
    said = "fresh processes answer alike; one that lives does not notice what another one changed"
    return "process-cache", f"{clue.finding.differences[0]}: {said}"


def _remembered(clue: Clue) -> Named | None:
    if not all(each.broken for each in clue.finding.differences):
        return None
    keys = [name for name, _ in clue.call.headers if "idempotency" in name.lower()]
    said = f"the call has the header {keys[0]}; " if keys else ""
    return "remembered-answer", f"{said}{clue.finding.differences[0]}, in a fresh process"


def _forgotten_refusal(clue: Clue) -> Named | None:
    """Return the cause if a refusal was forgotten: a revoked credential works again."""
    if clue.finding.play == SEPARATE or not _is_error(clue.before) or not _is_fine(clue.after):
        return None
    if clue.before in (401, 403) and clue.of(*CREDENTIAL_PLACES) and clue.writes:
        which = clue.writes[-1] + 1
        return "denylist", f"{_change(clue)}: call {which} had made the credential worthless"
    if clue.before in (404, 409, 410) and clue.writes:
        return "map-in-memory", f"{_change(clue)}: what call {clue.writes[-1] + 1} did is forgotten"
    return None


def _one_time(clue: Clue) -> Named | None:
    if not _is_refused_later(clue):
        return None
    if credential_text(clue.call) == "digest" or _from(clue, "param:www-authenticate"):
        return "one-time-value", f"{_change(clue)}: it answers a challenge of another process"
    found = [
        each
        for each in clue.of(QUERY, BODY)
        if each.name.lower() in _ONE_TIME or each.source.startswith("query:location")
    ]
    if not found:
        return None
    return "one-time-value", f"{_change(clue)}: {_what(found[0])} was given by another process"


def _session_or_key(clue: Clue) -> Named | None:
    """Return the cause if a credential is refused: another signing key, or a lost session."""
    if not _is_refused_later(clue):
        return None
    sessions = [each for each in clue.of(HEADER, BODY) if _is_session_word(each.name)]
    # An id in the path of what is not found explains a 404; a credential explains the others.
    if clue.after in (404, 410) and not sessions and clue.of(PATH, QUERY):
        return None
    found = [*clue.of(*CREDENTIAL_PLACES), *sessions]
    if not found or any(each.name in clue.accepted for each in found if each.sealed):
        return None
    sealed = [each for each in found if each.sealed]
    if sealed:
        said = f"{_change(clue)}: {_what(sealed[0])} is signed, and no other process accepts it"
        return "secret-at-start", said
    said = f"{_change(clue)}: {_what(found[0])} is no more than a key, and another process has no "
    return "session-map", f"{said}such session"


def _map(clue: Clue) -> Named | None:
    """Return the cause if the result of an earlier call is missing."""
    ids = clue.of(PATH, QUERY) or ([] if clue.writes else clue.of(BODY))
    if _is_refused_later(clue) and ids:
        said = f"{_change(clue)}: {_what(ids[0])} was given by call {ids[0].giver + 1}"
        return "map-in-memory", f"{said}, and no other process knows it"
    # What fails, or is served where it was refused, may have any reason.
    if clue.writes and _is_fine(clue.before) and (clue.after or 500) < 500:
        return "map-in-memory", f"{_change(clue)}: call {clue.writes[-1] + 1} is forgotten"
    return None


CauseRule = Callable[[Clue], Named | None]
RULES: tuple[CauseRule, ...] = (
    _earlier_clients,
    _start_time,
    _limiter,
    _process_cache,
    _remembered,
    _forgotten_refusal,
    _one_time,
    _session_or_key,
    _map,
)


def _is_error(status: int | None) -> bool:
    return status is not None and 400 <= status < 500


def _is_fine(status: int | None) -> bool:
    return status is not None and status < 400


def _is_refused_later(clue: Clue) -> bool:
    """True if it was served, then refused or redirected; for two workers in either order."""
    before, after = clue.before, clue.after
    if clue.finding.play == SEPARATE and _is_error(before) and _is_fine(after):
        return True
    if before is not None and before < 300 and after in (302, 303, 307):
        return True
    return _is_fine(before) and _is_error(after)


def _is_session_word(name: str) -> bool:
    return any(word in name.lower() for word in _SESSION_WORDS)


def _from(clue: Clue, source: str) -> bool:
    return any(each.source.startswith(source) for each in clue.brought)


def _change(clue: Clue) -> str:
    if clue.before != clue.after:
        return f"{clue.before} became {clue.after or 'no answer'}"
    return str(clue.finding.differences[0])


def _what(brought: Brought) -> str:
    words = {
        COOKIE: f"the cookie {brought.name}",
        AUTHORIZATION: "the header Authorization",
        HEADER: f"the header {brought.name}",
        PATH: "the id in the path",
        QUERY: f"{brought.name} in the query",
        BODY: f"{brought.name} in the body",
    }
    return words[brought.where]
