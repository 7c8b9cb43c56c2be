"""A finished run as plain values: what was run, what was measured, what follows from it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from lab.evidence.record import Record


class Verdict(StrEnum):
    """What an experiment says about its claim."""

    HOLDS = "holds"
    FAILS = "fails"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Knobs:
    """How one lane is set up. `store` concerns the stateful side only."""

    servers: int = 3
    store: str = "memory"
    affinity: str = "none"
    retry: str = "off"

    @property
    def store_label(self) -> str:
        """The store without what may be secret in its URL."""
        if "://" not in self.store:
            return self.store
        url = urlsplit(self.store)
        return f"{url.scheme}://{url.hostname or ''}{f':{url.port}' if url.port else ''}"


@dataclass(frozen=True)
class Variant:
    """One lane of an experiment: which desk, with which knobs."""

    name: str
    app: str  # "stateful" or "stateless"
    knobs: Knobs = Knobs()

    @property
    def keeps(self) -> str:
        """Where the cart lives, in a word."""
        return self.knobs.store_label if self.app == "stateful" else "token"


@dataclass(frozen=True)
class Judgement:
    """A verdict on the claim, why, and what did not go as the textbook says."""

    verdict: Verdict
    because: str
    surprises: tuple[str, ...] = ()


@dataclass
class VariantResult:
    """What one lane did.

    `trouble` says in a sentence why nothing can be concluded from it, if so;
    `broken_expectation` which assertion of the script itself did not hold; `traceback`
    tells either at length.
    """

    variant: Variant
    record: Record
    measurements: dict[str, Any] = field(default_factory=dict)
    trouble: str | None = None
    broken_expectation: str | None = None
    traceback: str | None = None


@dataclass
class ExperimentResult:
    """One experiment, finished or cut short."""

    name: str
    claim: str
    judgement: Judgement
    variants: list[VariantResult]
    expected: Verdict | None
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the expectation was met; None if nothing could be concluded."""
        if any(each.broken_expectation for each in self.variants):
            return False
        if self.judgement.verdict is Verdict.UNKNOWN:
            return None
        as_expected = self.expected in (None, self.judgement.verdict)
        return as_expected and not self.judgement.surprises


def exit_status(results: list[ExperimentResult]) -> int:
    """Return 0 if every expectation was met, 1 if one was not, 3 if something is unknown."""
    met = [result.met for result in results]
    if False in met:
        return 1
    return 3 if None in met or not met else 0
