"""What the page may do to a running stack: each order happens, with its evidence published."""

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress

import msgspec
import psutil
import pytest
import requests
from conftest import wait_for

from lab.console.events import StageEvent
from lab.console.playground import Playground
from lab.console.settings import console_variants
from lab.core.errors import LabError
from lab.core.faults import FaultKind
from lab.evidence.result import Settings
from lab.experiments.provision import ProvisionedStack
from lab.stack.programs import find_store
from lab.stack.server_pool import ProxySettings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
needs_store = pytest.mark.skipif(find_store() is None, reason="no Valkey or Redis: `lab doctor`")
PLAIN = {"store": "memory", "affinity": "none", "retry": "off", "cache": "off"}


def plain(stack):
    """The stack as the page gets it."""
    return msgspec.to_builtins(stack)


class Published:
    """What was published, in order."""

    def __init__(self):
        self.events = []
        self.resets = self.doubts = self.reloads = 0

    def publish(self, event):
        self.events.append(msgspec.to_builtins(event))

    def begin(self, stack, script):
        self.publish(StageEvent(stack, script=script))

    def faults(self):
        return [
            (each["fault"], each["desk"], each["target"])
            for each in self.events
            if each["kind"] == "fault"
        ]

    def settings(self):
        changed = [each for each in self.events if each["kind"] == "setting"]
        return [(each["target"], each["evidence"]["value"]) for each in changed]

    def count(self, name):
        setattr(self, name, getattr(self, name) + 1)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """One stack for the module."""
    variants = console_variants(Settings(servers=2))
    provisioned, published = ProvisionedStack(tmp_path_factory.mktemp("stage") / "run"), Published()
    with provisioned.open(variants, keep_log=500) as stack:
        stage = Playground(
            provisioned,
            variants,
            published.publish,
            published.begin,
            on_fault=lambda _: published.count("doubts"),
            on_reload=lambda: published.count("reloads"),
            on_reset=lambda: published.count("resets"),
        )
        stage.watch.start()
        yield stack, stage, published
        stage.close()


@pytest.fixture
def stage(opened):
    _, stage, published = opened
    stage.reset(servers=2, **PLAIN)
    published.events.clear()
    return stage


@pytest.fixture
def published(opened):
    return opened[2]


@pytest.fixture
def shop(opened):
    """shop("stateful", "GET", "/api/cart", …): one request through the balancer."""
    stack = opened[0]
    jar = requests.cookies.RequestsCookieJar()

    def ask(desk, method, path, **how):
        # A connection of its own each time: a kept one is served once more by nginx's old worker.
        with requests.Session() as session:
            session.trust_env, session.cookies = False, jar
            return session.request(method, f"{stack.origin}/{desk}{path}", timeout=60, **how)

    return ask


def login(shop, desk, server="A"):
    body = {"user_id": "123", "name": "John"}
    return shop(desk, "POST", f"/@{server}/api/login", json=body)


