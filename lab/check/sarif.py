"""What checks found as SARIF 2.1.0, the form in which code hosts show findings beside the code.

A result has the id of its rule and fingerprints that are the same in the next check of the same
request, so that a host knows a finding again. Its place is the line that sends the request.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePath
from urllib.parse import quote

from lab.check.document import CheckDocument, CheckedCall
from lab.check.judge import Level
from lab.check.play_name import meaning_of
from lab.core.json_object import json_text
from lab.core.text import visible

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
SARIF_VERSION = "2.1.0"


@dataclass(frozen=True)
class SarifRule:
    """A kind of finding. Its id never changes: hosts know dismissed findings by it."""

    id: str
    severity: str
    title: str
    text: str


_LEVEL_RULES = {
    Level.PROCESS: SarifRule(
        "state-in-process",
        "error",
        "An answer depends on the memory of one process",
        "Another process of the same service answers differently. A crash, a deployment or a "
        "second server will show it. Hand the state to the client, signed, or keep it in a store "
        "that all processes share.",
    ),
    Level.DISK: SarifRule(
        "state-on-disk",
        "error",
        "An answer depends on files of one machine",
        "A process with a disk of its own answers differently. A second machine, a new container "
        "or a new pod will show it. Keep the state in a store that all machines reach, or on a "
        "volume that all of them mount (--shared PATH).",
    ),
    Level.BACKING_SERVICE: SarifRule(
        "state-in-backing-service",
        "warning",
        "An answer depends on the service behind",
        "Any process can answer, until what is behind it is emptied. --allow backing-service "
        "accepts that.",
    ),
    Level.UNKNOWN: SarifRule(
        "not-known",
        "warning",
        "Nothing could be concluded",
        "The answers could not be compared. The message says why, and what to do.",
    ),
    Level.REPLICA: SarifRule(
        "state-in-replica",
        "error",
        "An answer depends on which replica is asked",
        "Another replica of the same service answers differently. Behind a load balancer users "
        "meet it, at the latest when theirs is replaced. Hand the state to the client, signed, or "
        "keep it in a store that all replicas share.",
    ),
}
_FAILING = SarifRule(
    "failed-assertion",
    "error",
    "An assertion of the conversation does not hold",
    "The conversation itself says what an answer must be, and it was not, on one process.",
)
_ALL = (*_LEVEL_RULES.values(), _FAILING)


@dataclass(frozen=True)
class Checked:
    """A check, and the file that its conversation was read from, None if it had none."""

    found: CheckDocument
    file: PurePath | None


def as_sarif(checks: Sequence[Checked]) -> str:
    """Return one SARIF run with the results of these checks; what is allowed is not a result."""
    driver = {
        "name": "lab check",
        "semanticVersion": version("two-desks"),
        "rules": [_rule(each) for each in _ALL],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not any(each.found.partial for each in checks)}],
        "results": [result for each in checks for result in _results(each)],
    }
    return json_text({"$schema": SARIF_SCHEMA, "version": SARIF_VERSION, "runs": [run]})


def _rule(rule: SarifRule) -> Mapping[str, object]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.text},
        "help": {"text": rule.text},
        "defaultConfiguration": {"level": rule.severity},
    }


def _results(check: Checked) -> Iterator[Mapping[str, object]]:
    found, seen, any_result = check.found, Counter[str](), False
    by_number = {each.call: each for each in found.calls}
    if found.failed_assertion:
        any_result = True
        yield _result(check, _FAILING, found.failed_assertion, found.failed_assertion, "assertion")
    for call in found.calls:
        if call.level in found.allowed or call.level not in _LEVEL_RULES or not call.counts:
            continue
        any_result = True
        key = call.route or call.request
        seen[key] += 1
        yield _result(
            check,
            _LEVEL_RULES[call.level],
            _message(call),
            call.origin,
            f"{key} {seen[key]}",
            [by_number[number] for number in call.needs or () if number in by_number],
            call.known,
        )
    if found.verdict in _LEVEL_RULES and found.verdict not in found.allowed and not any_result:
        yield _result(check, _LEVEL_RULES[found.verdict], found.because, "", "the check")


def _message(call: CheckedCall) -> str:
    said = call.why or meaning_of(call.play) or str(call.level)
    return ": ".join([f"{call.request}: {said}", *map(str, call.differences[:1])])


def _result(
    check: Checked,
    rule: SarifRule,
    message: str,
    origin: str,
    subject: str,
    needs: Sequence[CheckedCall] = (),
    known: str = "",
) -> Mapping[str, object]:
    """`subject` is what tells it from other results of the same rule and file."""
    place = _place(check, origin)
    digest = hashlib.sha256("\n".join((rule.id, str(check.file), subject)).encode()).hexdigest()
    made: dict[str, object] = {
        "ruleId": rule.id,
        "ruleIndex": _ALL.index(rule),
        "level": rule.severity,
        "message": {"text": visible(message)},
        "locations": [place],
        # The first is the only one that GitHub reads.
        "partialFingerprints": {"primaryLocationLineHash": f"{digest[:16]}:1"},
    }
    if needs:
        made["relatedLocations"] = [
            {
                **_place(check, each.origin),
                "id": number,
                "message": {"text": visible(f"needs {each.request}")},
            }
            for number, each in enumerate(needs, 1)
        ]
    if known:
        made["suppressions"] = [{"kind": "external", "justification": visible(known)}]
    return made


def _place(check: Checked, origin: str) -> Mapping[str, object]:
    """Return a location: the line of the file that `origin` ("talk.py:12: …") names, else its 1st.

    A check without a file is about the service as a whole.
    """
    if check.file is None:
        return {"logicalLocations": [{"name": visible(check.found.command) or "the service"}]}
    found = re.match(rf"{re.escape(check.file.name)}:(\d{{1,7}})\b", origin)
    line = max(1, int(found[1])) if found else 1
    uri = quote(visible(check.file.as_posix()))
    region = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    return {"physicalLocation": region}
