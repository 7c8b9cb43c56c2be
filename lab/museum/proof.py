"""The proof of a piece: `lab check`, as a process of its own, and the document that it prints."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.check.document import CheckDocument, read
from lab.check.judge import Level
from lab.check.machine import can_isolate
from lab.core.errors import LabError
from lab.core.shell import quoted
from lab.processes.child import Child
from lab.processes.spawn import Children, clean_environment, module_command
from lab.processes.waiting import end_of, wait_until

_PROOF_S = 300.0
# Files only: the folder itself is a volume, and stays.
_EMPTY = "[p.unlink() for d in ('shared', 'flask_session') for p in pathlib.Path(d).glob('*')]"


@dataclass(frozen=True)
class PendingProof:
    """A check that has begun, of the service before or after the remedy.

    `line` is its command; it keeps its runs in the folder `runs`.
    """

    state: str
    line: str
    child: Child
    runs: Path

    def document(self) -> CheckDocument:
        """Wait for the check's end, and return what it found; LabError if it found nothing."""
        log = self.child.log_path
        if not wait_until(lambda: not self.child.running(), _PROOF_S, every_s=0.05):
            raise LabError(f"lab check did not end within {_PROOF_S:.0f} s; {end_of(log)}")
        found = [*self.runs.glob("*-check/check.json")]
        if not found:
            raise LabError(f"lab check ended with {self.child.ending}; {end_of(log)}")
        return read(found[0])


def begin_proof(
    children: Children,
    state: str,
    words: Sequence[str],
    env: Mapping[str, str],
    volume: Path,
    expected: Level,
) -> PendingProof:
    """Begin to check a service, in the folder of its volume, with the conversation `talk.py`.

    `words` start it, {port} among them. What it keeps is emptied where a backing service is
    expected, and where the system cannot give a process a disk of its own.
    """
    folder = volume.parent
    arguments = ["check", "talk.py", "--start", subprocess.list2cmdline(words)]
    if expected is Level.BACKING_SERVICE:
        arguments += ["--shared", volume.name]
    if expected is Level.BACKING_SERVICE or (expected is not Level.PROCESS and not can_isolate()):
        reset = [sys.executable, "-I", "-S", "-c", f"import pathlib; {_EMPTY}"]
        arguments += ["--reset", subprocess.list2cmdline(reset)]
    runs = folder.parent / "runs"
    child = children.spawn(
        f"lab check, {state}",
        module_command("lab", *arguments, "--out", str(runs)),
        log_path=folder.parent / "check.log",
        env=clean_environment({**env, "SHARED_DIR": str(volume)}),
        cwd=folder,
    )
    return PendingProof(state, " ".join(map(quoted, ["lab", *arguments])), child, runs)
