"""The page's carts.js and flight.js: where a cart is drawn, and which way a dot goes."""

import json
from itertools import count

import pytest
from page_modules import address, needs_node, printed

pytestmark = needs_node

LAPTOP = [{"sku": "laptop", "name": "Laptop", "quantity": 1}]
numbers = count(1)


def run(code, given):
    """Run `code` with the modules' exports and `given` in scope; return what it returns."""
    script = f"""
        globalThis.matchMedia = () => ({{ matches: false }});
        globalThis.document = {{}};
        const {{ cartsOf }} = await import({address("carts")});
        const {{ emptyScene, reduce }} = await import({address("scene")});
        const {{ journey }} = await import({address("flight")});
        const {{ findingOf }} = await import({address("finding")});
        const looks = await import({address("looks")});
        const {{ keptBy, lookOf, resultOf }} = looks;
        const given = {json.dumps(given)};
        console.log(JSON.stringify({code}));
    """
    return printed(script)


def event(kind, **fields):
    number = next(numbers)
    return {"kind": kind, "id": number, "at": number, **fields}


def stack(*servers, store="memory"):
    """("A a1", "B") is a living A of that instance, and a dead B."""
    listed = [
        {"name": each[0], "state": "up" if " " in each else "dead", "instance": each[2:] or None}
        for each in servers
    ]
    settings = {"stateful": {"store": store}, "stateless": {"store": "token"}}
    return {"desks": {"stateful": listed, "stateless": []}, "settings": settings, "store": None}


def exchange(method, path, server, status, cart=None, fate=None, **more):
    """`server` is "B b1": who answered, in which life; "" if there was no answer."""
    body = {} if cart is None else {"user": {"name": "John"}, "cart": {"lines": cart}}
    plain = {
        "op": f"c1-{next(numbers)}",
        "desk": "stateful",
        "who": "c1",
        "customer": "John",
        "method": method,
        "path": path,
        "status": status,
        "served_by": server[:1] or None,
        "instance": server[2:] or None,
        "fate": fate,
        "outcome": "ok" if status < 400 else "failed",
        "look": ["plain", "", ""],
        "request": {"headers": {}},
        "response": {"headers": {}, "body": body},
    }
    return event("exchange", **(plain | more))


def bought(store="memory"):
    return [
        event("stage", stack=stack("A a1", "B b1", store=store)),
        exchange("POST", "/api/login", "B b1", 200, []),
        exchange("POST", "/api/cart/items", "B b1", 201, LAPTOP),
    ]


def fault(kind, target, after, desk="stateful", **more):
    plain = {"fault": kind, "target": target, "desk": desk, "confirmed": True, "evidence": {}}
    return event("fault", **(plain | more), stack=after)


def kill(**more):
    after = more.pop("stack", stack("A a1", "B"))
    return fault("kill", "B", after, evidence={"instance": "b1"}, **more)


def look(server, status, fate, cart=None, **more):
    return exchange("GET", "/api/cart", server, status, cart, fate, **more)


def cached(cart, fate):
    """An answer of the balancer's cache quotes the server, and its life, that it is from."""
    response = {"headers": {"X-Cache": "HIT"}, "body": {"cart": {"lines": cart}}}
    return look("B b1", 200, fate, response=response)


def drawn(*events, desk="stateful"):
    """What the stage shows of John's cart: place, server, sign, word."""
    code = "[...cartsOf(given.events.reduce(reduce, emptyScene()), given.desk).values()][0]"
    cart = run(code, {"events": events, "desk": desk})
    return cart["place"], cart["server"], cart["sign"], cart["word"]


def test_cart_of_a_login_is_drawn_and_cannot_be_lost():
    """Only a change is acknowledged: a login's empty cart is nothing that a crash could take."""
    came, after = bought()[:2], stack("A a1", "B")
    assert drawn(*came) == ("server", "B", "", "")
    code = "[...cartsOf(given.reduce(reduce, emptyScene()), 'stateful').values()][0]"
    assert run(code, came)["owed"] is True
    left = run(code, [*came, kill(stack=after)])
    assert (left["owed"], left["gone"], left["sign"], left["word"]) == (False, "", "", "")
    assert drawn(*bought(), kill(stack=after)) == GONE


