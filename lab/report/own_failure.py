"""What went wrong in a student's own script, on one line."""

from typing import Protocol

from lab.core.text import one_line
from lab.evidence.result import ScriptFailure


class Ended(Protocol):
    """A variant, as far as it says how its script ended."""

    broken_expectation: str | None
    script_failed: bool
    trouble: str | None
    failure: ScriptFailure | None


def failure(variant: Ended) -> str | None:
    """Return "failed: assert at line 7: no cart", "the script failed at line 7: …", or None."""
    known = variant.failure
    at = f" at line {known.line}" if known and known.line else ""
    if variant.broken_expectation and known:
        return one_line(f"failed: assert{at}" + (f": {known.said}" if known.said else ""), 300)
    if variant.broken_expectation:  # of an earlier version
        return one_line(f"failed: {variant.broken_expectation}", 300)
    if variant.script_failed:
        return one_line(f"the script failed{at}: {known.said if known else variant.trouble}", 300)
    return None
