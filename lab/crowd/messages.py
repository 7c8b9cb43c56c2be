"""The messages between the lab and the worker processes, as typed values."""

import msgspec

from lab.crowd.load_profile import LoadProfile
from lab.crowd.tally import Tally
from lab.evidence.cart_tracker import Fate
from lab.evidence.closing import Silence


class CrowdJob(msgspec.Struct, frozen=True, kw_only=True):
    """One variant's crowd: all that a worker needs to know. It holds no secret."""

    name: str
    """Unique in a run; the ids of its requests begin with it."""
    url: str
    """Where the balancer serves the variant."""
    servers: tuple[str, ...]
    profile: LoadProfile
    quick: bool = False
    record: str = ""
    """Folder for the record, one file a worker; "" keeps none."""
    sha256: str = ""
    """Digest of the script: a worker on another machine must have the same one."""


class IterationResult(msgspec.Struct, frozen=True, array_like=True):
    """What became of one iteration's cart: one line of `iterations.jsonl`."""

    customer: str
    home: str | None
    """The instance that acknowledged the cart last."""
    at_s: float
    """When the last read began, in seconds after the start."""
    fate: Fate | None
    """What the closing looks found; None if nothing is owed."""
    acknowledged_s: float
    """When the last change was asked for, in seconds after the start."""
    gone: tuple[str, ...] = ()
    """The servers for which the load balancer answered that it cannot reach them."""
    silence: Silence | None = None
    """Why a look had no answer, if so."""


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is new in one worker process since its last report, and how the process is doing."""

    worker: int
    at_s: float
    closing: bool
    """True if the measured time is over and the closing reads are under way."""
    in_flight: int
    tally: Tally
    iterations: list[IterationResult]
    trouble: str | None
    """The error of the first script that raised."""
    cpu: float
    """Share of one core since the last report."""
    rss: int
    """Memory in bytes."""


class Hello(msgspec.Struct, frozen=True, tag=True):
    """To the lab: the secret that it gave the process."""

    secret: str


class StartJob(msgspec.Struct, frozen=True, tag=True):
    """From the lab: prepare this job, and answer `Ready`."""

    job: CrowdJob


class WorkersHere(msgspec.Struct, frozen=True, tag=True):
    """To the lab: how many workers have joined by now."""

    number: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """To the lab: every shopper is waiting for `Begin`."""


class Begin(msgspec.Struct, frozen=True, tag=True):
    """From the lab: begin, and answer `Begun`."""


class Begun(msgspec.Struct, frozen=True, tag=True):
    """To the lab: when the first request is due, on the monotonic clock of this machine."""

    at_s: float


class NewReport(msgspec.Struct, frozen=True, tag=True):
    """To the lab: what one worker reports."""

    report: WorkerReport


class Done(msgspec.Struct, frozen=True, tag=True):
    """To the lab: the last report has been sent."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """To the lab: the crowd cannot go on, and why."""

    reason: str


CrowdMessage = Hello | StartJob | WorkersHere | Ready | Begin | Begun | NewReport | Done | Failed
