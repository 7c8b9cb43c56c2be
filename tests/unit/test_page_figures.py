"""The page's figures.js and ask.js: a question is drawn with what its script has done."""

import json
import re
from html.parser import HTMLParser
from itertools import product

import msgspec
import pytest
from page_modules import address, needs_node, printed

from lab.console.lesson import plan
from lab.core.faults import FaultEvent, FaultEvidence, FaultKind
from lab.report.drawing import sequence_svg
from lab.report.sequence import Story
from lab.report.symbols import SYMBOLS
from lab.shop.desks import DESKS

pytestmark = needs_node

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
    modules = ", ".join(map(address, ("figures", "ask", "flight")))
    script = f"""{STUBS}
        const loaded = [{modules}].map((each) => import(each));
        const page = Object.assign({{}}, ...await Promise.all(loaded));
        const draw = {code};
        console.log(JSON.stringify(draw(...{json.dumps(given)})));"""
    return printed(script)


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
def test_goods_in_carts_are_drawn_where_each_desk_keeps_them(chapter):
    skus = put_in(chapter)
    assert skus, "a lesson about carts"
    stateful, stateless = drawn(chapter).values()
    restarted = any(step["do"] == "restart" for step in chapter["acts"][0]["steps"])
    out = any(step["do"] == "logout" for step in chapter["acts"][0]["steps"])
    emptied = (restarted or out) and "wants" in chapter
    assert stateful.goods() == ([] if emptied else skus)
    assert stateless.goods() == skus
    for desk, what in ((stateful, "is-ticket"), (stateless, "is-parcel")):
        customers = list(desk.all(**{"class": "crowd"}))
        assert all(bool(list(each.all(**{"class": what}))) is not out for each in customers)
        inside = sorted(goods for each in customers for goods in each.goods())
        assert inside == (skus if desk is stateless and not out else [])
        assert len(list(desk.all(**{"class": what}))) == (1 if out else len(customers))


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


def at(desk, **wanted):
    """The place of the only such element of a desk among all that are drawn there, in order."""
    [place] = [
        number
        for number, each in enumerate(desk.all())
        if all(value in str(each.of.get(name, "")).split() for name, value in wanted.items())
    ]
    return place


def test_cookies_are_drawn_behind_the_balancer():
    affinity = next(each for each in CHAPTERS if each["slug"] == "affinity")
    for desk in drawn(affinity).values():
        order = [each.of.get("class", "") for each in desk.all()]
        assert order.count("cookie") == 3
        assert max(n for n, name in enumerate(order) if name == "cookie") < at(
            desk, **{"class": "is-balancer"}
        )


def test_customers_who_go_are_drawn_as_gone():
    for chapter in CHAPTERS:
        leave = [each for each in chapter["acts"][0]["steps"] if each["do"] == "leave"]
        names = [{"second": "Bob", "third": "Carol"}[each["as"]] for each in leave]
        for people, desk in product((False, True), DESKS):
            picture = drawn(chapter, people)[desk]
            gone = [each.of["data-name"] for each in picture.all() if "data-gone" in each.of]
            assert gone == names
            assert ("gone" in picture.text()) is bool(names)


def test_store_is_joined_to_the_servers():
    chapter = next(each for each in CHAPTERS if each["slug"] == "no-session-storage")
    desk = drawn(chapter)["stateful"]
    lines = [each.of["d"] for each in desk.all(**{"class": "wire"})]
    [joint] = [each for each in lines if "H" in each]
    ends = re.fullmatch(r"M([\d.]+) \d+H(\d+)", joint).groups()
    store = desk.one(**{"class": "is-store"}).of["transform"]
    assert store.startswith(f"translate({ends[1]} ")
    assert any(each.endswith(f"L{ends[0]} 84") for each in lines)  # a server


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


def parts_of(drawing):
    """Return the paths of each symbol in it, by the symbol's name."""
    return {
        each.of["class"].removeprefix("symbol is-"): {
            part.of["class"]: part.of["d"]
            for part in each.all()
            if part.tag == "path" and part.of["class"] != "goods"
        }
        for each in drawing.all(**{"class": "symbol"})
    }


def without_handle(parts):
    return {name: path for name, path in parts.items() if name != "handle"}


def test_page_draws_its_symbols_as_they_are_defined():
    found = {}
    for people in (False, True):
        for chapter in CHAPTERS:
            for desk in drawn(chapter, people).values():
                found |= parts_of(desk)
    for name in ("key", "ticket", "parcel", "form"):
        found |= parts_of(Drawing(node("(name) => page.carried(name, 'a1b2', '1 × Pen')", name)))
    assert found.keys() == SYMBOLS.keys()
    for name, parts in found.items():
        # What is full has no handle to be seen.
        assert without_handle(parts) == without_handle(SYMBOLS[name]), name


class Symbols(HTMLParser):
    """The symbols of a report's drawing, and every other shape above its first lifeline."""

    def __init__(self, html):
        super().__init__()
        self.found, self.others, self.inside, self.heads = {}, [], None, True
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        of = dict(attributes)
        if "symbol" in of.get("class", "").split():
            self.inside = of["class"].removeprefix("symbol is-")
            self.found[self.inside] = {}
        elif self.inside and tag == "path":
            self.found[self.inside][of["class"]] = of["d"]
        elif of.get("class", "").startswith("life"):
            self.heads = False
        elif self.heads and tag in ("path", "circle", "ellipse", "rect", "polygon"):
            self.others.append(of)

    def handle_endtag(self, tag):
        if tag == "g":
            self.inside = None


@pytest.mark.parametrize(("app", "carries"), [("stateful", "ticket"), ("stateless", "parcel")])
def test_report_draws_the_same_symbols_and_no_other(app, carries):
    kill = FaultEvent(FaultKind.KILL, "store", 1.0, True, FaultEvidence())
    drawing = Symbols(sequence_svg(Story("one", app, 2, [kill])))
    assert drawing.found == {
        name: dict(SYMBOLS[name]) for name in ("person", carries, "balancer", "server", "store")
    }
    assert drawing.others == []


URL = "/api/cart?token=.SIklj…(268 chars, sha256 1f2e3d4c)&userId=123"
LOGGED = {"method": "GET", "path": "/api/cart", "query": "token=.SIklj…&userId=123"}


@pytest.mark.parametrize("request_", [LOGGED, {"method": "GET", "path": URL}])
def test_request_with_the_token_in_its_address_is_called_what_it_is(request_):
    asked = "GET cart?token=…&userId=123"
    assert node("(it) => page.title(it)", request_) == asked
    sent = {
        **request_,
        "served_by": "A",
        "tried": [{"server": "A", "status": "200"}],
        "status": 200,
    }
    steps = node("(it) => page.steps({ ...it, mark: ['kept', '✓', '✓'] })", sent)
    assert steps == [f"{asked}: customer → balancer", "→ A", "← 200 ✓"]


def test_requests_without_a_token_are_called_by_their_path():
    add = {"method": "POST", "path": "/api/cart/items"}
    assert node("(it) => page.title(it)", add) == "POST items"
