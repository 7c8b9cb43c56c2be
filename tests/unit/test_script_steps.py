"""A step of a script, done on a pretended stage: which order it is, and what is said of it."""

from types import SimpleNamespace

import pytest

from lab.console.customer_session import Credentials
from lab.console.orders import BadOrder, checked_order
from lab.console.page_customer import Acted
from lab.console.script_steps import StepPerformer
from lab.core.errors import LabError
from lab.core.faults import FaultKind

from .lesson_steps import SHAPES

NEEDS = {"target": "B", "sku": "pen", "quantity": 1, "address": "x", "of": "view", "what": "kill"}
KEYS = {
    "replay": {"of"},
    "store": {"what"},
    "add": {"sku", "quantity"},
    "change": {"sku", "quantity"},
    "remove": {"sku"},
    "ship": {"address"},
    **{kind: {"target"} for kind in FaultKind if kind is not FaultKind.ADD},
}


class Playground:
    """Remembers its orders."""

    def __init__(self):
        self.orders, self.drains = [], False

    def __getattr__(self, order):
        def obey(*arguments, **settings):
            self.orders.append((order, *arguments, settings))

        return obey

    def has_drained(self):
        return not self.drains


class Customers:
    """Takes every order that is one."""

    def __init__(self):
        self.acted = []

    def act(self, customer, body, client):
        order = checked_order(body)
        self.acted.append(body)
        return Acted({desk: f"c1-{desk}-{len(self.acted)}" for desk in order.desks}, {})


@pytest.fixture
def stage():
    session = {"stateful": "A", "stateless": "C"}
    credentials = {"stateful": Credentials("an id", None)}
    customer = SimpleNamespace(
        sent={("view", "stateful"): "c1-stateful-7", ("view", "stateless"): "c1-stateless-9"},
        sessions={
            desk: SimpleNamespace(served_by=lambda name=name: name)
            for desk, name in session.items()
        },
        credentials=lambda: credentials,
    )
    live = SimpleNamespace(
        playground=Playground(), customers=Customers(), feed=SimpleNamespace(newest=42)
    )
    return SimpleNamespace(live=live, customer=customer)


def do(stage, step, **settings):
    return StepPerformer(stage.live, "a-chapter/0", stage.customer, settings).perform(step)


@pytest.mark.parametrize("verb", SHAPES)
def test_every_step_that_a_lesson_may_have_is_done(stage, verb):
    step = {"do": verb, **{key: NEEDS[key] for key in KEYS.get(verb, ())}, "say": "He looks."}
    done = do(stage, step)
    orders = len(stage.live.playground.orders) + len(stage.live.customers.acted)
    assert (orders > 0) == (verb not in ("say", "leave"))
    assert done.id == 42
    assert len(done.ops) == (0 if not stage.live.customers.acted else 2)


def test_stage_has_the_settings_that_were_chosen(stage):
    step = {"do": "stage", "servers": 3, "store": "memory", "say": "Both desks open."}
    do(stage, step, store="redis")
    do(stage, {"do": "view"}, store="redis")
    assert stage.live.playground.orders == [
        ("reset", {"servers": 3, "store": "redis", "script": "a-chapter/0"})
    ]
    assert stage.live.customers.acted == [{"do": "view"}]


def test_fault_meets_the_server_that_served_the_customer(stage):
    do(stage, {"do": "kill", "target": "served"})
    do(stage, {"do": "pause", "target": "B", "desks": ["stateful"]})
    orders = stage.live.playground.orders
    assert sorted(order[2] for order in orders[:2]) == ["stateful/A", "stateless/C"]
    assert orders[2:] == [("inject", FaultKind.PAUSE, "stateful/B", {})]


def test_request_is_sent_again_at_each_desk_by_its_own_op(stage):
    done = do(stage, {"do": "replay", "of": "view", "server": "B"})
    sent = sorted(stage.live.customers.acted, key=lambda body: body["op"])
    assert [body["op"] for body in sent] == ["c1-stateful-7", "c1-stateless-9"]
    assert [body["desks"] for body in sent] == [["stateful"], ["stateless"]]
    assert len(done.ops) == 2
    with pytest.raises(BadOrder, match="has sent no add to the stateful desk"):
        do(stage, {"do": "replay", "of": "add"})


def test_drain_is_waited_for(stage, monkeypatch):
    monkeypatch.setattr("lab.console.script_steps.DRAINED_S", 0)
    do(stage, {"do": "drain", "target": "A"})
    stage.live.playground.drains = True
    with pytest.raises(LabError, match="still drains"):
        do(stage, {"do": "drain", "target": "A"})


def test_server_is_added_at_both_desks_or_at_one(stage):
    do(stage, {"do": "add-server"})
    do(stage, {"do": "add-server", "desks": ["stateless"]})
    assert stage.live.playground.orders == [("add", "", {}), ("add", "stateless", {})]
