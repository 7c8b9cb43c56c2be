"""The stage's pure parts: settings, caches, the watch. What needs processes is in tests/live."""

import threading
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import wait_for

from lab.console import settings, stack_status
from lab.console.chapter_changes import ChapterChanges
from lab.console.fault_targets import targets
from lab.console.playground import Playground
from lab.console.settings import Cache, checked, console_variants
from lab.console.stack_state import MOST_PAGE_SERVERS, StackState
from lab.console.stack_status import StackStatus
from lab.core.errors import LabError
from lab.core.faults import FaultKind
from lab.evidence.result import Settings
from lab.experiments.provision import ProvisionedStack
from lab.processes.waiting import at_once
from lab.stack.pool_spec import PoolSpec
from lab.stack.programs import Program
from lab.stack.server import SIGNING_KEYS

# Settings


def test_settings_that_are_not_named_stay():
    assert checked({"affinity": None, "retry": "on", "cache": None}) == {"retry": "on"}


@pytest.mark.parametrize("name", settings.ALL_SETTINGS)
@pytest.mark.parametrize("value", ["", "ON", "none; }", "redis://db.example", "\u0000", "cookie "])
def test_wrong_value_is_refused_with_the_right_ones(name, value):
    allowed = settings.ALL_SETTINGS[name]
    with pytest.raises(LabError, match=f"{name} is one of {', '.join(allowed)}"):
        checked({name: value})


@pytest.mark.parametrize("name", ["", "servers", "__class__", "x" * 9000])
def test_unknown_setting_is_refused(name):
    with pytest.raises(LabError, match=r"no setting .* there are affinity") as caught:
        checked({name: "on"})
    assert len(str(caught.value)) < 200


def test_redis_needs_a_store_to_be_found(monkeypatch):
    monkeypatch.setattr(settings, "find_store", lambda: None)
    with pytest.raises(LabError, match="lab doctor"):
        checked({"store": "redis"})


def test_paused_server_shows_within_a_second_at_both_desks_whatever_the_cache():
    assert all("proxy_read_timeout 1s" in each.directives for each in console_variants(Settings()))
    for kind in settings.SETTINGS["cache"]:
        assert (
            "proxy_read_timeout 1s" in Cache(kind).proxy_settings(Settings(), "stateful").directives
        )


# What a chapter changes


KEYS = ("the-first-key", "the-second-key")


def test_chapter_changes_are_the_usual_ones_unless_a_stage_names_them():
    settings = {"affinity": "none", "prices": "reduced"}
    changes = ChapterChanges.taken_from(settings)
    assert settings == {"affinity": "none"}
    assert changes.unusual() == {"prices": "reduced"}
    assert ChapterChanges.taken_from({}).unusual() == {}


def test_new_price_list_concerns_both_desks_and_a_key_the_stateless_one_only():
    usual = ChapterChanges()
    assert usual.desks(usual) == []
    assert ChapterChanges(prices="reduced").desks(usual) == ["stateful", "stateless"]
    assert ChapterChanges(key="second").desks(usual) == ["stateless"]
    assert ChapterChanges(token="prices").desks(usual) == ["stateless"]


def test_chapter_changes_become_the_environment_and_the_module_of_a_server():
    changes = ChapterChanges(token="prices", prices="reduced", key="second")
    assert changes.env("stateful", KEYS) == {"SHOP_PRICES": "laptop=99900"}
    assert changes.env("stateless", KEYS)[SIGNING_KEYS] == KEYS[1]
    assert changes.app("stateful") == "stateful_app"
    assert changes.app("stateless") == "lab.variants.price_in_token"
    # And back: what was changed is named, so that it is undone.
    assert ChapterChanges().env("stateless", KEYS) == {
        "SHOP_PRICES": "laptop=129900",
        SIGNING_KEYS: KEYS[0],
    }
    assert ChapterChanges().app("stateless") == "stateless_app"


# Targets

A, B = ("stateful", "A"), ("stateless", "A")


@pytest.mark.parametrize(
    ("target", "kind", "states", "expected"),
    [
        ("A", "kill", {A: "up", B: "up"}, [A, B]),
        ("stateless/A", "kill", {A: "up", B: "up"}, [B]),
        ("A", "restart", {A: "up", B: "starting"}, [A]),  # it does not apply to the other
        ("A", "kill", {A: "dead", B: "dead"}, [A, B]),  # the fault itself says why not
        ("store", "pause", {}, [("stateful", "store")]),
    ],
)
def test_targets_are_the_servers_that_a_fault_applies_to(target, kind, states, expected):
    assert targets(target, FaultKind(kind), states) == expected


