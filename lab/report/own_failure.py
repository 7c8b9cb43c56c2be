"""What went wrong in a student's own script, on one line."""

import re
from typing import Protocol

from lab.core.text import one_line

_THEIR_LINE = re.compile(r'^ *File "[^"\n]*", line (\d+)', re.MULTILINE)
_SAID_BEFORE = "the script expected otherwise: "


class Ended(Protocol):
    """A variant, as far as it says how its script ended."""

    broken_expectation: str | None
    script_failed: bool
    trouble: str | None
    traceback: str | None


def failure(variant: Ended) -> str | None:
    """Return "failed: assert at line 7: no cart", "the script failed at line 7: …", or None."""
    lines = _THEIR_LINE.findall(variant.traceback or "")
    at = f" at line {lines[-1]}" if lines else ""
    if variant.broken_expectation:
        said = variant.broken_expectation.removeprefix(_SAID_BEFORE).removeprefix("assert")
        return one_line(f"failed: assert{at}" + (f": {said}" if said else ""), 300)
    if variant.script_failed:
        said = (variant.trouble or "").removeprefix("the script stopped with ")
        return one_line(f"the script failed{at}: {said}", 300)
    return None
