"""The values of an experiment: its variants, what each showed, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Self

import msgspec

from lab.core.json_object import JsonObject
from lab.core.statistics import Measure
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.record import Record
from lab.shop.redis import store_url

Measurements = JsonObject
"""What a variant's run measured, by name: the lab's `Counts`, and what the script added."""
MOST_COUNTED = 10**15
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_COUNTED)]
LOOKS_SHOWED_IT = "looks showed it"
"""The unit of the measure that stands beside the carts: of a script's own looks."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What the lab counts in every variant.

    `carts_*` count customers: acknowledged is who is owed a cart, and
    kept + lost + wrong + duplicated + unknown add up to it. They are those of the lab's closing
    looks; where there were none, each is unknown. `carts_left` are those that a login or logout
    ended, which are in none of these. `reads_*` count the script's own reads of
    an owed cart. `kill_confirmed` is True when each killed process was seen gone (where the
    lab sees processes) with its port closed, and nothing has answered in its name since;
    False when one was not, None when nothing was killed; `faults_unconfirmed` counts faults of
    any kind whose effect was looked for and not seen. Bytes are sums over the variant, as
    text of HTTP/1.1.
    """

    carts_acknowledged: Count = 0
    carts_kept: Count = 0
    carts_lost: Count = 0
    carts_wrong: Count = 0
    carts_duplicated: Count = 0
    carts_unknown: Count = 0
    carts_left: dict[str, Count] = {}
    changes_acknowledged: dict[str, Count] = {}
    changes_refused: dict[str, dict[str, Count]] = {}
    refusal_details: dict[str, dict[str, str]] = {}
    reads_of_carts: Count = 0
    reads_kept: Count = 0
    closing_looks: Count = 0
    closing_looks_kept: Count = 0
    closing_silences: dict[str, Count] = {}
    kill_confirmed: bool | None = None
    restarts_confirmed: Count = 0
    faults_unconfirmed: Count = 0
    requests: Count = 0
    requests_unanswered: Count = 0
    bytes_sent: Count = 0
    bytes_received: Count = 0

    @classmethod
    def of(cls, measured: Measurements) -> Self:
        """Return the counts among measurements; what a script added is left out."""
        known = {name: measured[name] for name in cls.__struct_fields__ if name in measured}
        return msgspec.convert(known, cls)

    def carts(self, fate: Fate) -> int:
        """Return how many acknowledged carts had this fate."""
        number: int = getattr(self, f"carts_{fate}")
        return number


class Kind(StrEnum):
    """What the sentence of an experiment is."""

    CLAIM = "claim"
    """It promises something: it holds or fails, for each variant and on the whole."""
    DRAWBACK = "drawback"
    """It warns of a harm: confirmed or not confirmed; each variant is affected or not affected."""
    SCRIPT = "script"
    """A script without a sentence: what happened is shown, and there is no verdict."""


class Verdict(StrEnum):
    """The word for what was found, of a claim, of a drawback or of one variant."""

    HOLDS = "holds"
    FAILS = "fails"
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    AFFECTED = "affected"
    NOT_AFFECTED = "not affected"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


WORDS_OF_A_VARIANT = {
    Kind.CLAIM: (Verdict.HOLDS, Verdict.FAILS, Verdict.DEPENDS, Verdict.UNKNOWN),
    Kind.DRAWBACK: (Verdict.AFFECTED, Verdict.NOT_AFFECTED, Verdict.DEPENDS, Verdict.UNKNOWN),
    Kind.SCRIPT: (None, Verdict.UNKNOWN),
}
WORDS_OF_A_SENTENCE = {
    Kind.CLAIM: (Verdict.HOLDS, Verdict.FAILS, Verdict.DEPENDS, Verdict.UNKNOWN),
    Kind.DRAWBACK: (Verdict.CONFIRMED, Verdict.NOT_CONFIRMED, Verdict.DEPENDS, Verdict.UNKNOWN),
    Kind.SCRIPT: (None, Verdict.UNKNOWN),
}


@dataclass(frozen=True)
class Settings:
    """How a variant is set up. `store` concerns only one that keeps something in a store."""

    servers: int = 3
    store: str = "memory"
    affinity: str = "none"
    retry: str = "off"
    tls: bool = False

    @property
    def store_label(self) -> str:
        """The store without what may be secret in its URL."""
        return store_url.label(self.store) if "://" in self.store else self.store


@dataclass(frozen=True)
class Variant:
    """One app in one configuration: a row of a result, and what is expected of it.

    `module` runs in place of the desk's own (a desk with a remedy, say). In `env`,
    `server_env` (by server) and the nginx directives, `{folder}` stands for the run's
    folder and `{key}`, `{other_key}` for signing keys made for the run. `persistence` is
    the store's. `expect` is what the textbook says of the claim here, None for nothing.
    `server_urls` are those of servers that the lab did not start, in place of its own; what
    `settings` say of their store is then taken on trust.
    """

    name: str
    app: str  # "stateful" or "stateless"
    settings: Settings = Settings()
    module: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    server_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    directives: tuple[str, ...] = ()
    http_directives: tuple[str, ...] = ()
    persistence: bool = False
    expect: Verdict | None = None
    server_urls: tuple[str, ...] = ()

    @property
    def keeps(self) -> str:
        """Where the cart lives, in a word."""
        return self.settings.store_label if self.app == "stateful" else "token"

    @property
    def uses_store(self) -> bool:
        """True if it needs a session store to talk to."""
        return bool(self.app == "stateful" or self.module) and (
            self.settings.store == "redis" or "://" in self.settings.store
        )

    @property
    def is_plain_token(self) -> bool:
        """True if this is the stateless desk as the article has it: what a claim is about."""
        return self.app == "stateless" and not self.module

    def expecting(self, verdict: Verdict, **changes: Any) -> Self:
        """Return this variant with an expectation (and other changes)."""
        return replace(self, expect=verdict, **changes)

    def on_module(self, module: str, settings: Settings, verdict: Verdict) -> Self:
        """Return this variant with another module in the desk's place, which wraps the desk."""
        env = {"DESK": f"{self.app}_app"}
        return replace(self, module=module, settings=settings, env=env, expect=verdict)