@pytest.mark.parametrize(
    ("target", "kind", "why"),
    [
        *(
            (name, "kill", "there are stateful/A, stateless/A")
            for name in ("B", "", "/", "x" * 999)
        ),
        ("stateful/A", "pause", "stateful/A is paused already: resume it"),
        ("stateless/A", "resume", "stateless/A is not paused: it runs"),
    ],
)
def test_target_that_cannot_be_is_refused_with_what_there_is(target, kind, why):
    with pytest.raises(LabError, match=why) as caught:
        targets(target, FaultKind(kind), {A: "paused", B: "up"})
    assert len(str(caught.value)) < 200


# Caches


def test_cache_is_another_one_each_time_and_for_each_desk():
    first = Cache().anew("naive")
    zones = {each.zone(desk) for each in (first, first.anew("naive")) for desk in ("a", "b")}
    assert len(zones) == 4
    how = first.proxy_settings(Settings(affinity="cookie", retry="on"), "stateful")
    assert (how.affinity, how.retry) == ("cookie", "on")
    assert f"proxy_cache {first.zone('stateful')}" in how.directives
    assert first.zone("stateful") in how.http_directives[0]
    # What goes into nginx.conf must be something that a pool accepts.
    PoolSpec("stateful", "stateful_app", directives=how.directives)


def test_naive_cache_ignores_headers_and_an_obedient_one_does_not():
    said = {
        kind: " ".join(Cache(kind).proxy_settings(Settings(), "x").directives)
        for kind in settings.CACHES
    }
    assert "X-Cache" in said["naive"] and "X-Cache" in said["obedient"]
    assert "proxy_ignore_headers" in said["naive"]
    assert "proxy_ignore_headers" not in said["obedient"]
    assert "proxy_cache" not in " ".join(Cache().proxy_settings(Settings(), "x").directives)