GONE = ("server", "B", "✕", "gone with its process")
TO_REDIS = stack("A a2", "B b2", store="redis")


def to_memory():
    after = stack("A a2", "B b2")
    evidence = {"was": "redis", "value": "memory"}
    return event("setting", target="store", desk="", evidence=evidence, stack=after)


@pytest.mark.parametrize(
    ("events", "seen"),
    [
        (list, ("server", "B", "", "")),
        (lambda: [look("B b1", 200, "kept", LAPTOP)], ("server", "B", "✓", "kept")),
        # A server that does not have it says nothing of the one that has it.
        (lambda: [look("A a1", 401, "lost")], ("server", "B", "!", "A did not find it (401)")),
        (
            lambda: [look("A a1", 401, "lost"), look("B b1", 200, "kept", LAPTOP)],
            ("server", "B", "✓", "kept"),
        ),
        (lambda: [look("B b1", 401, "lost")], ("server", "B", "✕", "lost: B answered 401")),
        (lambda: [look("A a1", 401, "lost"), kill()], GONE),
        (
            lambda: [cached(LAPTOP[:0], "lost")],
            ("server", "B", "!", "the cache showed empty cart instead"),
        ),
        (lambda: [look("B b1", 200, "wrong", [])], ("server", "B", "✕", "wrong: shown empty cart")),
        (lambda: [look("B b1", 200, "kept", LAPTOP), kill()], GONE),
        (lambda: [kill(confirmed=False, stack=stack("A a1", "B b1"))], ("server", "B", "", "")),
        (
            lambda: [kill(), look("A a1", 401, "lost")],
            ("server", "B", "✕", "gone with its process"),
        ),
        (lambda: [kill(), look("", 502, "unknown")], GONE),
        (lambda: [event("stack", stack=stack("A a1", "B"))], GONE),  # it died by itself
        (
            lambda: [kill(), exchange("POST", "/api/login", "A a1", 200, [])],
            ("server", "A", "", ""),
        ),
        # A fault somewhere else is not a recovery.
        (
            lambda: [
                look("A a1", 401, "lost"),
                look("B b1", 401, "lost"),
                fault("restart", "A", stack("A a9", "B b1"), evidence={"was": "a1"}),
            ],
            ("server", "B", "✕", "lost: B answered 401"),
        ),
        # What was sent again or tried out is not what the customer was promised.
        (
            lambda: [exchange("POST", "/api/cart/items", "A a1", 201, [], aside=True)],
            ("server", "B", "", ""),
        ),
    ],
)
def test_cart_in_a_server_is_drawn_there_until_its_process_is_gone(events, seen):
    assert drawn(*bought(), *events()) == seen


@pytest.mark.parametrize(
    ("then", "seen"),
    [
        (list, ("store", "", "", "")),
        (lambda: [look("A a1", 401, "lost")], ("store", "", "✕", "lost: A answered 401")),
        (lambda: [kill(stack=stack("A a1", "B", store="redis"))], ("store", "", "", "")),
        (
            lambda: [fault("kill", "store", TO_REDIS, desk="")],
            ("store", "", "✕", "gone with the store"),
        ),
        (
            lambda: [fault("restart", "store", TO_REDIS, desk="")],
            ("store", "", "✕", "gone with the store"),
        ),
        (lambda: [to_memory()], ("store", "", "✕", "gone with the store")),
    ],
)
def test_cart_in_the_store_survives_a_server_and_not_the_store(then, seen):
    assert drawn(*bought("redis"), *then()) == seen


def test_token_is_in_the_customer_s_hand_whatever_is_killed():
    events = [{**each, "desk": "stateless"} for each in bought()]
    assert drawn(*events, {**kill(), "desk": "stateless"}, desk="stateless")[:3] == ("hand", "", "")


