"""The page's deeds.js: what counts for a challenge; and the challenges name what it counts."""

import json

import msgspec
import pytest
from page_modules import address, needs_node, printed

from lab.console.lesson import plan

from .lesson_rules import NAME, text

CHALLENGES = {each["slug"]: each for each in msgspec.to_builtins(plan.load())["challenges"]}
pytestmark = needs_node

JOHN, BOB = {"who": "c1", "user_id": "123"}, {"who": "c2", "user_id": "124"}
LAPTOP = {"sku": "laptop", "quantity": 1}


class Stage:
    """Writes down what happens on a stage, as the page's scene has it."""

    def __init__(self, affinity="none"):
        self.exchanges, self.faults, self.number = [], [], 0
        servers = [{"name": name, "state": "up"} for name in "AB"]
        desks = {"stateful": servers, "stateless": json.loads(json.dumps(servers))}
        settings = {desk: {"affinity": affinity} for desk in desks}
        self.stack = {"desks": desks, "settings": settings}

    def sends(self, method, path, status, who=JOHN, desk="stateful", at="A", **more):
        self.number += 1
        event = {"id": self.number, "op": f"op-{self.number}", "desk": desk, "who": who["who"]}
        event |= {"method": method, "path": path, "status": status, "served_by": at, "fate": None}
        self.exchanges.append({**event, "request": {"body": {}}, "response": {"body": {}}, **more})

    def adds(self, at="A", count=1, **more):
        body = {"cart": {"item_count": count, "lines": [LAPTOP]}}
        more = {"request": {"body": LAPTOP}, "response": {"body": body}, **more}
        self.sends("POST", "/api/cart/items", 201, at=at, **more)

    def looks(self, at, fate, **more):
        status = more.pop("status", 200 if fate == "kept" else 401)
        self.sends("GET", "/api/cart", status, at=at, fate=fate, **more)

    def orders(self, status=201, **more):
        lines = {"order": {"lines": [LAPTOP]}} if status == 201 else {}
        self.sends("POST", "/api/checkout", status, response={"body": lines}, **more)

    def fault(self, kind, target, desk="stateful", **more):
        self.number += 1
        plain = {"kind": "fault", "id": self.number, "fault": kind, "target": target, "desk": desk}
        self.faults.append({**plain, "confirmed": True, **more})
        for server in self.stack["desks"].get(desk, ()):
            if server["name"] == target and kind in ("kill", "restart"):
                server["state"] = {"kill": "dead", "restart": "up"}[kind]

    def setting(self, name, was, value):
        self.number += 1
        evidence = {"was": was, "value": value}
        plain = {"kind": "setting", "id": self.number, "target": name, "desk": ""}
        self.faults.append({**plain, "evidence": evidence})

    def deeds(self):
        script = f"""
            const {{ deeds }} = await import({address("deeds")});
            const given = {json.dumps([self.exchanges, self.faults, self.stack, JOHN, BOB])};
            const [exchanges, faults, stack, me, second] = given;
            const scene = {{ exchanges: new Map(exchanges.map((e) => [e.op, e])), faults, stack }};
            console.log(JSON.stringify([deeds(scene, me, second), deeds(scene, me, null)]));
        """
        return printed(script)[0]


def found(stage, *names):
    deeds = stage.deeds()
    return [deeds[name] for name in names]


@pytest.mark.parametrize("slug", CHALLENGES)
def test_challenge_asks_for_what_is_counted_and_says_it(slug):
    challenge, counted = CHALLENGES[slug], Stage().deeds()
    assert NAME.fullmatch(slug)
    assert challenge["when"].keys() <= counted.keys()
    for name in ("title", "goal", "hint", "because"):
        text(300)(name, challenge[name])
    for line in challenge["measured"]:
        holes = {hole.partition("}")[0] for hole in line.split("{")[1:]}
        assert holes and holes <= counted.keys()


def test_no_challenge_is_solved_before_anything_was_done():
    assert not any(Stage().deeds().values())


def bought(**how):
    stage = Stage(**how)
    stage.adds()
    return stage


