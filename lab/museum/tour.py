"""A visit to one piece: the fault on two servers, its proof, the remedy, the proof again."""

import secrets
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lab.check.document import CheckDocument
from lab.check.judge import Level
from lab.core.errors import LabError
from lab.museum import installed
from lab.museum.piece import Piece
from lab.museum.proof import PendingProof, begin_proof
from lab.museum.two_servers import Turns, run_talk, two_servers
from lab.processes.spawn import Children


class ShownService(msgspec.Struct):
    """The service before or after the remedy: what two servers said, and what a check finds."""

    expected: Level
    turns: Turns
    command: str
    proof: CheckDocument

    @property
    def is_as_expected(self) -> bool:
        """True if the check finds what the label of the piece says."""
        return self.proof.verdict is self.expected


class Tour(msgspec.Struct):
    """All that a visit shows."""

    name: str
    title: str
    report: str
    url: str
    year: int
    runs_on: list[str]
    story: str
    cause: str
    before: ShownService
    remedy: str
    difference: str
    after: ShownService
    seconds: float


@dataclass(frozen=True)
class Guide:
    """Leads through one piece. `folder` is where its files and logs go, `progress` gets lines."""

    piece: Piece
    folder: Path
    progress: Callable[[str], None] = lambda line: None

    def lead(self) -> Tour:
        """Return all that there is to see; LabError with the command where a package is missing."""
        began, here, label = time.monotonic(), Path.cwd(), self.piece.label
        if command := installed.command_for_missing(self.piece, here):
            raise LabError(f"{self.piece.name} needs a package that is not here: {command}")
        children = Children()
        try:  # both proofs at once: each waits for processes most of the time
            proofs = [self._begin_proof(children, state) for state in ("before", "after")]
            before, after = (self._show(proof) for proof in proofs)
        finally:
            children.close()
        return Tour(
            name=self.piece.name,
            title=label.title,
            report=label.report,
            url=label.url,
            year=label.year,
            runs_on=installed.versions(self.piece, here),
            story=self.piece.story,
            cause=label.cause,
            before=before,
            remedy=label.remedy,
            difference=self.piece.difference,
            after=after,
            seconds=round(time.monotonic() - began, 1),
        )

    def _begin_proof(self, children: Children, state: str) -> PendingProof:
        folder = self.folder.absolute() / state
        volume = folder / "check" / "shared"
        volume.mkdir(parents=True)
        for each in (self.piece.service(state), self.piece.folder / "talk.py"):
            shutil.copy(each, volume.parent)
        words = [*self._words, self.piece.service(state).name, "{port}"]
        return begin_proof(children, state, words, self._environment(), volume, self._level(state))

    def _show(self, proof: PendingProof) -> ShownService:
        state = proof.state
        self.progress(f"{state} the remedy: two servers, asked in turn")
        folder = self.folder.absolute() / state / "two"
        (folder / "shared").mkdir(parents=True)
        env = {**self._environment(), "SHARED_DIR": str(folder / "shared")}
        with two_servers(self.piece.service(state), self._words, env, folder) as both:
            turns = run_talk(self.piece.folder / "talk.py", both)
        self.progress(f"{state} the remedy: lab check")
        return ShownService(self._level(state), turns, proof.line, proof.document())

    def _level(self, state: str) -> Level:
        return self.piece.label.fault if state == "before" else self.piece.label.mended

    @property
    def _words(self) -> list[str]:
        return [shutil.which("node") or "node"] if self.piece.on_node else [sys.executable]

    def _environment(self) -> dict[str, str]:
        env = {"SECRET_KEY": secrets.token_hex(32)}
        if self.piece.on_node:
            env["NODE_PATH"] = str(installed.modules_of_node(self.piece, Path.cwd()))
        return env