def at_stateless(*events):
    return [{**each, "desk": "stateless"} for each in events]


def test_refused_token_is_still_in_the_hand_of_its_customer():
    events = at_stateless(*bought(), look("A a1", 401, "lost"))
    word = "A did not accept it (401)"
    assert drawn(*events, desk="stateless") == ("hand", "", "!", word)


def test_customer_who_has_logged_out_has_no_credential_any_more():
    code = "[...cartsOf(given.reduce(reduce, emptyScene()), 'stateful').values()][0]"
    events = [*bought(), exchange("POST", "/api/logout", "B b1", 204)]
    assert run(code, events)["left"] is True
    events.append(exchange("POST", "/api/login", "B b1", 200, []))
    assert run(code, events)["left"] is False


TICKET, PARCEL = {"Cookie": "desk_session=vq3T…"}, {"Authorization": "Bearer .SIklj…"}
AFFINITY = {"Cookie": "desk_affinity=A"}
ASKED_A = {"tried": [{"server": "A"}], "path": "/api/cart"}
FROM_CACHE = {"headers": {"X-Cache": "HIT"}}


@pytest.mark.parametrize(
    ("kind", "request_", "status", "found"),
    [
        ("stateful", ASKED_A, 200, "drawer: found ✓"),
        ("stateless", ASKED_A, 409, "seal: good ✓"),
        ("stateful", ASKED_A, 401, "no such drawer ✕"),
        ("stateless", ASKED_A, 401, "seal: bad ✕"),
        ("stateful", ASKED_A, 409, "drawer: empty"),
        ("stateful", ASKED_A, 503, "cannot look"),
        *(
            (kind, ASKED_A, status, None)
            for kind in ("stateful", "stateless")
            for status in (0, 502)
        ),
        ("stateful", {**ASKED_A, "tried": []}, 200, None),
        ("stateless", {**ASKED_A, "path": "/api/login"}, 200, None),
        ("stateless", {**ASKED_A, "path": "/api/cart?token=x"}, 200, "seal: good ✓"),
    ],
)
def test_server_that_was_asked_says_what_it_found(kind, request_, status, found):
    headers = {"headers": TICKET if kind == "stateful" else PARCEL}
    seen = look("A a1", status, None, request=headers)
    event = {"kind": kind, "request": request_, "exchange": seen}
    said = run("findingOf(given.kind, given.request, given.exchange)", event)
    assert (said and said["words"]) == found
    # Without a line of nginx's log, the answer's own header says that the cache gave it.
    event |= {"exchange": {**event["exchange"], "response": FROM_CACHE}, "request": {"path": "/"}}
    assert run("findingOf(given.kind, given.request, given.exchange)", event) is None


def found(kind, status, *, thief="", people=False, method="GET", path="/api/cart", **more):
    """What a server says it found for one request."""
    headers = {"headers": TICKET if kind == "stateful" else PARCEL}
    seen = exchange(method, path, "A a1", status, **{"request": headers, **more})
    seen["tried"] = [{"server": "A", "status": str(status)}]
    given = {"kind": kind, "seen": seen, "people": people, "thief": thief}
    return run("findingOf(given.kind, given.seen, given.seen, given.people, given.thief)", given)


@pytest.mark.parametrize(
    ("kind", "method", "path", "status", "words"),
    [
        ("stateful", "POST", "/api/checkout", 201, "drawer: found, emptied ✓"),
        ("stateful", "POST", "/api/checkout", 409, "drawer: empty"),
        ("stateful", "POST", "/api/checkout", 401, "no such drawer ✕"),
        ("stateful", "DELETE", "/api/cart", 200, "drawer: found, emptied ✓"),
        ("stateful", "GET", "/api/cart", 200, "drawer: found ✓"),
        ("stateful", "POST", "/api/logout", 204, "drawer: found, deleted ✓"),
        ("stateful", "POST", "/api/cart/items", 422, "drawer: found ✓"),
        ("stateless", "POST", "/api/checkout", 201, "seal: good ✓"),
        ("stateless", "POST", "/api/checkout", 409, "seal: good ✓"),
        ("stateless", "POST", "/api/logout", 204, "seal: good ✓"),
    ],
)
def test_drawer_is_said_to_be_empty_only_by_what_emptied_it(kind, method, path, status, words):
    assert found(kind, status, method=method, path=path)["words"] == words


