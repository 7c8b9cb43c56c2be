"""What the checks of an exercise found, as values."""

from enum import StrEnum

import msgspec

SCHEMA = 1


class CheckStatus(StrEnum):
    """How one check ended. `error`: the check itself could not go on; it is not passed."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "could not be checked"
    ERROR = "error"


class CheckResult(msgspec.Struct, kw_only=True):
    """How one check ended, and what the student reads of it."""

    name: str
    title: str
    status: CheckStatus
    points: int
    hidden: bool = False
    rationale: str = ""
    help: str = ""
    evidence: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """True if it passed."""
        return self.status is CheckStatus.PASSED

    @property
    def earned(self) -> int:
        """The points for it."""
        return self.points if self.passed else 0


class WorkResult(msgspec.Struct, kw_only=True):
    """What the checks found of one student's folder. `trouble` says why some did not run."""

    exercise: str
    folder: str
    seed: int
    checks: list[CheckResult] = []
    schema: int = SCHEMA
    trouble: str = ""
    seconds: float = 0.0

    @property
    def earned(self) -> int:
        """The points of what passed."""
        return sum(each.earned for each in self.checks)

    @property
    def points(self) -> int:
        """All points there are."""
        return sum(each.points for each in self.checks)

    @property
    def passed(self) -> bool:
        """True if every check passed."""
        return bool(self.checks) and not self.trouble and all(each.passed for each in self.checks)
