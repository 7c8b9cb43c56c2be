"""What follows from calls that were spread over replicas: a weaker verdict, in words."""

from collections.abc import Sequence
from dataclasses import replace

from lab.check.conversation import Call
from lab.check.judge import Finding, Level, Report, rank, shown_change
from lab.check.play_name import COUNTED
from lab.check.replicas.alone import AloneOnEach
from lab.check.replicas.spread import Way


def findings_of(report: Report, alone: AloneOnEach) -> list[Finding]:
    """Return the findings with the words of replicas, and with what each of them counts."""
    found = []
    for each in report.findings:
        if each.level is Level.SELF_CONTAINED:
            each = replace(each, level=Level.ALIKE)
        if each.level is Level.ALIKE and (counted := alone.counted.get(each.index)):
            each = replace(
                each, level=Level.REPLICA, play=COUNTED, differences=tuple(counted), needs=()
            )
        found.append(each)
    return found


def level_of_replicas(
    findings: Sequence[Finding],
    calls: Sequence[Call],
    ways: Sequence[Way],
    *,
    varying: int = 0,
    required: bool = False,
) -> tuple[Level, str]:
    """Return the level of the service, and why; with `required` something must need a memory.

    So many places vary by themselves, and nothing is known of them.
    """
    differing = [each for each in findings if each.level is Level.REPLICA]
    if differing:
        first = min(differing, key=rank)
        said = f"{len(differing)} of {len(findings)} calls: {first.play.kind.meaning}"
        return Level.REPLICA, f"{said}; {first.title}, {shown_change(first)}"
    counted = [each for each in findings if each.counts]
    if unknown := [each for each in counted if each.level is Level.UNKNOWN]:
        why = f"; the first is {unknown[0].title}: {unknown[0].why}" if unknown[0].why else ""
        return Level.UNKNOWN, f"not every call could be compared{why}"
    failed = [each for each in counted if _is_failure(each)]
    if failed:
        return Level.UNKNOWN, (
            f"{len(failed)} of {len(counted)} calls failed on one replica alone (the first is "
            f"{failed[0].title}: {failed[0].status or 'no answer'}): correct the conversation"
        )
    if ways and ways[0].pairs < ways[0].of_pairs:
        return Level.UNKNOWN, f"not every pair of calls was on two replicas: {ways[0]}"
    needs_memory = any(not call.reads for call in calls) or any(each.carries for each in counted)
    if required and not needs_memory:
        return Level.UNKNOWN, (
            "no call changes anything or brings what an earlier answer gave: add one that does "
            "(log in, then ask who you are)"
        )
    said = _alike(len(counted), len(findings), needs_memory or bool(varying))
    if varying:
        places = (
            "1 place varies by itself" if varying == 1 else f"{varying} places vary by themselves"
        )
        said += f"; {places}, and what is kept there would not be seen"
    return Level.ALIKE, said


def _is_failure(finding: Finding) -> bool:
    status = finding.status
    return status is None or status >= 500 or (status in (401, 403) and finding.carries)


def _alike(count: int, of: int, needs_memory: bool) -> str:
    calls = f"all {count} calls" if count == of else f"{count} of {of} calls"
    if not needs_memory:
        return f"{calls} were answered alike by each replica; none of them needed a memory"
    return (
        f"{calls} were answered as on one replica, each pair of them on two; no replica was ended "
        "or emptied for it, and what they share was not looked at"
    )
