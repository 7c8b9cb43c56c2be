"""The page's events: typed, and the same for what is live and for a recording.

No credential is in them that could be used, and text of foreign origin in them is bounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, UnsetType

from lab.console.marks import ShownMark
from lab.console.stack_state import StackState
from lab.core.faults import FaultEvidence
from lab.evidence.run_document import RecordedExchange


class TriedServer(msgspec.Struct, frozen=True):
    """A server that the balancer asked, and the status it answered with; "" for not known."""

    server: str
    status: str


class RequestEvent(msgspec.Struct, tag_field="kind", tag="request", kw_only=True):
    """A request that the load balancer answered; `status` 0 if the client had hung up.

    `who` is the customer of a page ("c1"), "" for any other client; `asked` the server it was
    addressed to; `tried` the servers that the balancer asked, none for an answer of its cache.
    """

    desk: str
    op: str
    request_id: str = ""
    method: str
    path: str
    query: str | UnsetType = UNSET
    """What the balancer's log has of the query, if a token is in it: "token=.SIklj…&userId=123"."""
    asked: str
    status: int
    served_by: str
    instance: str
    tried: list[TriedServer]
    ms: float
    bytes_in: int
    bytes_out: int
    store_operations: int | None = None
    who: str
    mark: ShownMark


class ExchangeEvent(RecordedExchange, tag_field="kind", tag="exchange", kw_only=True):
    """A recorded exchange with its look, and a command that repeats it.

    `mark` is what the stage shows of its result; `theft` where a thief has sent it again.
    """

    desk: str
    who: str
    look: list[str]
    mark: ShownMark
    theft: ShownMark | UnsetType = UNSET
    shows: str | UnsetType = UNSET
    """Names the owner of the shown cart if it is not the customer's own: "John's cart"."""
    curl: str
    aside: bool | UnsetType = UNSET
    """True if it is not part of the customer's own conversation."""


class FaultShown(msgspec.Struct, tag_field="kind", tag="fault", kw_only=True):
    """A fault at a desk ("" for the store, which belongs to no desk), and the stack after it."""

    desk: str
    fault: str
    target: str
    confirmed: bool | None
    evidence: FaultEvidence
    stack: StackState | None


class SettingValues(msgspec.Struct, frozen=True):
    """What a setting was, and what it is now."""

    was: str
    value: str


class SettingShown(msgspec.Struct, tag_field="kind", tag="setting", kw_only=True):
    """A setting of both desks was changed: `target` is its name. The page lists it with faults."""

    desk: str = ""
    target: str
    evidence: SettingValues
    stack: StackState | None


class StageEvent(msgspec.Struct, tag_field="kind", tag="stage"):
    """A new stage: everything before it is history.

    `script` is the one that begins with it ("the-crash/0"), "" for a stage set up by hand.
    """

    stack: StackState | None = None
    script: str = ""


class StackEvent(msgspec.Struct, tag_field="kind", tag="stack"):
    """The stack has changed without a fault: a count, a state."""

    stack: StackState | None = None


class RunEvent(msgspec.Struct, tag_field="kind", tag="run", kw_only=True):
    """How far a run of an experiment is; `state` is running, done or failed."""

    state: str
    experiment: str
    line: str
    run: str
    trouble: str | None = None
    observed: int | None = None
    servers: Mapping[str, Mapping[str, int]] = {}
    """A crowd's requests by desk and by the server that answered, "" if none did."""


class LessonEvent(msgspec.Struct, tag_field="kind", tag="lesson", kw_only=True):
    """Where the instructor is in the lesson, for pages that follow.

    `state` is asking, running, done, stopped, or over when nothing is presented any more; `scene`
    is what the screen shows. Of an act: its number in the chapter, the step that runs of how
    many, the customers `who`, `second` and `third` that act in it, and the last event before it
    (`since`), so that a page can judge its own prediction by the same facts.
    """

    chapter: str
    state: str
    scene: str = "ask"
    act: int = 0
    step: int = 0
    of: int = 0
    who: str = ""
    second: str = ""
    third: str = ""
    since: int = 0


StackShown = FaultShown | SettingShown | StageEvent | StackEvent
"""What has the stack after it."""
PageEvent = RequestEvent | ExchangeEvent | RunEvent | LessonEvent | StackShown


class Totals(msgspec.Struct, kw_only=True):
    """What a desk has kept, lost and spent so far."""

    requests: int = 0
    kept: int = 0
    lost: int = 0
    open: int = 0
    errors: int = 0
    store_operations: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Stamped:
    """An event with its number, its time (seconds since the stage began) and the score after it."""

    event: PageEvent
    id: int
    at: float
    score: Mapping[str, Totals]

    def json(self) -> Mapping[str, object]:
        """Return the event as the page gets it."""
        stamp = {"id": self.id, "at": self.at, "score": msgspec.to_builtins(self.score)}
        return {**msgspec.to_builtins(self.event), **stamp}