@pytest.mark.parametrize(
    ("kind", "people", "headers", "words"),
    [
        ("stateful", False, {}, "no ticket ✕"),
        ("stateful", False, AFFINITY, "no ticket ✕"),
        ("stateful", False, TICKET, "no such drawer ✕"),
        ("stateful", True, TICKET, "“Who is John?” ✕"),
        ("stateless", False, {}, "no parcel ✕"),
        ("stateless", False, PARCEL, "seal: bad ✕"),
        ("stateless", True, {}, "no form ✕"),
        ("stateless", True, PARCEL, "signature: bad ✕"),
    ],
)
def test_refusal_names_what_was_missing(kind, people, headers, words):
    seen = found(kind, 401, people=people, request={"headers": headers})
    assert (seen["words"], seen["line"]) == (words, "refuses")


def test_parcel_that_is_too_old_has_no_bad_seal():
    old = {"headers": {}, "body": {"detail": "this token is older than 3600 s"}}
    assert found("stateless", 401, response=old)["words"] == "seal: too old ✕"
    assert found("stateless", 401, response=old, people=True)["words"] == "signature: too old ✕"


def test_seal_of_an_answer_that_does_harm_is_not_praised():
    """A copied order that is accepted, an old price: the seal is good, and that is the trouble."""
    harm, fine = ["lost", "✕", "· paid 1,299 ✕"], ["kept", "✓", "· paid 999 ✓"]
    for kind, words in (("stateless", "seal: good"), ("stateful", "drawer: found, emptied")):
        order = {"method": "POST", "path": "/api/checkout"}
        assert found(kind, 201, mark=harm, **order)["words"] == words
        assert found(kind, 201, mark=harm, **order)["good"] == "plain"
        assert found(kind, 201, mark=fine, **order)["words"] == f"{words} ✓"


def test_result_of_a_request_is_marked_as_the_console_says():
    plain, theft = ["kept", "✓", "✓"], ["lost", "✕", "accepted"]
    request = {"status": 200, "mark": ["plain", "", ""]}
    given = {"request": request, "exchange": {"status": 200, "mark": plain, "theft": theft}}
    assert run("lookOf(given.request, undefined)", given) == request["mark"]
    assert run("lookOf(given.request, given.exchange)", given) == plain
    assert run('lookOf(given.request, given.exchange, "Mallory")', given) == theft
    # What a customer sends is not a theft, whoever is about.
    given["exchange"].pop("theft")
    assert run('lookOf(given.request, given.exchange, "Mallory")', given) == plain
    assert run("resultOf({ status: 401 }, 'refused')", {}) == "401 refused"
    assert run("resultOf({ status: 0 }, 'refused')", {}) == "no answer"


@pytest.mark.parametrize(
    ("request_", "places"),
    [
        ({"tried": [], "served_by": ""}, "customer balancer customer"),  # from a cache
        (
            {"tried": [{"server": "B", "status": "502"}], "served_by": "", "status": 502},
            "customer balancer server:B balancer customer",
        ),
        (
            {
                "tried": [{"server": "A", "status": "502"}, {"server": "B", "status": "200"}],
                "served_by": "B",
                "store_operations": 1,
            },
            "customer balancer server:A balancer server:B store server:B balancer customer",
        ),
    ],
)
def test_dot_goes_where_the_log_says_the_request_went(request_, places):
    assert run("journey(given).places", {"status": 200, **request_}) == places.split()


