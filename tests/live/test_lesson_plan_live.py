"""Every script of the lesson on real processes: exactly one choice is borne out, and which."""

from dataclasses import replace
from itertools import cycle, islice

import pytest

from lab.bench import Lab
from lab.console.lesson_plan import load
from lab.console.lesson_rules import DESKS, FACTS, borne_out
from lab.evidence.record import Record
from lab.evidence.result import Knobs, Variant
from lab.evidence.shopper import Shopper
from lab.experiments.caching import NAIVE
from lab.lanes import Bench
from lab.stack import find_store
from lab.stack.programs import find_nginx

PLAN = load()
BORNE_OUT = {  # chapter and act → the choice that the run bears out
    ("representative-a-leaves-early", 0): 2,
    ("two-ways-to-remember", 0): 3,
    ("the-code-side-by-side", 0): 2,
    ("a-second-server", 0): 1,
    ("affinity", 0): 0,
    ("the-crash", 0): 2,
    ("a-shared-store", 0): 2,
    ("replay-one-request", 0): 2,
    ("caching", 0): 0,
    ("the-drawbacks", 0): 2,
    ("the-drawbacks", 1): 2,
}
ENDINGS = {  # scene → what John's (and Bob's) last answer was, at either desk
    "the-crash": (401, 200),
    "sticky-then-crash": (401, 200),
    "store-dies": (401, 200),
    "rolling-restart": (401, 200),
    "cache-leak": (201, 201),
}
VERBS = {
    "view": Shopper.view_cart,
    "ship": Shopper.ship_to,
    "products": lambda shopper, **how: shopper.request("GET", "/api/products", **how),
}
SCRIPTS = [(chapter, number) for chapter in PLAN["chapters"] for number in range(9)]
SCRIPTS = [(c, n) for c, n in SCRIPTS if n < len(c["acts"]) and "steps" in c["acts"][n]]


class Seat:
    """One customer at one desk, and who served them last."""

    def __init__(self, shopper):
        self.shopper = shopper
        self.served = None
        self.sent = {}

    def ask(self, verb, lab, living, server=None, tries=1, **how):
        if server == "served":
            server = self.served
        elif server == "other":
            after = islice(cycle(lab.servers), lab.servers.index(self.served) + 1, None)
            server = next(name for name in after if name in living)
        if verb == "replay":
            exchange = self.shopper.replay(self.sent[how["of"]], server=server)
        else:
            exchange = VERBS.get(verb, getattr(Shopper, verb, None))(
                self.shopper, server=server, tries=tries, **how
            )
            self.sent[verb] = exchange
        self.served = exchange.replica or self.served


class Lane:
    """One desk: a script's steps are done to it, and the facts are worked out."""

    def __init__(self, bench, variant):
        self.lane = bench.stack.lanes[variant.name]
        self.record = Record(variant.name)
        self.lab = Lab(bench.setting(variant, 2, 0, False), self.record)
        self.seats = dict(zip(("me", "second"), map(Seat, self.lab.customers), strict=True))

    def do(self, step):
        how = {key: value for key, value in step.items() if key not in ("do", "say", "as", "desks")}
        verb, target = step["do"], step.get("target")
        if target:
            getattr(self.lab, verb)(self.seats["me"].served if target == "served" else target)
        elif verb == "add-server":
            self.lab.add_server()
        elif verb == "knobs":
            assert how.keys() == {"affinity"}
            self.lane.set_affinity(how["affinity"])
        elif verb != "store":
            living = {name for name, each in self.lane.replicas.items() if each.state != "dead"}
            self.seats[step.get("as", "me")].ask(verb, self.lab, living, **how)

    def facts(self):
        seen = list(self.record.exchanges())
        fates = [each.fate for each in seen if each.fate in ("kept", "lost", "wrong", "duplicated")]
        fate = fates[-1] if fates else "unknown"
        states = [each.status or 0 for each in seen]
        return {
            "fate": fate,
            "kept": int(fate == "kept"),
            "lost": int(fate in ("lost", "wrong", "duplicated")),
            "answered": sum(each.answered for each in seen),
            "refused": sum(400 <= status < 500 for status in states),
            "unanswered": sum(status in (0, 502, 503, 504) for status in states),
            "status": states[-1],
            "replicas": len({each.replica for each in seen if each.replica}),
            "requests": len(seen),
            "bytes_out_mean": sum(each.bytes_sent for each in seen) // len(seen),
            "store_operations": 0,
            "orders": sum(each.path == "/api/checkout" and each.status == 201 for each in seen),
            "acknowledged": sum(each.is_write and each.ok for each in seen),
            "kills": sum(fault.kind == "kill" for fault in self.record.faults()),
        }