def test_cart_is_lost_only_where_every_server_that_is_left_was_asked():
    stage = bought()
    stage.fault("kill", "A")
    names = ("stateful.john_lost", "stateful.open", "stateful.hit", "stateful.faults")
    assert found(stage, *names) == [0, 1, 1, 1]
    stage.looks("B", "unknown")  # a server that gave no answer tells nothing
    assert found(stage, *names) == [0, 1, 1, 1]
    stage.looks("B", "lost")
    assert found(stage, *names) == [1, 0, 1, 1]


def test_cart_that_another_server_has_is_not_lost():
    stage = bought()
    stage.fault("kill", "B")
    stage.looks("A", "kept")
    assert found(stage, "stateful.john_lost", "stateful.lost", "stateful.hit") == [0, 0, 0]


def test_cart_of_a_paused_server_is_not_lost():
    stage = bought()
    stage.fault("pause", "A")
    stage.looks("B", "lost")
    assert found(stage, "stateful.john_lost", "stateful.open") == [0, 1]


def test_item_put_in_after_the_fault_says_nothing_of_the_cart_before():
    stage = bought()
    stage.fault("kill", "A")
    stage.adds(at="B")
    stage.looks("B", "kept")
    assert found(stage, "stateful.john_lost", "stateful.open") == [0, 1]


def test_restart_of_what_is_dead_is_no_second_fault_and_of_what_lives_is_one():
    stage = bought()
    stage.fault("kill", "A")
    stage.fault("restart", "A")
    assert found(stage, "stateful.faults") == [1]
    stage.fault("restart", "B")
    stage.setting("cache", "off", "naive")
    assert found(stage, "stateful.faults") == [2]


def test_cart_that_was_ordered_is_owed_no_more():
    stage = bought()
    stage.orders()
    stage.fault("kill", "A")
    stage.looks("B", "lost")
    assert found(stage, "stateful.john_lost", "stateful.carts") == [0, 0]


def test_requests_without_affinity_are_counted():
    assert found(bought(affinity="cookie"), "stateful.unled") == [0]
    stage = bought(affinity="cookie")
    stage.setting("affinity", "none", "cookie")  # turned on after the cart was filled
    assert found(stage, "stateful.unled")[0] > 0
    stage = Stage(affinity="none")
    stage.setting("affinity", "none", "cookie")
    stage.adds()
    stage.setting("affinity", "cookie", "none")
    assert found(stage, "stateful.unled") == [0]
    stage.looks("A", "kept")
    assert found(stage, "stateful.unled") == [1]


def test_laptop_is_sold_twice_only_beyond_what_was_put_in():
    stage = bought()
    stage.orders()
    stage.orders(status=409, aside=True)
    assert found(stage, "sold_twice") == [0]
    stage.adds()
    stage.orders()
    assert found(stage, "sold_twice") == [0]
    stage.orders(aside=True)
    assert found(stage, "sold_twice") == [1]


def test_laptop_of_a_customer_who_put_none_in_is_not_johns():
    stage = Stage()
    stage.adds(who=BOB)
    stage.orders(who=BOB)
    assert found(stage, "sold_twice") == [0]


def got(owner, **more):
    body = {"user": {"user_id": owner["user_id"]}, "cart": {"item_count": 1}}
    return {"response": {"body": body}, **more}


def test_cart_is_handed_over_if_bob_sees_johns_and_not_the_other_way():
    stage = Stage()
    stage.looks("A", "wrong", **got(BOB, status=200))
    stage.looks("A", "kept", who=BOB, **got(BOB))
    stage.looks("A", "wrong", who=BOB, **got(JOHN, status=200, aside=True))
    assert found(stage, "handed_over") == [0]
    stage.looks("A", "wrong", who=BOB, **got(JOHN, status=200))
    assert found(stage, "handed_over") == [1]


def test_store_dies_with_what_is_in_it():
    names = ("store_kept", "store_unkept")
    stage = Stage()
    stage.fault("kill", "store", "")
    stage.adds()
    stage.looks("A", "kept")
    assert found(stage, *names) == [0, 0]  # no cart was there when it died
    stage = bought()
    stage.adds(desk="stateless")
    stage.fault("pause", "store", "")
    stage.looks("A", "kept", desk="stateless")
    assert found(stage, *names) == [0, 0]  # no death
    stage.fault("kill", "store", "")
    stage.looks("A", "kept", desk="stateless")
    stage.looks("A", "unknown")
    assert found(stage, *names) == [1, 1]
