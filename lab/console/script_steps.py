"""A step of a lesson's script, done on the stage: what the page asks for, and `lab record`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from lab.console.customer_session import Credentials
from lab.console.customers import STRANGER
from lab.console.lesson.plan import ChapterStep
from lab.console.orders import BadOrder
from lab.console.page_customer import PageCustomer
from lab.console.places import Watcher
from lab.console.services import LiveConsole
from lab.core.errors import LabError
from lab.core.faults import STORE, FaultKind
from lab.core.json_object import JsonObject
from lab.processes.waiting import at_once, wait_until
from lab.shop.desks import DESKS

SCRIPT_CUSTOMERS: Mapping[str, str] = {"me": "John", "second": "Bob", "third": "Carol"}
"""The customers of a script by their key: "me" where a step names none."""
DRAINED_S = 30.0
_FAULT_STEPS = frozenset(kind.value for kind in FaultKind if kind is not FaultKind.ADD)
_NOT_SENT = frozenset({"do", "say", "as", "of"})


class StepDone(msgspec.Struct, frozen=True):
    """What a step has done: its events are those up to `id`.

    `ops` are the operations it sent, whose lines in nginx's log come later.
    """

    id: int
    ops: list[str]
    credentials: dict[str, Credentials]


@dataclass(frozen=True)
class StepPerformer:
    """Does steps of a script on a stage, for one customer; `settings` replace its stage's."""

    live: LiveConsole
    script: str
    customer: PageCustomer
    settings: Mapping[str, Any]
    client: Watcher = STRANGER

    def perform(self, step: ChapterStep) -> StepDone:
        """Do a step and wait for it; raise BadOrder, or LabError if it is not possible now."""
        verb, playground = str(step["do"]), self.live.playground
        given: JsonObject = {name: step[name] for name in step if name not in _NOT_SENT}
        ops: dict[str, str] = {}
        match verb:
            case "say" | "leave":
                pass
            case "stage":
                playground.reset(**{**given, **self.settings}, script=self.script)
            case "settings":
                playground.change(**given)
            case "store":
                playground.inject(FaultKind(given["what"]), STORE)
            case "add-server":
                playground.add("" if len(_desks(step)) == len(DESKS) else _desks(step)[0])
            case fault if fault in _FAULT_STEPS:
                self._break(FaultKind(fault), step)
            case "replay":
                ops = self._replay(step, given)
            case _:
                ops = self._act({"do": verb, **given})
        return StepDone(self.live.feed.newest, list(ops.values()), self.customer.credentials())

    def _replay(self, step: ChapterStep, given: Mapping[str, Any]) -> dict[str, str]:
        """Send an earlier request again at each desk, where it has an op of its own."""
        sent, verb = self.customer.sent, str(step["of"])
        if missing := [desk for desk in _desks(step) if (verb, desk) not in sent]:
            raise BadOrder(f"of: this customer has sent no {verb} to the {missing[0]} desk")
        orders = [
            {**given, "do": "replay", "op": sent[verb, desk], "desks": [desk]}
            for desk in _desks(step)
        ]
        return {desk: op for each in at_once(self._act, orders) for desk, op in each.items()}

    def _act(self, order: JsonObject) -> dict[str, str]:
        return self.live.customers.act(self.customer, order, self.client).ops

    def _break(self, kind: FaultKind, step: ChapterStep) -> None:
        named = str(step["target"])
        servers = [
            f"{desk}/{self.customer.sessions[desk].served_by() if named == 'served' else named}"
            for desk in _desks(step)
        ]
        playground = self.live.playground
        at_once(partial(playground.inject, kind), servers)
        if kind is FaultKind.DRAIN and not wait_until(playground.has_drained, DRAINED_S):
            raise LabError("a server still drains: wait until it is gone, then run it again")


def _desks(step: ChapterStep) -> list[str]:
    desks = step.get("desks")
    return list(desks) if isinstance(desks, list) else list(DESKS)
