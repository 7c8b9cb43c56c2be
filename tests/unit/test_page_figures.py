"""The page's figures.js and ask.js: a question is drawn with what its script has done."""

import json
import shutil
import subprocess

import msgspec
import pytest
from page_modules import served_modules

from lab.console.lesson import plan
from lab.shop.desks import DESKS

STATIC = served_modules()
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node here to run the page's modules with")

CHAPTERS = msgspec.to_builtins(plan.load())["chapters"]
# Elements without a browser: a tag, attributes, and what is in it.
STUBS = """
globalThis.sessionStorage = { getItem: () => null, setItem() {} };
globalThis.addEventListener = () => {};
globalThis.location = { search: "" };
globalThis.matchMedia = () => ({ matches: false });
globalThis.requestAnimationFrame = () => 1;
const element = (tag) => ({
  tag, of: {}, in: [],
  getAttribute(name) { return this.of[name] ?? null; },
  setAttribute(name, value) { this.of[name] = value; },
  removeAttribute(name) { delete this.of[name]; },
  append(...more) { this.in.push(...more); },
});
globalThis.document = { createElement: element, createElementNS: (_, tag) => element(tag) };
"""


def node(code, *given):
    """Return what a JavaScript function gives; `page` in it are both modules."""
    modules = [(STATIC / f"{name}.js").as_uri() for name in ("figures", "ask")]
    script = f"""{STUBS}
        const loaded = {json.dumps(modules)}.map((each) => import(each));
        const page = Object.assign({{}}, ...await Promise.all(loaded));
        const draw = {code};
        console.log(JSON.stringify(draw(...{json.dumps(given)})));"""
    command = [NODE, "--input-type=module", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Drawing:
    """An element, and what is found in it."""

    def __init__(self, element):
        self.of, self.inner, self.tag = element["of"], element["in"], element["tag"]

    def all(self, **wanted):
        """Every element in it whose attributes have these values; a class may be one of several."""
        for each in (Drawing(each) for each in self.inner if not isinstance(each, str)):
            if all(value in str(each.of.get(name, "")).split() for name, value in wanted.items()):
                yield each
            yield from each.all(**wanted)

    def one(self, **wanted):
        [found] = self.all(**wanted)
        return found

    def goods(self):
        return sorted(each.of["data-goods"] for each in self.all(**{"class": "goods"}))

    def text(self):
        return "".join(
            each if isinstance(each, str) else Drawing(each).text() for each in self.inner
        )


def drawn(chapter, people=False):
    """Return both desks of the chapter's drawing, by name."""
    picture = "(it, people) => page.deskPicture(it.wants, { people, ...page.comingOf(it) })"
    both = Drawing(node(picture, chapter, people))
    return {desk: both.one(**{"data-desk": desk}) for desk in DESKS}


def put_in(chapter):
    """Return the sku of what is in carts when one of them is looked at."""
    skus = []
    for step in chapter["acts"][0]["steps"]:
        if step["do"].startswith("view") and skus:
            break
        skus += [step["sku"]] if step["do"] == "add" else []
    return sorted(set(skus))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda each: each["slug"])
def test_what_is_in_carts_is_drawn_where_each_desk_keeps_it(chapter):
    skus = put_in(chapter)
    assert skus, "a lesson about carts"
    stateful, stateless = drawn(chapter).values()
    restarted = any(step["do"] == "restart" for step in chapter["acts"][0]["steps"])
    emptied = restarted and "wants" in chapter
    assert stateful.goods() == ([] if emptied else skus)
    assert stateless.goods() == skus
    for desk, what in ((stateful, "is-ticket"), (stateless, "is-parcel")):
        customers = list(desk.all(**{"class": "crowd"}))
        assert all(list(each.all(**{"class": what})) for each in customers)
        inside = sorted(goods for each in customers for goods in each.goods())
        assert inside == (skus if desk is stateless else [])


def by_server(desk):
    """Return the goods at each server that has any."""
    named = {
        each.of["data-server"]: each.goods() for each in desk.all() if "data-server" in each.of
    }
    return {name: goods for name, goods in named.items() if goods}


def test_cart_is_drawn_at_the_server_that_its_customer_sticks_to():
    affinity = next(each for each in CHAPTERS if each["slug"] == "affinity")
    assert by_server(drawn(affinity)["stateful"]) == {"A": ["laptop", "mouse"], "B": ["pen"]}
    assert by_server(drawn(affinity)["stateless"]) == {}


def script(*steps, **wants):
    """Return a chapter with this script."""
    crash = next(each for each in CHAPTERS if each["slug"] == "the-crash")
    wants = {**crash["wants"], "affinity": "none", **wants}
    return {**crash, "wants": wants, "acts": [{**crash["acts"][0], "steps": list(steps)}]}


ADD = {"do": "add", "sku": "pen", "quantity": 1}


@pytest.mark.parametrize(
    ("where", "wants", "there"),
    [
        ({"server": "B"}, {}, {}),  # another server does not know John, and refuses
        ({"server": "A"}, {}, {"A": ["pen"]}),
        ({"server": "served"}, {}, {"A": ["pen"]}),
        ({}, {"affinity": "cookie"}, {"A": ["pen"]}),
        ({}, {}, {}),  # it is B's turn
        ({}, {"servers": 1}, {"A": ["pen"]}),
    ],
)
def test_desk_that_remembers_has_only_what_the_right_server_was_asked_to_keep(where, wants, there):
    desks = drawn(script({"do": "login"}, {**ADD, **where}, {"do": "view"}, **wants))
    assert by_server(desks["stateful"]) == there
    assert desks["stateless"].one(**{"class": "is-parcel"}).goods() == ["pen"]


@pytest.mark.parametrize("people", [False, True])
def test_shared_store_has_the_carts_and_no_server_has_one(people):
    steps = ({"do": "login"}, ADD, {"do": "view"}, {**ADD, "sku": "laptop"})
    desks = drawn(script(*steps, store="redis"), people)
    assert by_server(desks["stateful"]) == {}
    assert desks["stateful"].one(**{"class": "is-store"}).goods() == ["pen"]
    assert not list(desks["stateless"].all(**{"class": "is-store"}))


def test_people_remember_above_their_heads_and_need_a_name_only():
    stateful, stateless = drawn(CHAPTERS[0], people=True).values()
    [thought] = stateful.all(**{"class": "thought"})
    assert by_server(stateful) == {"A": ["laptop"]}
    assert thought.tag == "path"
    assert not list(stateless.all(**{"class": "thought"}))
    for desk, held in ((stateful, []), (stateless, ["symbol is-form"])):
        john = desk.one(**{"data-name": "John"})
        symbols = [each.of["class"] for each in john.all(**{"class": "symbol"})]
        assert symbols == ["symbol is-person", *held]
        assert john.text() == "John"
        assert not list(desk.all(**{"class": "is-balancer"}))