def test_earlier_caches_are_removed_and_nothing_else(tmp_path):
    now = Cache("naive", 12)
    for name in ("cache1-stateful", "cache2-stateless", now.zone("stateful"), "sessions", "logs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("a token")
    now.wipe_others(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {"cache12-stateful", "sessions", "logs"}
    now.anew("off").wipe_others(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {"sessions", "logs"}


# What a stack forgets


class Kept:
    """A store that the lab did not start."""

    def __init__(self):
        self.forgotten = []

    def forget(self, prefix):
        self.forgotten.append(prefix)


def test_external_store_loses_only_this_desks_keys(tmp_path):
    url = "redis://db.example:6379/0"
    stateful = console_variants(Settings(store=url))[0]
    provisioned = ProvisionedStack(tmp_path)
    store = provisioned._stores[url, False] = Kept()
    provisioned.forget(stateful)
    [prefix] = store.forgotten
    assert prefix.startswith("two-desks:") and prefix.endswith(":stateful:")


def test_files_of_a_run_lose_only_this_desks_sessions(tmp_path):
    for desk in ("stateful", "other"):
        (tmp_path / "sessions" / desk).mkdir(parents=True)
    ProvisionedStack(tmp_path).forget(console_variants(Settings(store="file"))[0])
    assert [each.name for each in (tmp_path / "sessions").iterdir()] == ["other"]


def test_store_that_was_not_started_yet_is_none(tmp_path):
    assert ProvisionedStack(tmp_path).store_of(console_variants(Settings(store="redis"))[0]) is None


@pytest.mark.parametrize("target", ["valkey-server", "redis-server"])
def test_program_is_called_what_it_is_not_what_the_link_to_it_is(tmp_path, target):
    (tmp_path / target).touch()
    link = tmp_path / "bin"
    link.mkdir()
    (link / "redis-server").symlink_to(tmp_path / target)
    title = Program(Path(link / "redis-server"), "8.1.8", "PATH").title
    assert title == f"{target.split('-')[0].capitalize()} 8.1.8"


def test_function_at_once_runs_all_before_it_raises():
    done = []
    together = threading.Barrier(3, timeout=60)

    def act(item):
        together.wait()  # so they really are under way at the same time
        if item == 1:
            raise LabError("the first")
        done.append(item)

    with pytest.raises(LabError, match="the first"):
        at_once(act, [1, 2, 3])
    assert sorted(done) == [2, 3]
    assert at_once(str, []) == []


# The watch


class Server:
    """A server as the status sees it."""

    def __init__(self, name, state="up", ready=True):
        self.name, self.state, self.ready = name, state, ready
        self.port, self.pid, self.instance = ord(name), 1000 + ord(name), f"life-{name}"


class Desk:
    """Two desks of fake servers, and a count of the questions they were asked."""

    def __init__(self, monkeypatch, **servers):
        self.servers = {name: Server(name, **how) for name, how in servers.items()}
        self.carts = dict.fromkeys(self.servers, 0)
        self.asked = []
        self.shown = []
        self.looks = 0
        pool = SimpleNamespace(name="stateful", servers=self.servers)
        self.draining = {}
        self.kept = None  # what the store says of itself
        monkeypatch.setattr(stack_status, "server_info", self.info)
        draining = {"stateful": self.draining}
        self.watch = StackStatus(
            {"stateful": pool}, draining, self.look, lambda: self.report(), lambda: self.kept
        )

    def look(self):
        self.looks += 1
        return StackState("", self.watch.servers())

    def report(self):
        self.watch.shown = self.look()
        self.shown.append(self.watch.shown.desks["stateful"])

    def info(self, port, timeout_s):
        name = chr(port)
        self.asked.append(name)
        server = self.servers[name]
        return {"instance": server.instance, "carts_remembered": self.carts[name]}


def test_server_more_than_the_page_shows_is_refused_with_the_real_count():
    pools = {
        desk: SimpleNamespace(servers=dict.fromkeys(range(MOST_PAGE_SERVERS + more)))
        for desk, more in (("stateful", -1), ("stateless", 1))
    }
    full = SimpleNamespace(_pools=pools, _order=nullcontext(), _most_servers=MOST_PAGE_SERVERS)
    with pytest.raises(LabError, match=r"stateless desk has 9 servers.*8 at most: drain one"):
        Playground.add(full)


def test_watch_asks_servers_that_are_up_and_counts_one_life(monkeypatch):
    desk = Desk(monkeypatch, A={}, B={"state": "paused"}, C={"state": "dead"}, D={"ready": False})
    desk.carts["A"] = 3
    desk.watch.ask()
    assert desk.asked == ["A"]
    seen = {each.name: each for each in desk.watch.servers()["stateful"]}
    assert seen["A"].carts_remembered == 3
    assert seen["B"].carts_remembered is None
    assert (seen["C"].pid, seen["C"].instance) == (None, None)
    assert {name: each.state for name, each in seen.items()} == {
        "A": "up", "B": "paused", "C": "dead", "D": "starting",
    }  # fmt: skip
    desk.servers["A"].state = "paused"  # what it held before it froze, it holds
    desk.watch.ask()
    assert desk.watch.servers()["stateful"][0].carts_remembered == 3
    desk.servers["A"].instance = "another life"
    assert desk.watch.servers()["stateful"][0].carts_remembered is None


def test_watch_keeps_the_count_of_a_store_that_says_nothing_and_of_one_life(monkeypatch):
    desk = Desk(monkeypatch, A={})
    seen = []
    for desk.kept in (None, (7, 3), None, (8, 0)):
        desk.watch.ask()
        seen.append(desk.watch.sessions)
    assert seen == [{}, {7: 3}, {7: 3}, {8: 0}]


def test_server_that_is_drained_is_shown_until_it_is_gone(monkeypatch):
    desk = Desk(monkeypatch, A={}, C={})
    gone = desk.draining["B"] = Server("B")
    assert [(each.name, each.state) for each in desk.watch.servers()["stateful"]] == [
        ("A", "up"), ("B", "draining"), ("C", "up"),
    ]  # fmt: skip
    gone.state = "dead"
    assert desk.watch.servers()["stateful"][1].state == "dead"


def test_watch_asks_and_publishes_nothing_until_something_changes(monkeypatch):
    monkeypatch.setattr(stack_status, "PERIOD_S", 0.02)
    monkeypatch.setattr(stack_status, "SETTLE_S", 0.001)
    desk = Desk(monkeypatch, A={}, B={})
    desk.watch.start()
    try:
        wait_for(lambda: desk.looks >= 5)
        assert desk.shown == [] and desk.asked == []
        desk.servers["B"].state = "dead"
        wait_for(lambda: desk.shown)
        assert desk.shown[-1][1].state == "dead" and desk.asked == []
        desk.carts["A"] = 1
        desk.watch.touch()
        wait_for(lambda: desk.shown[-1][0].carts_remembered == 1)
        assert desk.asked == ["A"]
    finally:
        desk.watch.close()
    assert not desk.watch._thread.is_alive()  # so nothing is published any more


def test_servers_are_asked_once_a_period_however_many_requests_pass(monkeypatch):
    monkeypatch.setattr(stack_status, "PERIOD_S", 600)
    monkeypatch.setattr(stack_status, "SETTLE_S", 0.01)
    desk = Desk(monkeypatch, A={})
    desk.watch.start()
    desk.watch.touch()
    wait_for(lambda: desk.asked)
    for _ in range(1000):
        desk.watch.touch()
    desk.watch.close()
    assert desk.asked == ["A"]


def test_request_that_passes_in_the_pause_is_asked_about_after_it(monkeypatch):
    monkeypatch.setattr(stack_status, "PERIOD_S", 0.02)
    monkeypatch.setattr(stack_status, "SETTLE_S", 0.001)
    desk = Desk(monkeypatch, A={})
    desk.watch.start()
    for number in range(1, 4):
        desk.watch.touch()
        wait_for(lambda number=number: len(desk.asked) >= number)
    desk.watch.close()