@contextmanager
def held_open(stage):
    """Keep idle connections to nginx, as browsers do: while they last a drain takes seconds."""
    port = int(plain(stage.status())["origin"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as idle:
        idle.sendall(b"GET /stateless/api/products HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(10)
        yield


def servers(stage):
    return {
        f"{desk}/{each['name']}": each
        for desk, listed in plain(stage.status())["desks"].items()
        for each in listed
    }


def test_kill_is_seen_and_reported_with_its_evidence(stage, published):
    before = servers(stage)
    evidence = stage.inject(FaultKind.KILL, "A")
    assert [each.desk for each in evidence] == ["stateful", "stateless"]
    for each in evidence:
        was = before[f"{each.desk}/A"]
        assert each.pid == was["pid"] and each.signal == "SIGKILL" and each.confirmed
        assert not psutil.pid_exists(was["pid"])
    assert sorted(published.faults()) == [("kill", "stateful", "A"), ("kill", "stateless", "A")]
    last = [each for each in published.events if each["kind"] == "fault"][-1]["stack"]
    assert last["desks"]["stateful"][0]["state"] == "dead"
    with pytest.raises(LabError, match="restart it first"):
        stage.inject(FaultKind.KILL, "stateful/A")


def test_kill_waits_for_no_other_order_and_is_reported_at_once(stage, published):
    with held_open(stage):  # so that the drain takes its time
        stage.inject(FaultKind.DRAIN, "stateful/B")
        slow = threading.Thread(target=stage.add)
        slow.start()
        stage.inject(FaultKind.KILL, "stateless/B")
        death = next(each for each in published.events if each["kind"] == "fault")
        assert death["fault"] == "kill"
        assert ("add", "stateful", "C") not in published.faults()
        slow.join()
        assert ("add", "stateful", "C") in published.faults()
        assert ("drain", "stateful", "B") not in published.faults()
        # Neither is a server safe that is being drained.
        [evidence] = stage.inject(FaultKind.KILL, "stateful/B")
        assert evidence.confirmed
        wait_for(lambda: "stateful/B" not in servers(stage))
        assert ("drain", "stateful", "B") not in published.faults()


def test_paused_process_is_seen_to_stand_still(stage, published):
    done = stage.inject(FaultKind.PAUSE, "A")
    assert [each.confirmed for each in done] == [True, True]
    for each in done:
        assert psutil.Process(each.pid).status() == psutil.STATUS_STOPPED
    with pytest.raises(LabError, match="paused already: resume it"):
        stage.inject(FaultKind.PAUSE, "stateful/A")
    stage.inject(FaultKind.KILL, "stateful/A")
    assert [each.desk for each in stage.inject(FaultKind.RESUME, "A")] == ["stateless"]
    with pytest.raises(LabError, match="not paused"):
        stage.inject(FaultKind.RESUME, "stateless/B")
    assert published.faults()[-1] == ("resume", "stateless", "A")


def test_restart_is_another_life_and_a_paused_server_answers_nothing(stage, shop):
    before = servers(stage)["stateful/A"]["instance"]
    [again] = stage.inject(FaultKind.RESTART, "stateful/A")
    assert again.was == before != again.instance
    stage.inject(FaultKind.PAUSE, "stateful/A")
    assert servers(stage)["stateful/A"]["state"] == "paused"
    assert shop("stateful", "GET", "/@A/api/server").status_code == 504
    stage.inject(FaultKind.RESUME, "stateful/A")
    assert shop("stateful", "GET", "/@A/api/server").status_code == 200


def test_reset_leaves_nothing_remembered_and_exactly_the_servers_asked_for(stage, shop, published):
    assert login(shop, "stateful").status_code == 200
    stage.add("stateful")
    stage.inject(FaultKind.KILL, "stateless/B")
    stateless_a = servers(stage)["stateless/A"]["instance"]
    resets = published.resets
    stack = plain(stage.reset(servers=2))
    assert [each["name"] for each in stack["desks"]["stateful"]] == ["A", "B"]
    assert {each["state"] for each in servers(stage).values()} == {"up"}
    assert all(each["carts_remembered"] == 0 for each in servers(stage).values())
    assert shop("stateful", "GET", "/@A/api/cart").status_code == 401
    assert published.resets == resets + 1 and published.events[-1]["kind"] in ("stage", "stack")
    # It remembered nothing, so there was no reason to end it.
    assert servers(stage)["stateless/A"]["instance"] == stateless_a
    more = plain(stage.reset(servers=3))
    assert [each["name"] for each in more["desks"]["stateless"]] == ["A", "B", "C"]


def test_counts_of_carts_follow_requests_and_a_server_that_ends_by_itself_is_reported(
    opened, stage, shop, published
):
    login(shop, "stateful")
    stage.watch.touch()
    wait_for(lambda: servers(stage)["stateful/A"]["carts_remembered"] == 1)
    pid = servers(stage)["stateful/B"]["pid"]
    psutil.Process(pid).kill()
    wait_for(
        lambda: any(
            each["kind"] == "stack" and each["stack"]["desks"]["stateful"][1]["state"] == "dead"
            for each in published.events
        )
    )


def test_drain_is_begun_and_reported_when_it_is_done(stage, published):
    before = servers(stage)
    with held_open(stage):
        began = time.monotonic()
        stage.inject(FaultKind.DRAIN, "B")
        for desk in ("stateful", "stateless"):
            assert servers(stage)[f"{desk}/B"]["state"] == "draining"
        assert published.events[-1]["stack"]["desks"]["stateful"][1]["state"] == "draining"
        wait_for(lambda: len(published.faults()) == 2)
        assert time.monotonic() - began > 2  # the state above was that of a drain under way
    assert sorted(published.faults()) == [("drain", "stateful", "B"), ("drain", "stateless", "B")]
    ends = [each for each in published.events if each["kind"] == "fault"]
    for end in ends:
        was = before[f"{end['desk']}/B"]
        assert end["confirmed"] and end["evidence"]["pid"] == was["pid"]
        assert not psutil.pid_exists(was["pid"])
    assert "stateful/B" not in servers(stage)
    with pytest.raises(LabError, match="last server"):
        stage.inject(FaultKind.DRAIN, "stateful/A")
    stage.reset(servers=2)  # and it comes back under its own letter
    assert servers(stage)["stateful/B"]["state"] == "up"


def test_clean_stage_does_not_wait_for_what_is_being_drained(stage, published):
    pid = servers(stage)["stateful/B"]["pid"]
    with held_open(stage):
        stage.inject(FaultKind.DRAIN, "stateful/B")
        stage.reset(servers=2)
    assert not psutil.pid_exists(pid)
    assert servers(stage)["stateful/B"]["state"] == "up"
    wait_for(lambda: not any(each.is_alive() for each in stage._drains))
    assert published.faults() == []  # it was not waited for: then it would have been done


def test_clean_stage_keeps_servers_that_remember_nothing_and_none_that_is_paused(stage, shop):
    login(shop, "stateful", "A")
    login(shop, "stateless", "A")
    before = servers(stage)
    os.kill(before["stateless/B"]["pid"], signal.SIGSTOP)  # not by us: we think that it is up
    stage.reset()
    after = servers(stage)
    same = {name for name in before if before[name]["instance"] == after[name]["instance"]}
    assert same == {"stateful/B", "stateless/A"}
    assert all(shop("stateless", "GET", "/api/products").status_code == 200 for _ in range(4))


def test_new_store_finds_the_same_servers_under_their_letters(stage, shop):
    stage.add("stateful")
    stage.inject(FaultKind.DRAIN, "stateful/B")
    wait_for(lambda: "stateful/B" not in servers(stage))
    before = servers(stage)
    stage.change(store="file")
    after = servers(stage)
    assert (
        after.keys()
        == before.keys()
        == {f"stateful/{n}" for n in "AC"} | {f"stateless/{n}" for n in "AB"}
    )
    login(shop, "stateful", "A")
    assert shop("stateful", "GET", "/@C/api/cart").status_code == 200
    assert stage.add("stateful")[0].name == "D"
    assert shop("stateful", "GET", "/@D/api/cart").status_code == 200
    published = plain(stage.change(store="file"))  # as it is already: no server is ended for that
    assert published["desks"]["stateful"][0]["instance"] == after["stateful/A"]["instance"]


def test_refused_settings_are_undone_at_every_desk(opened, stage, shop):
    stack, _, _ = opened
    before = {name: pool.proxy_settings for name, pool in stack.pools.items()}
    bad = ProxySettings(affinity="cookie", directives=("proxy_red_timeout 1s",))
    with pytest.raises(LabError, match="proxy_red_timeout"):
        stack.apply({"stateful": ProxySettings(affinity="cookie"), "stateless": bad})
    assert {name: pool.proxy_settings for name, pool in stack.pools.items()} == before
    stack.apply(before)
    assert "Set-Cookie" not in shop("stateful", "GET", "/api/products").headers


def test_cached_answers_do_not_outlive_their_cache(opened, stage, shop):
    folder = opened[1]._settings._provisioned.folder
    stage.reset(cache="naive")
    token = login(shop, "stateless").json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    cart = shop("stateless", "GET", "/@A/api/cart", headers=bearer).content

    def kept():
        while True:  # nginx moves an answer into its cache after it was sent: then look again
            with suppress(FileNotFoundError):
                files = [path for path in folder.rglob("*") if path.is_file()]
                return any(cart in path.read_bytes() for path in files)

    wait_for(kept)  # else this shows nothing
    stage.change(cache="off")
    assert not kept()


def test_settings_change_while_it_runs(stage, shop, published):
    stage.change(affinity="cookie")
    assert "desk_affinity" in shop("stateful", "GET", "/api/products").headers["Set-Cookie"]
    stage.change(cache="naive")
    for _ in range(2):
        seen = shop("stateless", "GET", "/api/products").headers["X-Cache"]
    assert seen == "HIT"
    stage.reset(cache="naive")  # nothing old is served from a new stage's cache
    assert shop("stateless", "GET", "/api/products").headers["X-Cache"] == "MISS"
    assert ("affinity", "cookie") in published.settings()
    for bad in ({"affinity": "glue"}, {"cache": "x"}, {"store": "../etc"}, {"retry": "maybe"}):
        with pytest.raises(LabError, match="is one of"):
            stage.change(**bad)


def test_file_sessions_go_with_the_stage(stage, shop):
    stage.reset(servers=2, store="file")
    login(shop, "stateful", "A")
    assert shop("stateful", "GET", "/@B/api/cart").status_code == 200  # B reads A's file
    stage.reset()
    assert shop("stateful", "GET", "/@B/api/cart").status_code == 401


@needs_store
def test_store_is_started_when_it_is_wanted_broken_and_emptied(stage, shop, published):
    with pytest.raises(LabError, match="no store runs"):
        stage.inject(FaultKind.KILL, "store")
    stage.change(store="redis")
    assert plain(stage.status())["store"]["sessions"] == 0
    login(shop, "stateful", "A")
    assert shop("stateful", "GET", "/@B/api/cart").status_code == 200
    assert plain(stage.status())["store"]["state"] == "up"
    published.events.clear()
    stage.inject(FaultKind.PAUSE, "store")
    # Counted before the fault, and still what a store has that stands still.
    assert {each["stack"]["store"]["sessions"] for each in published.events} == {1}
    assert shop("stateful", "GET", "/@B/api/cart").status_code == 503
    stage.inject(FaultKind.RESUME, "store")
    [death] = stage.inject(FaultKind.KILL, "store")
    assert death.confirmed and plain(stage.status())["store"]["state"] == "dead"
    assert plain(stage.status())["store"]["sessions"] is None
    assert shop("stateful", "GET", "/@B/api/cart").status_code == 503
    assert shop("stateless", "GET", "/api/products").status_code == 200
    stage.reset()  # restarts it, and nothing is in it
    assert plain(stage.status())["store"]["sessions"] == 0
    pid = plain(stage.status())["store"]["pid"]
    published.events.clear()
    psutil.Process(pid).kill()  # and if it ends by itself, that is published
    wait_for(lambda: any(e["stack"]["store"]["state"] == "dead" for e in published.events))
    stage.reset()
    assert plain(stage.status())["store"]["state"] == "up"
    assert shop("stateful", "GET", "/@B/api/cart").status_code == 401
    with pytest.raises(LabError, match="no server 'store'"):
        stage.inject(FaultKind.DRAIN, "store")


@pytest.mark.parametrize("target", ["Z", "", "stateful/Z", "elsewhere/A", "<b>A</b>", "A/B/C"])
def test_unknown_server_is_refused_with_those_there_are(stage, target):
    with pytest.raises(LabError, match="stateful/A"):
        stage.inject(FaultKind.KILL, target)


@pytest.mark.parametrize("servers", [0, 9, -1])
def test_stage_has_one_to_eight_servers(stage, servers):
    with pytest.raises(LabError, match="1 to 8"):
        stage.reset(servers=servers)
