"""Customers do at the desks what their page asks, and nothing else; every input may be hostile."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice
from types import SimpleNamespace

import msgspec
import pytest
from clocks import Clock
from report_documents import HOSTILE
from werkzeug.serving import make_server

import stateful_app
import stateless_app
from lab.console import customers as customers_module
from lab.console import waiting_line
from lab.console.act_places import (
    MOST_ACTS,
    MOST_ACTS_OF_INSTRUCTOR,
    MOST_ACTS_OF_ONE_CLIENT,
    ActPlaces,
)
from lab.console.admission import (
    FRESH_S,
    MOST_AT_ONCE,
    MOST_OF_ONE_BROWSER,
    NEWCOMERS_PER_S,
    STAYS_S,
    Crowded,
)
from lab.console.customer_session import MOST_LOGINS, Credentials
from lab.console.customers import STRANGER, Customers
from lab.console.feed import Feed
from lab.console.orders import BadOrder, checked_name, checked_order
from lab.console.page_customer import Introduction
from lab.console.places import Watcher
from lab.core.errors import LabError
from lab.processes.waiting import wait_until
from lab.shop.http import InstanceInfo
from stateful_app.config import Config as StatefulConfig
from stateless_app.config import Config as StatelessConfig

DEADLINE_S = 60
KEY = "a key for tests: long enough, and known to no one"
NAMES = ("A", "B", "C")


@dataclass
class Server:
    app: object
    state: str = "up"


@dataclass
class Pool:
    """What of a pool a customer needs: where it is, and who serves there."""

    url: str
    servers: dict[str, Server] = field(default_factory=dict)


class Origin:
    """Both desks of the shop behind one address, as nginx has them: /stateful/@B/api/cart."""

    def __init__(self):
        self.asked = []
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Semaphore(0)
        self.turns = cycle("A")
        self.server = make_server("127.0.0.1", 0, self, threaded=True)
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.pools = {desk: Pool(f"{url}/{desk}") for desk in ("stateful", "stateless")}
        for name in NAMES:
            info = InstanceInfo(name)
            desks = {
                "stateful": stateful_app.create_app(StatefulConfig(info)),
                "stateless": stateless_app.create_app(StatelessConfig(info, (KEY,))),
            }
            for desk, app in desks.items():
                self.pools[desk].servers[name] = Server(app)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __call__(self, environ, start_response):
        _, desk, *parts = environ["PATH_INFO"].split("/")
        name = parts.pop(0)[1:] if parts[0].startswith("@") else next(self.turns)
        environ["PATH_INFO"] = "/" + "/".join(parts)
        headers = {key: value for key, value in environ.items() if key.startswith("HTTP_")}
        self.asked.append((desk, name, environ["REQUEST_METHOD"], environ["PATH_INFO"], headers))
        if not self.gate.is_set():
            self.waiting.release()
            self.gate.wait(DEADLINE_S)
        replica = self.pools[desk].servers.get(name)
        if replica is None or replica.state == "dead":
            start_response("502 Bad Gateway", [("Content-Length", "0")])
            return [b""]
        return replica.app(environ, start_response)


@pytest.fixture
def origin():
    origin = Origin()
    origin.thread.start()
    yield origin
    origin.gate.set()
    origin.server.shutdown()
    origin.thread.join(DEADLINE_S)
    origin.server.server_close()


@pytest.fixture
def published():
    return []


@pytest.fixture
def customers(origin, published):
    return Customers(origin.pools, lambda event: published.append(msgspec.to_builtins(event)))


@pytest.fixture
def john(customers):
    return customers.enter("John")


@pytest.fixture
def nowhere(published):
    """Customers with no desk to go to: nothing can be sent."""
    return Customers({}, lambda event: published.append(msgspec.to_builtins(event)))


def act(customers, customer, do, **order):
    return msgspec.to_builtins(customers.act(customer, {"do": do, **order}))


def last(published, desk):
    return [event for event in published if event["desk"] == desk][-1]


# --- who they are


def test_customer_has_a_number_for_all_and_a_key_of_their_own(customers):
    one, other = customers.enter("John"), customers.enter("John")
    assert one.introduce() == Introduction(one.key, "c1", "John", "123")
    assert other.introduce().who == "c2"
    assert one.key != other.key
    assert len(one.key) >= 20
    assert customers.find(one.key) is one
    for key in ("", "c1", one.key + "x", "\x00", HOSTILE):
        assert customers.find(key) is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        *[("John", "John"), ("  John  ", "John"), ("Jo\u0308rg", "J\u00f6rg"), ("李", "李")],
        *[("x" * 24, "x" * 24), (" " + "x" * 24, "x" * 24), ("👍", "👍"), ("O'Neil & Co", None)],
        *[("<script>alert(1)</script"[:24], None), ("a b", None), ("{{7*7}}", None)],
        *[("e\u0301" * 24, "\u00e9" * 24), ("\u2764\ufe0f", None), ("-", None)],
    ],
)
def test_name_is_kept_as_text_in_nfc(name, kept):
    assert checked_name(name) == (kept or name)


@pytest.mark.parametrize(
    "name",
    [
        *["", " ", "\u00a0", "x" * 25, "x" * 10**6, "\u00e9" * 25, "\ufdfa\u0301" * 24],
        *["John\n", "\x00", "Jo\x7fhn", "\x1b[31m", "\u202eJohn", "a\u200bb", "\u2066x\u2069"],
        *["\ud800", "a\ud83d", "\u2028", "\u2029", "\ufeff", "\u00ad", "\ue000", "\U000e0041"],
        *["\ufffe", "\u0378", "\u3164", "\u2800\u2800", "\u200e", "\u061c", "\ufe0f", HOSTILE],
        *[None, 7, True, ["John"], {"name": "John"}, b"John"],
    ],
)
def test_text_that_is_no_name_is_refused_with_the_rule(nowhere, name):
    with pytest.raises(ValueError, match="name: 1 to 24 visible characters") as refused:
        nowhere.enter(name)
    assert len(str(refused.value)) < 120


def test_every_name_that_may_be_had_is_one_that_the_desks_take(customers, published):
    for name in ("J\u00f6rg", "<b>x</b> & 'y' \"z\"", "李小龍", "👍🏽", "x" * 24):
        act(customers, customers.enter(name), "login")
        for desk in ("stateful", "stateless"):
            event = last(published, desk)
            assert event["status"] == 200
            assert event["response"]["body"]["user"]["name"] == name


ALICE, BOB = Watcher("alice"), Watcher("bob")


@pytest.fixture
def clock():
    return Clock(0.0)


@pytest.fixture
def three(origin, clock, monkeypatch):
    """Customers with places for three."""
    monkeypatch.setattr(customers_module, "MOST_CUSTOMERS", 3)
    return Customers(origin.pools, lambda event: None, clock)


def test_student_with_a_cart_is_not_evicted_by_a_crowd_of_newcomers(three, clock):
    student = three.enter("a student", ALICE)
    act(three, student, "view", desks=["stateless"])
    clock.now_s = STAYS_S - 1
    for bot in ("one", "two"):
        three.enter(bot)
    with pytest.raises(Crowded, match="all 3 customers are busy") as refused:
        three.enter("one too many")
    assert (refused.value.status, three.find(student.key)) == (503, student)
    clock.now_s += FRESH_S + 1  # bots do nothing: they give way before a student does
    student.acted_at = clock.now_s
    for number in range(9):
        three.enter(f"bot {number}")
        clock.now_s += FRESH_S + 1
    assert three.find(student.key) is student


def test_customer_idle_longest_gives_way_and_one_who_watches_does_not(three, clock):
    first, second = three.enter("first", ALICE), three.enter("second")
    clock.now_s = 1.0
    third = three.enter("third", BOB)
    three.watching = lambda: {"alice"}
    clock.now_s = 10 * STAYS_S
    fourth = three.enter("fourth")
    kept = [three.find(each.key) for each in (first, second, third, fourth)]
    assert kept == [first, None, third, fourth]
    assert fourth.who == "c4"


def test_instructor_gets_a_place_among_those_who_stay(three):
    for name in ("a", "b", "c"):
        three.enter(name)
    mine = three.enter("me", Watcher("", instructor=True))
    assert three.find(mine.key) is mine


def test_browser_has_a_few_customers_and_its_own_oldest_gives_way(customers):
    first, *others = [customers.enter("x", ALICE) for _ in range(MOST_OF_ONE_BROWSER)]
    newest = customers.enter("x", ALICE)
    assert customers.find(first.key) is None
    assert all(customers.find(each.key) for each in (*others, newest))


def test_customer_belongs_to_the_browser_that_came_back_with_its_key(customers):
    john = customers.enter("John")
    customers.find(john.key, BOB)
    customers.find(john.key)
    assert john.browser == "bob"


def test_newcomers_come_at_a_steady_rate(three, clock, monkeypatch):
    monkeypatch.setattr(customers_module, "MOST_CUSTOMERS", 10 * MOST_AT_ONCE)
    for _ in range(MOST_AT_ONCE):
        three.enter("x")
    with pytest.raises(Crowded, match="try again in a moment") as refused:
        three.enter("x")
    assert (refused.value.status, refused.value.retry_after_s) == (429, 1)
    clock.now_s = 1.0
    for _ in range(int(NEWCOMERS_PER_S)):
        three.enter("x")
    with pytest.raises(Crowded):
        three.enter("x")
    three.enter("me", Watcher("", instructor=True))


def test_cart_of_a_customer_outlives_a_crowd_of_others(customers, monkeypatch):
    monkeypatch.setattr(customers_module, "MOST_WITH_HISTORY", 3)
    student = customers.enter("a student")
    act(customers, student, "login")
    act(customers, student, "add", sku="pen", quantity=1)
    for number in range(10):
        customers.enter(f"stranger {number}")
    assert not list(student.sessions["stateful"].record.exchanges())
    found = customers.find(student.key)
    ops = act(customers, found, "view")["ops"]
    shown = [found.sessions[desk].earlier(op).body["cart"] for desk, op in ops.items()]
    assert [cart["item_count"] for cart in shown] == [1, 1]


def test_acts_that_wait_for_a_desk_leave_room_for_others(customers):
    john = customers.enter("John")
    with ExitStack() as waiting:
        for _ in range(MOST_ACTS_OF_ONE_CLIENT):
            waiting.enter_context(customers._places.place(STRANGER))
        with pytest.raises(LabError, match=r"8 requests of this browser.*try again in a moment"):
            act(customers, john, "view")
    act(customers, john, "view")
    act(customers, john, "view")  # each gives its place back


def test_no_browser_takes_all_places_and_all_of_them_none_of_the_instructors():
    places, teacher = ActPlaces(), Watcher("t", instructor=True)
    with ExitStack() as taken:
        names = cycle(f"browser {n}" for n in range(MOST_ACTS // MOST_ACTS_OF_ONE_CLIENT))
        for name in islice(names, MOST_ACTS):
            taken.enter_context(places.place(Watcher(name), 0))
        for late, why in (("browser 0", "8 requests of this browser"), ("new", "24 requests")):
            with pytest.raises(LabError, match=why), places.place(Watcher(late), 0):
                pass
        for _ in range(MOST_ACTS_OF_INSTRUCTOR):
            taken.enter_context(places.place(teacher, 0))
        with pytest.raises(LabError, match="your other requests"), places.place(teacher, 0):
            pass
    assert not places._taken
    assert not places._of_instructor


def test_act_that_waits_for_a_place_gets_the_next_that_is_free():
    places = ActPlaces()
    with ExitStack() as taken:
        for _ in range(MOST_ACTS_OF_ONE_CLIENT):
            taken.enter_context(places.place(STRANGER, 0))
        leaving = threading.Timer(0.05, taken.close)
        leaving.start()
        with places.place(STRANGER, DEADLINE_S):
            pass
        leaving.join()


def test_failed_act_gives_its_place_back():
    places = ActPlaces()
    with pytest.raises(ZeroDivisionError), places.place(STRANGER):
        raise ZeroDivisionError
    assert not places._taken


def test_op_of_the_log_names_its_customer(customers):
    customers.enter("John")
    assert customers.who_of("c1-stateful-1") == customers.who_of("c1-stateless-70") == "c1"


@pytest.mark.parametrize(
    ("op", "who"),
    [
        *[("c2-stateful-1", ""), ("", "")],
        *[("c1", ""), ("c1-stateful-", ""), ("c1-elsewhere-1", ""), ("xc1-stateful-1", "")],
        *[("c1-stateful-1\n", ""), ("c\u0661-stateful-1", ""), ("c1-stateful-1-2", "")],
        *[("c1-stateful-" + "9" * 5000, ""), (HOSTILE, ""), ("C1-stateful-1", "")],
    ],
)
def test_op_belongs_to_a_known_customer_or_none(nowhere, op, who):
    nowhere.enter("John")
    assert nowhere.who_of(op) == who


# --- what they do


def test_order_is_done_at_both_desks_and_reported_by_each(customers, john, published):
    answer = act(customers, john, "login")
    assert answer["ops"] == {"stateful": "c1-stateful-1", "stateless": "c1-stateless-1"}
    assert {event["desk"] for event in published} == {"stateful", "stateless"}
    for event in published:
        assert (event["kind"], event["who"], event["status"]) == ("exchange", "c1", 200)
        assert event["op"] == answer["ops"][event["desk"]]
        assert (event["customer"], event["served_by"]) == ("John", "A")
        assert {"look", "curl", "request", "response", "fate"} <= event.keys()
        assert "aside" not in event


VERBS = [
    ({"do": "view"}, "GET", "/api/cart", 200),
    ({"do": "products"}, "GET", "/api/products", 200),
    ({"do": "add", "sku": "mouse", "quantity": 3}, "POST", "/api/cart/items", 201),
    ({"do": "change", "sku": "laptop", "quantity": 9}, "PATCH", "/api/cart/items/laptop", 200),
    ({"do": "remove", "sku": "laptop"}, "DELETE", "/api/cart/items/laptop", 200),
    ({"do": "clear"}, "DELETE", "/api/cart", 200),
    ({"do": "ship", "address": "Here 1"}, "PUT", "/api/shipping-address", 200),
    ({"do": "checkout"}, "POST", "/api/checkout", 201),
    ({"do": "logout"}, "POST", "/api/logout", 204),
]


@pytest.mark.parametrize(("order", "method", "path", "status"), VERBS)
def test_every_verb_is_the_shops(customers, john, published, order, method, path, status):
    act(customers, john, "login")
    act(customers, john, "add", sku="laptop", quantity=1)
    customers.act(john, order)
    for desk in ("stateful", "stateless"):
        event = last(published, desk)
        assert (event["method"], event["path"], event["status"]) == (method, path, status)


def test_fate_of_a_cart_is_the_trackers(customers, john, published, origin):
    act(customers, john, "login")
    act(customers, john, "add", sku="laptop", quantity=1)
    act(customers, john, "view")
    assert {last(published, desk)["fate"] for desk in origin.pools} == {"kept"}
    act(customers, john, "view", server="B")  # its memory is its own
    fates = {desk: last(published, desk)["fate"] for desk in origin.pools}
    assert fates == {"stateful": "lost", "stateless": "kept"}
    assert last(published, "stateful")["look"] == ["lost", "✕", "cart not shown"]


def test_credential_is_answered_in_full_and_never_published(customers, john, published):
    empty = act(customers, john, "view")["credentials"]
    nothing = {"cookie": None, "token": None}
    assert empty == {"stateful": nothing, "stateless": nothing}
    given = act(customers, john, "login")["credentials"]
    cookie, token = given["stateful"]["cookie"], given["stateless"]["token"]
    assert cookie.startswith("desk_session=")
    assert (given["stateful"]["token"], given["stateless"]["cookie"]) == (None, None)
    assert msgspec.to_builtins(john.credentials()) == given
    act(customers, john, "view")
    act(customers, john, "verify", token=token)
    everything = json.dumps(published)
    parts = [part for part in token.split(".") if len(part) > 20]
    assert len(parts) == 2
    for secret in (cookie.removeprefix("desk_session="), token, *parts):
        assert secret not in everything
    assert last(published, "stateless")["request"]["headers"]["Authorization"].startswith("Bearer ")


def test_act_at_one_desk_asks_only_that_one(customers, john, origin):
    answer = act(customers, john, "login", desks=["stateless"])
    assert answer["ops"] == {"stateless": "c1-stateless-1"}
    assert set(answer["credentials"]) == {"stateful", "stateless"}
    assert [each[0] for each in origin.asked] == ["stateless"]


def test_tries_ask_again_until_a_server_answers(customers, john, published, origin):
    origin.pools["stateful"].servers["A"].state = "dead"
    answer = act(customers, john, "login", desks=["stateful"], tries=3)
    assert [event["status"] for event in published] == [502, 502, 502]
    assert answer["ops"] == {"stateful": "c1-stateful-3"}
    act(customers, john, "login", desks=["stateless"], tries=3)
    assert last(published, "stateless")["op"] == "c1-stateless-1"


def test_times_sends_the_same_request_again_and_again(customers, john, published):
    act(customers, john, "login")
    answer = act(customers, john, "view", desks=["stateful"], times=12)
    assert answer["ops"] == {"stateful": "c1-stateful-13"}
    assert [event["path"] for event in published].count("/api/cart") == 12


# --- a thief with the key


def test_forged_token_opens_the_cart_where_the_key_is_known_and_is_no_ones_credential(
    origin, published
):
    def publish(event):
        published.append(msgspec.to_builtins(event))

    customers = Customers(origin.pools, publish, leaked_keys={"stateless": KEY})
    john = customers.enter("John")
    act(customers, john, "login")
    answer = act(customers, john, "forge")
    assert (last(published, "stateful")["status"], last(published, "stateful")["aside"]) == (
        401,
        True,
    )
    forged = last(published, "stateless")
    assert (forged["status"], forged["aside"], forged["fate"]) == (200, True, None)
    assert forged["response"]["body"]["cart"]["lines"][0]["quantity"] == 9
    assert KEY not in json.dumps([answer, published])
    assert answer["credentials"]["stateless"]["token"] not in ("", None)
    act(customers, john, "view")  # John's own credential is what it was
    assert last(published, "stateless")["response"]["body"]["cart"]["lines"] == []


def test_forged_request_is_refused_where_no_key_has_leaked(customers, john, published):
    act(customers, john, "login")
    act(customers, john, "forge")
    assert [last(published, desk)["status"] for desk in ("stateful", "stateless")] == [401, 401]


# --- what an answer shows


def test_answers_say_what_an_order_cost_and_what_a_copy_shows(customers, john, published):
    def marks():
        return [last(published, desk)["mark"][2] for desk in ("stateful", "stateless")]

    def again(answer):
        for desk, op in answer["ops"].items():
            act(customers, john, "replay", op=op, desks=[desk])

    act(customers, john, "login")
    act(customers, john, "add", sku="laptop", quantity=2)
    looked = act(customers, john, "view")
    assert marks() == ["✓", "✓"]
    again(looked)
    assert marks() == ["· 2 × Laptop ✓"] * 2
    customers.doubt({"laptop": 100})  # the shop's list still has the old price
    act(customers, john, "view")
    assert marks() == ["· total 2,598 ✕"] * 2
    ordered = act(customers, john, "checkout")
    assert marks() == ["· paid 2,598 ✕"] * 2
    again(ordered)  # the drawer is empty, the parcel is not
    assert marks() == ["refused", "· sold by a copy ✕"]
    act(customers, john, "add", sku="pen", quantity=1)
    act(customers, john, "checkout")
    assert last(published, "stateful")["mark"][1] == "✓"


# --- which server


def asked_of(origin):
    return [name for _, name, *_ in origin.asked]


def test_server_that_served_and_the_next_living_one(customers, john, origin):
    here = {"desks": ["stateful"]}
    act(customers, john, "login", server="B", **here)
    act(customers, john, "view", server="served", **here)
    act(customers, john, "view", server="other", **here)
    act(customers, john, "view", server="other", **here)
    assert asked_of(origin) == ["B", "B", "C", "A"]
    origin.pools["stateful"].servers["B"].state = "paused"
    act(customers, john, "view", server="other", **here)
    assert asked_of(origin)[-1] == "C"


def test_dead_server_is_asked_again_by_a_customer_who_insists(customers, john, published, origin):
    here = {"desks": ["stateful"]}
    act(customers, john, "login", **here)
    origin.pools["stateful"].servers["A"].state = "dead"
    act(customers, john, "view", server="served", **here)
    act(customers, john, "view", server="served", **here)
    assert [event["status"] for event in published] == [200, 502, 502]


def test_each_desk_has_its_own_served_server(customers, john, origin):
    act(customers, john, "login", server="C", desks=["stateful"])
    act(customers, john, "login", server="B", desks=["stateless"])
    act(customers, john, "view", server="served")
    assert sorted(each[:2] for each in origin.asked[2:]) == [("stateful", "C"), ("stateless", "B")]


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("served", "needs an earlier response"),
        ("other", "needs an earlier response"),
        ("D", "no D: this desk has A, B, C"),
    ],
)
def test_server_that_is_not_there_is_refused_before_anything_is_sent(
    customers, john, origin, server, why
):
    act(customers, john, "login", desks=["stateful"])
    with pytest.raises(BadOrder, match=f"server: .*{why}"):
        act(customers, john, "view", server=server)
    assert len(origin.asked) == 1


def test_wishes_other_and_served_are_refused_where_there_is_none(customers, john, origin):
    here = {"desks": ["stateful"]}
    act(customers, john, "login", server="B", **here)
    servers = origin.pools["stateful"].servers
    for name in ("A", "C"):
        servers[name].state = "dead"
    with pytest.raises(BadOrder, match="no other server of this desk is up"):
        act(customers, john, "view", server="other", **here)
    del servers["B"]
    with pytest.raises(BadOrder, match="B served this customer and has left"):
        act(customers, john, "view", server="served", **here)
    servers["C"].state = "up"
    act(customers, john, "view", server="other", **here)
    assert asked_of(origin)[-1] == "C"


def test_living_server_is_the_one_that_served_while_it_is_up(customers, john, origin):
    here = {"desks": ["stateful"]}
    act(customers, john, "login", server="B", **here)
    servers = origin.pools["stateful"].servers
    servers["A"].state = servers["C"].state = "dead"
    act(customers, john, "view", server="living", **here)
    assert asked_of(origin)[-1] == "B"
    servers["B"].state, servers["C"].state = "dead", "up"
    act(customers, john, "view", server="living", **here)
    assert asked_of(origin)[-1] == "C"
    servers["C"].state = "dead"
    with pytest.raises(BadOrder, match="no other server of this desk is up"):
        act(customers, john, "view", server="living", **here)


def test_login_until_a_server_answers_comes_as_a_newcomer_each_time(customers, john, origin):
    origin.turns = cycle("CAB")
    answer = act(customers, john, "login", until="B", desks=["stateful"])
    assert asked_of(origin) == ["C", "A", "B"]
    assert answer["ops"] == {"stateful": "c1-stateful-3"}
    assert not any("HTTP_COOKIE" in each[4] for each in origin.asked)
    assert answer["credentials"]["stateful"]["cookie"].startswith("desk_session=")
    origin.turns = cycle("B")
    act(customers, john, "add", sku="pen", quantity=1, desks=["stateful"])
    act(customers, john, "view", desks=["stateful"])
    assert origin.asked[-1][4]["HTTP_COOKIE"] == answer["credentials"]["stateful"]["cookie"]


def test_login_of_several_times_comes_from_a_new_browser_each_time(customers, john, published):
    act(customers, john, "login", times=3)
    logins = [event for event in published if event["desk"] == "stateful"]
    assert [event["status"] for event in logins] == [200] * 3
    assert all("Cookie" not in event["request"]["headers"] for event in logins)
    act(customers, john, "login")  # but one who just logs in again has a credential already
    assert "Cookie" in last(published, "stateful")["request"]["headers"]


def test_login_until_a_server_that_never_answers_ends(customers, john, origin):
    with pytest.raises(LabError, match="B answered none of 16 logins: is it up"):
        act(customers, john, "login", until="B", desks=["stateful"])
    assert len(origin.asked) == MOST_LOGINS
    with pytest.raises(BadOrder, match="there is no D"):
        act(customers, john, "login", until="D")
    assert len(origin.asked) == MOST_LOGINS


def test_desk_that_is_not_open_is_the_labs_failure(customers, john, origin):
    del origin.pools["stateful"]
    with pytest.raises(LabError, match="the stateful desk is not open now"):
        act(customers, john, "login", desks=["stateful"])


# --- replay and verify


def test_cart_is_asked_for_as_the_article_writes_it(customers, john, published, origin):
    act(customers, john, "login")
    act(customers, john, "add", sku="pen", quantity=1)
    token = john.credentials()["stateless"].token
    act(customers, john, "view-url")
    ours, theirs = (last(published, desk) for desk in ("stateful", "stateless"))
    assert ours["status"] == theirs["status"] == 200
    assert ours["fate"] == theirs["fate"] == "kept"
    assert ours["path"] == "/api/cart"
    assert theirs["path"].startswith("/api/cart?token=")
    assert theirs["path"].endswith(f"userId={john.user_id}")
    assert token not in repr(published)  # shortened, as everywhere
    assert john.credentials()["stateless"].token == token


def test_replay_is_the_request_byte_for_byte_and_aside(customers, john, published, origin):
    act(customers, john, "login")
    added = act(customers, john, "add", sku="laptop", quantity=1)["ops"]
    act(customers, john, "view")
    token = john.credentials()["stateless"].token
    for desk, op in added.items():
        answer = act(customers, john, "replay", op=op)
        assert set(answer["ops"]) == {desk}
        assert last(published, desk)["aside"] is True
        assert last(published, desk)["fate"] is None
        first, again = (
            {**each[4], "HTTP_X_OP": ""}
            for each in origin.asked
            if each[0] == desk and each[3] == "/api/cart/items"
        )
        assert first == again
    assert john.credentials()["stateless"].token == token  # it taught the customer nothing
    act(customers, john, "view")
    assert last(published, "stateful")["fate"] == "duplicated"
    assert last(published, "stateless")["fate"] == "kept"
    assert "aside" not in last(published, "stateful")


def test_replay_takes_only_a_remembered_exchange_of_the_customers_own(
    customers, john, monkeypatch, origin
):
    monkeypatch.setattr("lab.console.page_customer.MOST_REMEMBERED", 3)
    jane = customers.enter("Jane")
    op = act(customers, jane, "login", desks=["stateful"])["ops"]["stateful"]
    with pytest.raises(BadOrder, match=rf"op: {op} is not one of"):
        act(customers, john, "replay", op=op)
    for _ in range(3):
        act(customers, jane, "view", desks=["stateful"])
    assert len(origin.asked) == 4
    with pytest.raises(BadOrder, match=rf"op: {op} is not one of"):
        act(customers, jane, "replay", op=op)
    assert len(list(jane.sessions["stateful"].record.exchanges())) == 3


def test_verifying_a_token_leaves_the_customer_as_they_were(customers, john, published):
    act(customers, john, "login")
    act(customers, john, "add", sku="laptop", quantity=1)
    before = john.credentials()
    tracker = vars(john.sessions["stateless"].shopper.tracker).copy()
    good = before["stateless"].token
    forged = good.replace(good[10], "A" if good[10] != "A" else "B", 1)
    answers = []
    for token in (good, forged, "x", "'\"<>&%0a", "~" * 16384):
        ops = act(customers, john, "verify", token=token)["ops"]
        event = last(published, "stateless")
        assert ops == {"stateless": event["op"]}
        assert (event["method"], event["path"], event["aside"]) == ("GET", "/api/cart", True)
        assert event["fate"] is None
        assert "Cookie" not in event["request"]["headers"]
        answers.append(event["status"])
    assert answers == [200, 401, 401, 401, 401]
    assert john.credentials() == before
    assert vars(john.sessions["stateless"].shopper.tracker) == tracker


def test_token_is_sent_as_it_was_given(customers, john, origin):
    act(customers, john, "verify", token="a=b;c,d")
    assert origin.asked[-1][4]["HTTP_AUTHORIZATION"] == "Bearer a=b;c,d"


# --- what is refused

GOOD = {"do": "add", "sku": "laptop", "quantity": 1}
LONG = "x" * 100_000


@pytest.mark.parametrize(
    ("order", "field"),
    [
        *[(it, "order") for it in (None, [], "view", 7, [GOOD])],
        *[({"do": it}, "do") for it in ("", "VIEW", "view ", None, 7, ["view"], {}, LONG, HOSTILE)],
        ({}, "do"),
        *[(GOOD | {it: 1}, "field") for it in ("token", "op", "__class__", "", LONG, HOSTILE)],
        ({"do": "view", "sku": "laptop"}, "field"),
        ({"do": "add", "sku": "laptop"}, "quantity"),
        ({"do": "add", "quantity": 1}, "sku"),
        *[(GOOD | {"quantity": it}, "quantity") for it in (0, -1, 100, 1.0, True, "1", None, [])],
        *[(GOOD | {"quantity": it}, "quantity") for it in (10**100, float("nan"), float("inf"))],
        *[(GOOD | {"sku": it}, "sku") for it in ("", "LAPTOP", "../x", "..", "laptop/", None, 7)],
        *[(GOOD | {"sku": it}, "sku") for it in ({}, ["laptop"], LONG, HOSTILE, "laptop\n")],
        *[(GOOD | {"tries": it}, "tries") for it in (0, 10, -1, True, 1.0, "1", None, 10**9)],
        *[(GOOD | {"times": it}, "times") for it in (0, 13, -1, True, 1.0, "1", None, 10**9)],
        (GOOD | {"times": 2, "tries": 2}, "times"),
        *[(GOOD | {"desks": it}, "desks") for it in ([], "stateful", ["x"], None, {}, [[]], 7)],
        *[(GOOD | {"desks": ["stateful"] * n}, "desks") for n in (2, 3, 1000)],
        *[(GOOD | {"server": it}, "server") for it in ("", "b", "AB", "Ä", "@B", "B/../A", 7, [])],
        *[(GOOD | {"server": it}, "server") for it in (LONG, HOSTILE, True, {"a": 1}, "A\n")],
        *[({"do": "login", "until": it}, "until") for it in ("", "b", "AB", 7, True, [], {}, LONG)],
        *[({"do": "login", "until": it}, "until") for it in (HOSTILE, "A\n", "served", "living")],
        *[({"do": "login", "until": "B", **it}, "until") for it in ({"server": "B"}, {"times": 2})],
        ({"do": "login", "until": "B", "tries": 2}, "until"),
        (GOOD | {"until": "B"}, "until"),
        *[({"do": "ship", "address": it}, "address") for it in ("", "x" * 201, None, 7, "\x00")],
        *[({"do": "ship", "address": it}, "address") for it in ("\ud800", "\u202ex", LONG)],
        *[({"do": "replay", "op": it}, "op") for it in ("", "x", None, 7, "c1-x-1", LONG, [])],
        *[({"do": "replay", "op": it}, "op") for it in ("c1-stateful-1\n", "../c1-stateful-1")],
        ({"do": "replay"}, "op"),
        ({"do": "replay", "op": "c1-stateful-1", "desks": ["stateless"]}, "desks"),
        ({"do": "verify"}, "token"),
        *[({"do": "verify", "token": it}, "token") for it in ("", "a b", "a\r\nX: y", "é", None)],
        *[({"do": "verify", "token": it}, "token") for it in ("x" * 16385, "\x00", "\ud800", 7)],
        ({"do": "verify", "token": "x", "desks": ["stateful"]}, "desks"),
    ],
)
def test_bad_order_is_refused_by_name_and_nothing_is_sent(nowhere, published, order, field):
    with pytest.raises(BadOrder, match=field) as refused:
        nowhere.act(nowhere.enter("John"), order)
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()
    assert published == []


def test_order_fields_that_are_left_out_have_defaults():
    order = checked_order({"customer": "whoever", "do": "view", "server": None})
    assert (order.desks, order.server) == (("stateful", "stateless"), None)
    assert (order.tries, order.times) == (1, 1)
    replay = {"do": "replay", "op": "c1-stateful-1", "desks": ["stateless", "stateful"]}
    assert checked_order(replay).desks == ("stateful",)
    verify = {"do": "verify", "token": "secret-secret"}
    assert checked_order(verify | {"desks": ["stateful", "stateless"]}).desks == ("stateless",)
    assert "secret" not in repr(checked_order(verify))


# --- at the same time


def test_desks_are_asked_at_once(customers, john, origin):
    origin.gate.clear()
    with ThreadPoolExecutor(1) as hand:
        doing = hand.submit(act, customers, john, "login")
        for _ in range(2):
            assert origin.waiting.acquire(timeout=DEADLINE_S)
        origin.gate.set()
        assert len(doing.result(DEADLINE_S)["ops"]) == 2


def test_second_act_at_the_same_desk_waits_its_turn(customers, john, origin, published):
    act(customers, john, "login")
    published.clear()
    origin.gate.clear()
    session = john.sessions["stateful"]
    with ThreadPoolExecutor(4) as hands:
        doing = []
        for number in range(1, 5):
            order = {"quantity": number, "desks": ["stateful"], "sku": "laptop"}
            doing.append(hands.submit(act, customers, john, "add", **order))
            assert wait_until(lambda: len(session.line) == len(doing), DEADLINE_S)
        assert origin.waiting.acquire(timeout=DEADLINE_S)
        assert not origin.waiting.acquire(timeout=0.1)  # one alone is under way
        with pytest.raises(LabError, match="wait for their responses"):  # nor a thread for each
            act(customers, john, "view", desks=["stateful"])
        origin.gate.set()
        ops = [each.result(DEADLINE_S)["ops"]["stateful"] for each in doing]
    assert ops == [f"c1-stateful-{number}" for number in range(2, 6)]
    assert [event["request"]["body"]["quantity"] for event in published] == [1, 2, 3, 4]


def test_act_that_waits_too_long_is_refused_and_the_others_go_on(
    customers, john, origin, monkeypatch
):
    monkeypatch.setattr(waiting_line, "TURN_TIMEOUT_S", 0.1)
    origin.gate.clear()
    with ThreadPoolExecutor(1) as hand:
        doing = hand.submit(act, customers, john, "login", desks=["stateful"])
        assert origin.waiting.acquire(timeout=DEADLINE_S)
        with pytest.raises(LabError, match="still waiting at this desk"):
            act(customers, john, "view", desks=["stateful"])
        origin.gate.set()
        doing.result(DEADLINE_S)
    assert act(customers, john, "view", desks=["stateful"])["ops"] == {"stateful": "c1-stateful-2"}


def test_customers_at_once_each_have_their_own_cart(customers, published):
    crowd = [customers.enter(f"n{number}") for number in range(12)]

    def shop(customer):
        act(customers, customer, "login")
        for _ in range(3):
            act(customers, customer, "add", sku="pen", quantity=1)
        return act(customers, customer, "view")

    with ThreadPoolExecutor(6) as hands:
        list(hands.map(shop, crowd))
    reads = [event for event in published if event["method"] == "GET"]
    assert [event["fate"] for event in reads] == ["kept"] * 24
    assert {event["response"]["body"]["cart"]["item_count"] for event in reads} == {3}
    assert len({event["op"] for event in published}) == len(published) == 12 * 5 * 2
    assert all(customers.who_of(event["op"]) == event["who"] for event in published)


# --- faults and stages


def test_fault_puts_every_cart_in_doubt(customers, john):
    act(customers, john, "login")
    act(customers, john, "add", sku="laptop", quantity=1)
    act(customers, john, "view")
    trackers = [session.shopper.tracker for session in john.sessions.values()]
    assert [tracker.fate for tracker in trackers] == ["kept", "kept"]
    customers.doubt({})
    assert [tracker.fate for tracker in trackers] == ["unknown", "unknown"]


def test_new_stage_empties_the_hands_and_keeps_who_they_are(customers, john, published):
    before = act(customers, john, "login")
    introduced = john.introduce()
    customers.reset()
    assert customers.find(john.key) is john
    assert john.introduce() == introduced
    assert john.credentials()["stateful"] == Credentials(None, None)
    assert john.credentials()["stateless"] == Credentials(None, None)
    with pytest.raises(BadOrder, match="since the stage was set up"):
        act(customers, john, "replay", op=before["ops"]["stateful"])
    with pytest.raises(BadOrder, match="needs an earlier response"):
        act(customers, john, "view", server="served")
    assert act(customers, john, "view")["ops"]["stateful"] == "c1-stateful-2"  # never one again
    assert last(published, "stateful")["status"] == 401


def test_act_under_way_when_a_stage_begins_is_not_published(customers, john, origin, published):
    origin.gate.clear()
    with ThreadPoolExecutor(1) as hand:
        doing = hand.submit(act, customers, john, "login", desks=["stateful"])
        assert origin.waiting.acquire(timeout=DEADLINE_S)
        customers.reset()  # and waits for no customer
        origin.gate.set()
        assert doing.result(DEADLINE_S)["ops"] == {"stateful": "c1-stateful-1"}
    assert published == []
    assert john.credentials()["stateful"].cookie is None


def test_customers_do_nothing_after_the_end(customers, john, origin):
    customers.close()
    with pytest.raises(LabError, match="being stopped"):
        act(customers, john, "login")
    assert origin.asked == []


# --- with a feed


def test_feed_takes_what_customers_do_and_keeps_the_score(origin):
    feed = Feed()
    customers = Customers(origin.pools, feed.publish)
    john = customers.enter("John")
    act(customers, john, "login")
    act(customers, john, "add", sku="laptop", quantity=1)
    act(customers, john, "view", server="B")
    score = feed.history()[-1].json()["score"]
    assert [score["stateful"][name] for name in ("kept", "lost", "open")] == [0, 1, 0]
    assert [score["stateless"][name] for name in ("kept", "lost", "open")] == [1, 0, 0]


def test_answer_that_is_no_json_is_reported_all_the_same(origin, published):
    def odd(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"total": 1e999, "cart": {"lines": "x"}}']

    origin.pools["stateful"].servers["A"] = SimpleNamespace(app=odd, state="up")
    feed = Feed()
    customers = Customers(origin.pools, feed.publish)
    act(customers, customers.enter("John"), "view", desks=["stateful"])
    assert feed.history()[0].json()["response"]["body"]["total"] is None
