"""Findings that are known: accepted for a reason, until a day."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

from lab.check.judge import Finding, Level, Report


@dataclass(frozen=True)
class KnownFinding:
    """A known finding: it makes no check fail until a day is over.

    `request` is as the table of calls has it ("POST /cart"), with * for anything; `conversation`
    is the file that it is known of ("" for any). `place` says where it stands in the settings.
    """

    request: str
    reason: str
    until: date
    conversation: str = ""
    place: str = ""

    def covers(self, finding: Finding, source: str) -> bool:
        """Return True if this entry names the finding, in the conversation of this file."""
        named = self.conversation in ("", source) or self.conversation.endswith(f"/{source}")
        return named and fnmatchcase(finding.title, self.request)


def apply_known(
    report: Report, known: Iterable[KnownFinding], allowed: frozenset[Level], today: date
) -> set[KnownFinding]:
    """Mark known findings in a report and note expired ones; return the entries that matched."""
    source = report.conversation.source if report.conversation is not None else ""
    holds = set[KnownFinding]()
    for each in known:
        mine = [n for n, finding in enumerate(report.findings) if each.covers(finding, source)]
        true = [n for n in mine if _fails(report.findings[n], allowed)]
        if true:
            holds.add(each)
        if each.until < today and true:
            report.note(
                f"a known finding has expired on {each.until} ({each.place}): "
                f"{each.request}, {each.reason}"
            )
            continue
        for n in true:
            reason = f"known until {each.until}: {each.reason}"
            report.findings[n] = replace(report.findings[n], known=reason)
    return holds


def no_longer_true(known: Iterable[KnownFinding], holds: Iterable[KnownFinding]) -> Iterator[str]:
    """Yield a remark on each known finding that no check found."""
    still = {*holds}
    for each in known:
        if each not in still:
            yield (
                f"a known finding is no longer found: {each.request} ({each.reason}); "
                f"remove it ({each.place})"
            )


def only_known(report: Report, allowed: frozenset[Level]) -> bool:
    """Return True if all that fails in a report is known, and something is."""
    failing = [each for each in report.findings if _fails(each, allowed)]
    return bool(failing) and all(each.known for each in failing) and not report.failed


def _fails(finding: Finding, allowed: frozenset[Level]) -> bool:
    return finding.counts and finding.level not in allowed
