"""Runs the checks of an exercise on a student's folder, each after those that it depends on."""

import secrets
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import LabError
from lab.core.text import one_line, visible
from lab.exercises.declare import CannotCheck, DeclaredCheck, NotMet, Showable
from lab.exercises.exercise import CHECKS, Exercise
from lab.exercises.result import CheckResult, CheckStatus
from lab.exercises.work import Work

MOST_EVIDENCE = 8000  # characters
HARD_TO_SEE = (
    "The check stopped in {where}. If the answer above has the shape that the README asks for, "
    "the check is wrong: report it."
)
SayProgress = Callable[[str], None]


def new_seed() -> int:
    """Return a seed for the random choices of the checks."""
    return secrets.randbelow(2**32)


@dataclass(frozen=True)
class Asked:
    """What to check: a folder, with which command it is started, and which checks."""

    exercise: Exercise
    folder: Path
    seed: int
    command: str = ""
    hidden: bool = False

    def checks(self) -> list[DeclaredCheck]:
        """Return the checks that are to run."""
        return [each for each in self.exercise.checks() if self.hidden or not each.hidden]


def run_checks(
    asked: Asked, checks: Sequence[DeclaredCheck], progress: SayProgress = lambda line: None
) -> Iterator[CheckResult]:
    """Run checks one after another; yield each result. No process and no file is left."""
    with (
        tempfile.TemporaryDirectory(prefix="two-desks-", ignore_cleanup_errors=True) as scratch,
        closing(_work(asked, Path(scratch), progress)) as work,
    ):
        passed, titles = set[str](), {each.name: each.title for each in checks}
        for each in checks:
            progress(each.title)
            missing = [name for name in each.after if name not in passed]
            if missing:
                because = titles.get(missing[0], missing[0])
                result = _result(each, CheckStatus.BLOCKED, f"“{because}” did not pass")
            else:
                result = _run(each, work)
            if result.passed:
                passed.add(each.name)
            yield result


def _work(asked: Asked, scratch: Path, progress: SayProgress) -> Work:
    return Work(
        asked.folder.absolute(),
        scratch,
        command=asked.command or asked.exercise.described.start,
        seed=asked.seed,
        exercise=asked.exercise.folder,
        progress=progress,
    )


def _run(declared: DeclaredCheck, work: Work) -> CheckResult:
    began = time.monotonic()
    work.begin(declared.name)
    result = _judge(declared, work)
    result.seconds = round(time.monotonic() - began, 3)
    return result


def _judge(declared: DeclaredCheck, work: Work) -> CheckResult:
    try:
        declared.function(work)
    except NotMet as failure:
        evidence = work.evidence if failure.evidence is None else failure.evidence
        return _result(
            declared, CheckStatus.FAILED, failure.rationale, failure.help, _text(evidence)
        )
    except CannotCheck as reason:
        return _result(declared, CheckStatus.BLOCKED, str(reason))
    except LabError as error:
        return _result(declared, CheckStatus.FAILED, str(error), "", _text(work.evidence))
    except Exception as error:  # a check is written by an instructor, and may meet anything
        what = one_line(f"{type(error).__name__}: {error}", 200)
        where = HARD_TO_SEE.format(where=_place(error))
        return _result(declared, CheckStatus.ERROR, what, where, _text(work.evidence))
    return _result(declared, CheckStatus.PASSED)


def _result(
    declared: DeclaredCheck,
    status: CheckStatus,
    rationale: str = "",
    help: str = "",
    evidence: str = "",
) -> CheckResult:
    return CheckResult(
        name=declared.name,
        title=declared.title,
        status=status,
        points=declared.points,
        hidden=declared.hidden,
        rationale=visible(rationale),
        help=visible(help),
        evidence=visible(evidence)[-MOST_EVIDENCE:],
    )


def _text(evidence: Showable | str | None) -> str:
    if evidence is None or isinstance(evidence, str):
        return evidence or ""
    return evidence.shown()


def _place(error: BaseException) -> str:
    lines = [
        f"{CHECKS} line {each.lineno}: {each.line}"
        for each in traceback.extract_tb(error.__traceback__)
        if Path(each.filename).name == CHECKS
    ]
    return lines[-1] if lines else CHECKS
