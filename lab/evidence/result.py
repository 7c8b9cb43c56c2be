"""A finished run as plain values: what was run, what was measured, what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from lab.evidence.record import Record
from lab.shop.redis import store_url

Measurements = dict[str, Any]


class Verdict(StrEnum):
    """What an experiment says about its claim."""

    HOLDS = "holds"
    FAILS = "fails"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Settings:
    """How one lane is set up. `store` concerns only a lane that keeps something in one."""

    servers: int = 3
    store: str = "memory"
    affinity: str = "none"
    retry: str = "off"

    @property
    def store_label(self) -> str:
        """The store without what may be secret in its URL."""
        return store_url.label(self.store) if "://" in self.store else self.store


@dataclass(frozen=True)
class Variant:
    """One lane of an experiment: which desk, with which knobs, and what is expected of it.

    `module` runs in place of the desk's own (a desk with a remedy, say). In `env`,
    `replica_env` (by server) and the nginx directives, `{folder}` stands for the run's
    folder and `{key}`, `{other_key}` for signing keys made for the run. `persistence` is
    the store's. `expect` is what the textbook says of the claim here, None for nothing.
    `upstreams` are the URLs of servers that the lab did not start, in place of its own; what
    `knobs` say of their store is then what somebody said.
    """

    name: str
    app: str  # "stateful" or "stateless"
    knobs: Settings = Settings()
    module: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    replica_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    directives: tuple[str, ...] = ()
    http_directives: tuple[str, ...] = ()
    persistence: bool = False
    expect: Verdict | None = None
    upstreams: tuple[str, ...] = ()

    @property
    def keeps(self) -> str:
        """Where the cart lives, in a word."""
        return self.knobs.store_label if self.app == "stateful" else "token"

    @property
    def uses_store(self) -> bool:
        """Whether the lane needs a session store to talk to."""
        return bool(self.app == "stateful" or self.module) and (
            self.knobs.store == "redis" or "://" in self.knobs.store
        )

    @property
    def is_plain_token(self) -> bool:
        """Whether this is the stateless desk as the article has it: what a claim is about."""
        return self.app == "stateless" and not self.module

    def expecting(self, verdict: Verdict, **changes: Any) -> Self:
        """Return this variant with an expectation (and other changes)."""
        return replace(self, expect=verdict, **changes)


@dataclass(frozen=True)
class Observation:
    """What one lane says of the claim, and the number that decided it, with its unit and n."""

    verdict: Verdict
    number: str


@dataclass(frozen=True)
class Judgement:
    """A verdict on the claim, the number that decided it, why, and what was not expected."""

    verdict: Verdict
    because: str
    surprises: tuple[str, ...] = ()
    number: str = ""


@dataclass(frozen=True)
class Prediction:
    """What somebody said before the run, sealed, and what was then seen."""

    question: str
    choices: tuple[str, ...]
    predicted: int
    confidence: str  # "guess", "fairly sure", "certain"
    observed: int | None = None
    explanation: str = ""

    @property
    def right(self) -> bool | None:
        """Whether it came true; None if the run could not tell."""
        return None if self.observed is None else self.predicted == self.observed


@dataclass
class VariantResult:
    """What one lane did.

    `trouble` says in a sentence why nothing can be concluded from it, if so;
    `broken_expectation` which assertion of the script itself did not hold; `traceback`
    tells either at length.
    """

    variant: Variant
    record: Record
    measurements: Measurements = field(default_factory=dict)
    trouble: str | None = None
    broken_expectation: str | None = None
    traceback: str | None = None
    observation: Observation | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether nothing was concluded from this lane."""
        seen = self.observation
        return bool(self.trouble) or (seen is not None and seen.verdict is Verdict.UNKNOWN)


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
    argument: str = ""  # what `lab run` is given to run it again
    seed: int = 0
    quick: bool = False
    prediction: Prediction | None = None

    @property
    def met(self) -> bool | None:
        """Whether the expectation was met; None if nothing could be concluded.

        Of a lane that is a contrast only as well: without it the claim may hold, and
        what was to be compared was not.
        """
        if any(each.broken_expectation for each in self.variants):
            return False
        if self.judgement.verdict is Verdict.UNKNOWN:
            return None
        if self.expected not in (None, self.judgement.verdict) or self.judgement.surprises:
            return False
        return None if any(each.is_unknown for each in self.variants) else True


def exit_status(results: list[ExperimentResult]) -> int:
    """Return 0 if every expectation was met, 1 if one was not, 3 if something is unknown."""
    met = [result.met for result in results]
    if False in met:
        return 1
    return 3 if None in met or not met else 0
