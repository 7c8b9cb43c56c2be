"""The run document, `result.json`: everything a run did and concluded, made of numbers.

It holds no credential that could be used: tokens, session ids and cookies are shortened to a
few characters, a length and a hash by which two can be compared. Text for readers is made from
it in `lab.report`. Decoding a file into `RunDocument` checks it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from lab.core.components import Components
from lab.core.faults import FaultEvent
from lab.evidence.exchange import HasOutcome, OpStatus
from lab.evidence.result import (
    Count,
    Counts,
    Kind,
    Measurements,
    Observation,
    Prediction,
    ScriptFailure,
    Surprise,
    Verdict,
)

SCHEMA_VERSION = 5

Seconds = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]  # a date can be made of it


class Message(msgspec.Struct):
    """Headers and body of a request or an answer, credentials shortened."""

    headers: dict[str, str]
    body: Any = None
    """JSON as a value, other text as text; None for no body."""


class RecordedExchange(HasOutcome, msgspec.Struct):
    """A request and its answer."""

    op: str
    method: str
    path: str
    status: int | None
    """None: no answer came, and `error` says why."""
    outcome: OpStatus
    at_s: Seconds
    """When it was sent, in seconds since the variant began."""
    request: Message
    response: Message
    customer: str = "?"
    target: str | None = None
    """The server it was addressed to; None for the balancer's choice."""
    served_by: str | None = None
    """The server that answered."""
    instance: str | None = None
    """The process that answered: a restart changes it."""
    elapsed_ms: float = 0.0
    error: str | None = None
    fate: str | None = None
    """What a read of an acknowledged cart showed: kept, lost, wrong, duplicated or unknown."""
    bytes_sent: Count = 0
    bytes_received: Count = 0


Event = RecordedExchange | FaultEvent


class UsedSettings(msgspec.Struct):
    """The settings of a variant."""

    store: str | None = None
    """memory, file, redis, or a URL without its secrets; None at the stateless desk."""
    affinity: str = "none"
    servers: Count = 0
    retry: str = "off"
    tls: bool = False
    """True if customers came by HTTPS."""


class VariantResult(msgspec.Struct):
    """One app in one configuration, and what the script did there."""

    name: str
    app: Literal["stateful", "stateless"]
    settings: UsedSettings = msgspec.field(name="knobs")  # the first name: other programs read it
    measurements: Measurements
    """Counts that every experiment has, and what the script measured."""
    exchanges: list[RecordedExchange]
    faults: list[FaultEvent]
    order: list[str] = msgspec.field(default_factory=list)
    """How they followed each other: the op of an exchange, kind and target of a fault."""
    server_urls: list[str] = msgspec.field(default_factory=list, name="upstreams")
    """URLs of servers that the lab did not start. Its name in the file is the first one, too."""
    outcome: Observation | None = None
    closing_looks: list[RecordedExchange] = msgspec.field(default_factory=list)
    """What the lab itself asked when the script was over: each cart at every live server."""
    trouble: str | None = None
    """Why nothing can be concluded from it."""
    script_failed: bool = False
    """True if `trouble` is a fault in the student's own code, which fails the run."""
    broken_expectation: str | None = None
    """The assertion of the script itself that did not hold."""
    traceback: str | None = None
    failure: ScriptFailure | None = None
    """What went wrong in the script's own code; None in a run of an earlier version, too."""
    operations: dict[str, Count] = msgspec.field(default_factory=dict)
    """Exchanges by outcome."""

    @property
    def at_length(self) -> str:
        """The traceback, and the exchange before the script failed; "" without one."""
        text, last = self.traceback or "", self.failure
        if last and last.before:
            text += f"\nThe exchange before: {last.before} {last.answer}"
        return text

    @property
    def counts(self) -> Counts:
        """What the lab itself counted; msgspec.ValidationError in a damaged document."""
        return Counts.of(self.measurements)

    @property
    def keeps(self) -> str:
        """Where the cart lives: memory, file, redis, an address, or token."""
        return "token" if self.app == "stateless" else self.settings.store or "?"

    @property
    def verdict(self) -> Verdict | None:
        """What it shows, in a word; unknown if it was not observed, None if there is no word."""
        return self.outcome.verdict if self.outcome else Verdict.UNKNOWN

    @property
    def events(self) -> list[Event]:
        """Exchanges and faults as they followed each other."""
        left: list[Event] = [*self.exchanges, *self.faults]
        by_name: dict[str, list[Event]] = {}
        for event in left:
            by_name.setdefault(event_name(event), []).append(event)
        ordered = [by_name[name].pop(0) for name in self.order if by_name.get(name)]
        seen = {id(event) for event in ordered}
        rest = [event for event in left if id(event) not in seen]
        return ordered + sorted(rest, key=lambda event: event.at_s)


class ExperimentResult(msgspec.Struct):
    """One script, run in each of its variants."""

    name: str
    claim: str
    """The sentence, whether it is a claim or a drawback; "" for a script without one."""
    verdict: Verdict | None
    """holds, fails / confirmed, not confirmed / depends / unknown; None without a sentence."""
    seconds: float
    """Time from start to clean-up, servers included."""
    variants: list[VariantResult]
    kind: Kind = Kind.CLAIM
    argument: str = ""
    """What `lab run` is given to run it again: a name, or the path of a script."""
    script_hash: str = ""
    """The start of its text's SHA-256, the same for runs of the same text. "" if not known."""
    decided_by: tuple[str, ...] = ()
    """The variants that the claim is about, whose outcomes decide it."""
    baseline: str | None = None
    """The variant that the others are compared with: the stateless desk as the article has it."""
    note: str = ""
    """Why nothing was concluded, where no variant says so."""
    condition: str = ""
    """What a verdict of *depends* depends on."""
    surprises: tuple[Surprise, ...] = ()
    expected: Verdict | None = None
    """The verdict the textbook gives; None for a script without one."""
    expectation_met: bool | None = None
    """Exit status 0, 1, and (None) 3."""
    interrupted: bool = False
    seed: int | None = None
    """`--seed` with it repeats the run's random choices."""
    quick: bool = False
    prediction: Prediction | None = None


class RunDocument(msgspec.Struct):
    """Everything one invocation of `lab run` or `lab demo` did and concluded."""

    experiments: list[ExperimentResult]
    components: Components = Components()
    schema: int = SCHEMA_VERSION


def event_name(event: Event) -> str:
    """Return the name of an event in `order`."""
    if isinstance(event, FaultEvent):
        return f"{event.kind} {event.target}"
    return event.op


def document_text(experiments: Sequence[str], components: Components) -> str:
    """Return the document as text, from its experiments' texts (each is made only once)."""
    made_of = msgspec.to_builtins(components)
    head = json.dumps({"schema": SCHEMA_VERSION, "components": made_of}, indent=1)
    lines = ",\n".join(experiments)
    return f'{head[:-2]},\n "experiments": [\n{lines}\n ]\n}}\n'


def experiment_text(result: ExperimentResult) -> str:
    """Return one experiment's part as text, on one line: indenting takes ten times as long."""
    return json.dumps(msgspec.to_builtins(result), ensure_ascii=False, allow_nan=False)


def json_schema() -> Mapping[str, object]:
    """Return the JSON Schema of the document."""
    return msgspec.json.schema(RunDocument)


def exit_status(results: Sequence[ExperimentResult]) -> int:
    """Return 0 if every expectation was met, 1 if one was not, 3 if something is unknown."""
    met = [result.expectation_met for result in results]
    if False in met:
        return 1
    return 3 if None in met or not met else 0
