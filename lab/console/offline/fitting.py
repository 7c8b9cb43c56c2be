"""Keeps the exported page within its limit: leaves bytes of kept runs out, or refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.console.kept_runs import KeptRuns
from lab.console.offline.one_file import as_data, one_file, run_answers
from lab.console.offline.packing import packed
from lab.console.offline.recording import Answered, Recording
from lab.console.playback import MOST_PLAYED_IN_FULL
from lab.core.errors import LabError
from lab.core.units import format_bytes

MOST_FILE_SIZE = 1_000_000
IN_FULL = (MOST_PLAYED_IN_FULL, 100, 20)  # exchanges of a variant that have their bytes


@dataclass(frozen=True)
class Fitted:
    """The page; `left_out` is a sentence, "" if everything is in it."""

    page: str
    left_out: str = ""


def fitted(
    recording: Recording, kept: KeptRuns, runs: Sequence[str], most: int = MOST_FILE_SIZE
) -> Fitted:
    """Return the page with kept runs, of at most `most` bytes; LabError if that is impossible."""
    size = 0
    for full in IN_FULL if runs else IN_FULL[:1]:
        page = one_file(recording, run_answers(kept, runs, full))
        size = len(page.encode())
        if size <= most:
            return Fitted(page, _left_out(full))
    raise LabError(f"the page would have {format_bytes(size)}, {_what_to_do(kept, runs, most)}")


def _left_out(full: int) -> str:
    if full == IN_FULL[0]:
        return ""
    return (
        f"to keep the page small, headers and bodies are in it for the first {full} requests of "
        "each variant of a kept run; `lab play` shows all"
    )


def _what_to_do(kept: KeptRuns, runs: Sequence[str], most: int) -> str:
    limit = f"more than {format_bytes(most)}"
    if not runs:
        return f"{limit}: make a smaller recording with `lab record`"
    sizes = {run: _size(run_answers(kept, [run], IN_FULL[-1])) for run in runs}
    largest = max(sizes, key=lambda run: sizes[run])
    return f"{limit}: leave out --run {largest} ({format_bytes(sizes[largest])})"


def _size(answers: Mapping[str, Answered]) -> int:
    return len(packed(as_data(answers)))