class Observation(msgspec.Struct, frozen=True):
    """What one variant shows, and the measures that decided it, the first first."""

    verdict: Verdict | None
    """Holds or fails, of a claim; affected or not, by a drawback; None without either."""
    measures: tuple[Measure, ...] = ()
    note: str = ""
    """What no number says: why nothing can be concluded, what differed; where it depends, on what:
    "on the headers"."""

    @classmethod
    def unknown(cls, why: str) -> Self:
        """Return the observation from which nothing follows."""
        return cls(Verdict.UNKNOWN, note=why)


class Surprise(msgspec.Struct, frozen=True):
    """A variant whose verdict is not what the textbook expects of it."""

    variant: str
    seen: Verdict
    expected: Verdict


class Judgement(msgspec.Struct, frozen=True):
    """The verdict on a claim or a drawback, and the names of the variants that decide it."""

    verdict: Verdict | None
    """None for a script without either."""
    decided_by: tuple[str, ...] = ()
    surprises: tuple[Surprise, ...] = ()
    baseline: str | None = None
    """The variant that the others are compared with: the stateless desk as the article has it."""
    note: str = ""
    """Why nothing can be concluded, where no variant says so."""
    condition: str = ""
    """What a verdict of *depends* depends on: "the settings: holds at token, fails at …"."""


class Prediction(msgspec.Struct, frozen=True):
    """A question, what was predicted before the run, and what was then observed.

    `predicted` and `observed` are indices of choices. `predicted` is None if no
    prediction was made, `observed` where the run gives no answer.
    """

    question: str
    choices: tuple[str, ...]
    predicted: int | None = None
    confidence: str | None = None
    """How sure: "guess", "fairly sure" or "certain"."""
    observed: int | None = None
    right: bool | None = None
    explanation: str = ""

    @property
    def surprise(self) -> int:
        """How wrong it was: 3 if it was certain, 0 if it was right or nothing is known."""
        sure = {"certain": 3, "fairly sure": 2}
        return sure.get(self.confidence or "", 1) if self.right is False else 0

    def compared(self, observed: int | None, explanation: str) -> Self:
        """Return the prediction beside what was observed."""
        known = observed is not None and self.predicted is not None
        right = self.predicted == observed if known else None
        return msgspec.structs.replace(
            self, observed=observed, right=right, explanation=explanation
        )


class ScriptFailure(msgspec.Struct, frozen=True):
    """What a script's own code did wrong: an assertion that did not hold, or an error."""

    said: str
    """The text of the assertion ("" for none), or the error."""
    line: int | None = None
    """The line of the author's own code; None if none of it was running."""
    before: str = ""
    """The exchange before it: "POST /api/cart/items -> 404"."""
    answer: str = ""
    """The start of that exchange's answer, or why none came."""


@dataclass
class VariantRun:
    """One variant's part of a run that is in progress.

    `trouble` says in a sentence why nothing can be concluded from it, if so, and
    `script_failed` whether the fault is in the student's own code;
    `broken_expectation` which assertion of the script itself did not hold; `traceback` and
    `failure` have the details of either. `balancer_broke` is about nginx, which all variants share.
    """

    variant: Variant
    record: Record
    measurements: Measurements = field(default_factory=dict)
    trouble: str | None = None
    script_failed: bool = False
    broken_expectation: str | None = None
    traceback: str | None = None
    failure: ScriptFailure | None = None
    balancer_broke: bool = False
    observation: Observation | None = None
    closing: list[Exchange] = field(default_factory=list)
    """The lab's own looks at the carts, when the script was over."""

    def void(self, why: str) -> None:
        """Mark the run as inconclusive, for this reason: not even the script counts as failed."""
        self.trouble, self.broken_expectation = why, None
        self.traceback = self.failure = None
        self.script_failed = False

    @property
    def counts(self) -> Counts:
        """What the lab itself counted."""
        return Counts.of(self.measurements)

    @property
    def is_unknown(self) -> bool:
        """True if this variant led to no conclusion."""
        seen = self.observation
        return bool(self.trouble) or (seen is not None and seen.verdict is Verdict.UNKNOWN)