def test_customer_who_is_shown_another_s_cart_has_got_it_until_the_next_look():
    bob = {"who": "c2", "customer": "Bob"}
    hers = exchange("POST", "/api/login", "B b1", 200, [], **bob)
    strange = look("", 200, None, LAPTOP, shows="John's cart", **bob)
    seen = """cartsOf(given.reduce(reduce, emptyScene()), "stateful").get("c2").strange ?? null"""
    assert run(seen, [*bought(), hers, strange]) == "John's cart"
    assert run(seen, [*bought(), hers, strange, look("B b1", 200, None, [], **bob)]) is None


def test_price_is_said_of_a_cart_only_where_it_is_kept():
    def lines(cents):
        return [{**LAPTOP[0], "unit_price_cents": cents}]

    events = bought()
    events[2]["response"]["body"]["cart"]["lines"] = lines(129900)
    goods = """cartsOf(given.reduce(reduce, emptyScene()), "stateful").get("c1").goods"""
    assert run(goods, events) == "1 × Laptop"
    changed = {"token": "prices", "prices": "reduced"}  # of both desks
    for settings in events[0]["stack"]["settings"].values():
        settings["changed"] = changed
    seen = [*events, look("B b1", 200, "kept", lines(99900))]
    assert run(goods, events) == run(goods, seen) == "1 × Laptop"  # a drawer keeps no price
    in_hand = goods.replace('"stateful"', '"stateless"')
    assert run(in_hand, at_stateless(*events)) == "1 × Laptop at 1,299"
    assert run(in_hand, at_stateless(*seen)) == "1 × Laptop at 999"
    changed.pop("token")  # usual parcels hold none either
    assert run(in_hand, at_stateless(*events)) == "1 × Laptop"


def test_customer_sticks_to_the_server_that_the_balancer_chose_last():
    def sticks(*events):
        code = "[...cartsOf(given.reduce(reduce, emptyScene()), 'stateful').values()][0].sticks"
        return run(f"{code} ?? null", events)

    came = bought()
    assert sticks(*came) == "B"
    assert sticks(*came, look("A a1", 401, "lost", target="A")) == "B"  # addressed by name
    assert sticks(*came, look("", 502, "unknown")) == "B"  # nobody answered
    assert sticks(*came, cached([], "lost")) == "B"
    assert sticks(*came, look("A a1", 401, "lost")) == "A"


def kept(kind, *events):
    return run(
        f"keptBy(given.reduce(reduce, emptyScene()), 'stateful', '{kind}')",
        [event("stage", stack=stack("A a1")), *events],
    )


def answered(path, cache, *, name=None, rule="public, max-age=60", **more):
    body = {"user": {"name": name}, "cart": {"lines": []}} if name else []
    response = {"headers": {"X-Cache": cache, "Cache-Control": rule}, "body": body}
    return exchange("GET", path, "A a1", 200, response=response, **more)


def test_cache_keeps_what_it_let_through_and_an_obedient_one_only_what_it_may():
    products = answered("/api/products", "MISS")
    cart = answered("/api/cart", "MISS", name="John", rule="no-store")
    assert kept("naive", products, cart) == ["the products", "John's cart"]
    assert kept("obedient", products, cart) == ["the products"]
    assert kept("naive", answered("/api/cart", "HIT", name="John")) == []  # came from it
    assert kept("naive", exchange("POST", "/api/login", "A a1", 200, [])) == []
    assert kept("naive", answered("/api/cart", "MISS", name="John", underway=True)) == []


def test_cart_that_a_thief_finds_is_neither_good_nor_bad():
    """The result alone says that: good for the thief is bad for the customer."""
    theft = {"thief": "Mallory", "theft": ["kept", "✓", "refused"]}
    assert found("stateful", 401, **theft)["words"] == "no such drawer"
    assert (
        found("stateful", 401, people=True, **theft)["words"] == "“Who are you?”"
    )  # it knows John
    assert found("stateless", 200, **theft)["words"] == "seal: good"
    assert {found(kind, 200, **theft)["good"] for kind in ("stateful", "stateless")} == {"plain"}
    theft["thief"] = ""
    assert found("stateless", 200, **theft) == {
        "words": "seal: good ✓",
        "good": True,
        "line": "finds",
    }