def play(steps, folder):
    """Do the steps on a fresh stack; return the two lanes, by desk, while they still run."""
    stage = {**steps[0], "do": None}
    if stage["store"] == "redis" and not find_store():
        pytest.skip("no Valkey or Redis here")
    if not find_nginx(sticky=stage["affinity"] == "cookie" or any("affinity" in s for s in steps)):
        pytest.skip("no nginx here that knows affinity")
    # Two are enough to go from one to another, and quicker; unless the script names more.
    enough = 3 if any("C" in each.values() for each in steps) else 2
    knobs = Knobs(min(stage["servers"], enough), "memory", stage["affinity"])
    variants = [Variant(desk, desk, knobs) for desk in DESKS]
    variants[0] = replace(variants[0], knobs=replace(knobs, store=stage["store"]))
    if stage["cache"] == "naive":
        variants = [behind_a_naive_cache(variant) for variant in variants]
    bench = Bench(folder)
    with bench.open(variants):
        lanes = {variant.name: Lane(bench, variant) for variant in variants}
        for step in steps[1:]:
            if step["do"] == "store":
                getattr(lanes["stateful"].lab, f"{step['what']}_store")()
            for desk in step.get("desks", DESKS):
                lanes[desk].do(step)
    return lanes


def behind_a_naive_cache(variant):
    zone = f"proxy_cache_path cache-{variant.name} keys_zone={variant.name}:1m"
    directives = (f"proxy_cache {variant.name}", *NAIVE)
    return replace(variant, http_directives=(zone,), directives=directives)


def facts_of(lanes):
    facts = {f"{desk}.{name}": v for desk in DESKS for name, v in lanes[desk].facts().items()}
    assert facts.keys() == FACTS
    return facts


@pytest.mark.parametrize(
    ("chapter", "number"),
    SCRIPTS,
    ids=[f"{chapter['slug']}-{number}" for chapter, number in SCRIPTS],
)
def test_exactly_one_choice_is_borne_out(chapter, number, tmp_path):
    steps = chapter["acts"][number]["steps"]
    if steps[0]["do"] != "stage":
        steps = [{"servers": 3, "store": "memory", "affinity": "none", "cache": "off"}, *steps]
    facts = facts_of(play(steps, tmp_path / "run"))
    tree = {desk: {n.split(".")[1]: v for n, v in facts.items() if desk in n} for desk in DESKS}
    for line in chapter["measured"]:
        told = Filled(line).format_map({desk: Filled(values) for desk, values in tree.items()})
        print(told)
    choices = chapter["predict"]["choices"]
    if "when" in choices[0]:
        assert borne_out(choices, facts) == [BORNE_OUT[chapter["slug"], number]], facts


class Filled(str):
    """A text whose facts are looked up by name after a dot."""

    def __new__(cls, value):
        self = str.__new__(cls, value if isinstance(value, str) else "")
        self.values = value if isinstance(value, dict) else {}
        return self

    def __getattr__(self, name):
        return self.__dict__["values"][name]


@pytest.mark.parametrize("scene", PLAN["scenes"], ids=lambda scene: scene["slug"])
def test_a_scene_ends_as_it_says(scene, tmp_path):
    lanes = play(scene["steps"], tmp_path / "run")
    assert tuple(lanes[desk].facts()["status"] for desk in DESKS) == ENDINGS[scene["slug"]]
    if scene["slug"] == "cache-leak":
        owners = [list(lanes[d].record.exchanges())[-1].body["user"]["name"] for d in DESKS]
        assert owners == ["Alice", "John"]  # at the stateless desk the thief has become the owner
