"""What a variant becomes: its processes' environment, its own secrets, its place in nginx.conf."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from lab.core.errors import LabError
from lab.evidence.exchange import Exchange, OpStatus
from lab.evidence.measurements import retried_ops
from lab.evidence.record import Record
from lab.evidence.result import Settings, Variant
from lab.experiments import provision
from lab.experiments.matrix import (
    FILE,
    MATRIX,
    MEMORY,
    MEMORY_AFFINITY,
    REDIS,
    TOKEN,
    TOKEN_DENYLIST,
    two_desks,
)
from lab.experiments.provision import ProvisionedStack
from lab.stack.access_log import AccessEntry
from lab.stack.lives import ServerLife

KEY = "STATELESS_SIGNING_KEYS"


class FakeStore:
    """Stands in for a store that the lab did not start, or for the lab's own."""

    def __init__(self, *made_with):
        self.made_with = made_with
        self.url = f"redis://127.0.0.1:{7000 + len(STORES)}/0"
        STORES.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True


STORES = []


@pytest.fixture(autouse=True)
def no_processes(monkeypatch):
    """Starts nothing: these tests look at the plan."""
    STORES.clear()
    monkeypatch.setattr(provision, "Stack", FakeStack)
    monkeypatch.setattr(provision, "LocalStore", FakeStore)
    monkeypatch.setattr(provision, "ExternalStore", FakeStore)


class FakeStack:
    def __init__(self, specs, run_dir, **how):
        self.specs = {spec.name: spec for spec in specs}
        self.how = how

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@contextmanager
def opened(folder, *variants):
    with ProvisionedStack(folder / "run", lambda _: None).open(variants) as stack:
        yield stack.specs


def plan(folder, *variants):
    with opened(folder, *variants) as specs:
        return specs


def test_each_desk_gets_where_its_carts_live_and_nothing_of_the_other(tmp_path):
    specs = plan(tmp_path, MEMORY, FILE, REDIS, TOKEN, TOKEN_DENYLIST)
    env = {name: dict(spec.env) for name, spec in specs.items()}
    folder = tmp_path / "run" / "sessions" / "file"
    assert env["memory"] == {"STATEFUL_STORE": "memory"}
    assert env["file"] == {"STATEFUL_STORE": f"file:{folder}"}
    assert env["redis"].keys() == {"STATEFUL_STORE", "STATEFUL_KEY_PREFIX"}
    assert env["redis"]["STATEFUL_STORE"] == STORES[0].url
    assert env["token"].keys() == {KEY}
    assert env["token-denylist"].keys() == {KEY, "VARIANT_STORE", "VARIANT_KEY_PREFIX"}
    assert specs["token"].app == "stateless_app"
    assert specs["token-denylist"].app == "lab.variants.denylist"


def test_variants_of_one_store_share_its_process_and_no_key(tmp_path):
    specs = plan(tmp_path, REDIS, replace(REDIS, name="again"), TOKEN_DENYLIST)
    assert len(STORES) == 1
    prefixes = [
        specs["redis"].env["STATEFUL_KEY_PREFIX"],
        specs["again"].env["STATEFUL_KEY_PREFIX"],
        specs["token-denylist"].env["VARIANT_KEY_PREFIX"],
    ]
    for prefix in prefixes:
        assert prefix.startswith("two-desks:")
        assert prefix.endswith(":")
        assert not any(other != prefix and other.startswith(prefix) for other in prefixes)


def test_store_that_persists_is_another_than_one_that_does_not(tmp_path):
    plan(tmp_path, REDIS, replace(REDIS, name="kept", persistence=True))
    assert [store.made_with[1] for store in STORES] == [False, True]
    assert len({store.made_with[0] for store in STORES}) == 2


def test_store_by_url_is_used_as_it_is(tmp_path):
    url = "redis://:s3cret@db.example:6379/1"
    plan(tmp_path, *two_desks(Settings(store=url)))
    assert [store.made_with for store in STORES] == [(url,)]


def test_plain_token_needs_no_store_whatever_the_setting_says(tmp_path):
    (_, token) = two_desks(Settings(store="redis"))
    specs = plan(tmp_path, token)
    assert STORES == []
    assert specs["stateless"].env.keys() == {KEY}


def test_every_run_has_keys_and_a_prefix_of_its_own(tmp_path):
    first = plan(tmp_path / "1", TOKEN, REDIS)
    second = plan(tmp_path / "2", TOKEN, REDIS)
    assert first["token"].env[KEY] != second["token"].env[KEY]
    assert len(first["token"].env[KEY].encode()) >= 32
    prefix = "STATEFUL_KEY_PREFIX"
    assert first["redis"].env[prefix] != second["redis"].env[prefix]


def test_settings_reach_the_variant(tmp_path):
    settings = Settings(servers=5, affinity="cookie", retry="on")
    spec = plan(tmp_path, replace(MEMORY_AFFINITY, settings=settings))["memory-affinity"]
    assert (spec.servers, spec.affinity, spec.retry) == (5, "cookie", "on")


@pytest.mark.parametrize("variant", MATRIX, ids=lambda v: v.name)
def test_every_place_of_the_matrix_can_be_a_variant(tmp_path, variant):
    assert plan(tmp_path, variant)[variant.name].servers == 3


FILLED = Variant(
    "mine",
    "stateless",
    env={"A": "{folder}/x", "B": "{key}", "C": "{other_key},{key}", "D": "as it is"},
    server_env={"B": {KEY: "{other_key}"}},
    directives=("proxy_cache_path {folder}/cache",),
    http_directives=("map $x $y {{ default 1; }}",),
)


def test_placeholders_are_filled_everywhere(tmp_path):
    spec = plan(tmp_path, FILLED)["mine"]
    folder, key = str((tmp_path / "run").absolute()), spec.env[KEY]
    other = spec.server_env["B"][KEY]
    assert spec.env["A"] == f"{folder}/x"
    assert spec.env["B"] == key
    assert spec.env["C"] == f"{other},{key}"
    assert spec.env["D"] == "as it is"
    assert key != other
    assert len(other.encode()) >= 32
    assert spec.directives == (f"proxy_cache_path {folder}/cache",)
    assert spec.http_directives == ("map $x $y { default 1; }",)


def test_variants_own_environment_wins(tmp_path):
    spec = plan(tmp_path, replace(TOKEN, env={KEY: "{other_key},{key}"}))["token"]
    assert spec.env[KEY].count(",") == 1


@pytest.mark.parametrize(
    "text",
    ["{", "}", "{}", "{0}", "{nope}", "{secret}", "{key", "{key.nope}", "{key[x]}", "{folder:%}",
     "location / { return 200; }", "{key!x}"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["env", "server_env", "directives", "http_directives"])
def test_unknown_placeholder_is_refused_and_the_right_ones_named(tmp_path, text, where):
    value = {
        "env": {"A": text},
        "server_env": {"A": {"A": text}},
        "directives": (text,),
        "http_directives": (text,),
    }[where]
    with pytest.raises(LabError, match=r"placeholders are \{folder\}, \{key\}, \{other_key\}"):
        plan(tmp_path, replace(TOKEN, **{where: value}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../x"},
        {"name": "A b"},
        {"name": ""},
        {"settings": Settings(servers=0)},
        {"settings": Settings(servers=27)},
        {"settings": Settings(affinity="ip")},
        {"settings": Settings(retry="always")},
        {"module": "os; rm"},
        {"module": "-c"},
    ],
)
def test_impossible_variant_is_refused_and_the_stores_are_closed(tmp_path, wrong):
    with pytest.raises(LabError):
        plan(tmp_path, REDIS, replace(TOKEN, **wrong))
    assert [store.closed for store in STORES] == [True]


# The second witness: what nginx wrote, held against what the client saw.


class FakeLog:
    malformed = 0

    def __init__(self, *lines):
        self.lines = lines

    def wait_for(self, ops, deadline_s):
        self.waited_for = set(ops)

    def entries(self):
        return [entry(op, upstream) for op, upstream in self.lines]


def entry(op, upstream="127.0.0.1:1"):
    return AccessEntry(op, "GET", "/x", 200, upstream, "200", "A", "i", "r", 0.0, 1, 1, 0.0)


def checked(tmp_path, log, retry="off", directives=(), sent=("token-1", "token-2"), lives=None):
    record = Record("token")
    for op in sent:
        record.append(
            Exchange(op, "John", "GET", "/x", None, 0.0, 1.0, 200, OpStatus.OK, {}, b"", {}, b"")
        )
    provisioned = ProvisionedStack(tmp_path / "run", lambda _: None)
    variant = replace(TOKEN, settings=Settings(retry=retry), directives=directives)
    with provisioned.open([variant]) as stack:
        spec = stack.specs["token"]
        pool = {"spec": spec, "retry": spec.retry, "lives": staticmethod(lambda: lives)}
        stack.pools = {"token": type("Pool", (), pool)}
        stack.access = log
        return provisioned.cross_check(record)


ONE, TWO = "127.0.0.1:1", "127.0.0.1:1, 127.0.0.1:2"


def test_client_and_balancer_agree(tmp_path):
    log = FakeLog(("token-1", ONE), ("token-2", ONE), ("another-variant-1", TWO), ("", ONE))
    assert checked(tmp_path, log) is None
    assert log.waited_for == {"token-1", "token-2"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([("token-1", ONE)], "1 request missing, 0 logged more than once (token-2"),
        ([], "2 requests missing"),
        ([("token-1", ONE), ("token-2", ONE), ("token-2", ONE)], "1 logged more than once"),
    ],
)
def test_disagreement_is_reported_with_the_operations(tmp_path, lines, words):
    assert words in checked(tmp_path, FakeLog(*lines))


def test_answer_by_no_process_of_the_lab_is_reported_unless_the_lab_started_none(tmp_path):
    log = FakeLog(("token-1", ONE), ("token-2", ONE))
    own, other = ServerLife("A", "i", ONE), ServerLife("A", "another", ONE)
    log.entries = lambda: [replace(entry(op, up), path="/token/x") for op, up in log.lines]
    assert checked(tmp_path, log, lives=[own]) is None
    assert "a process the lab did not start" in checked(tmp_path, log, lives=[other])
    assert checked(tmp_path, log, lives=None) is None  # a deployment: its processes are not known
    log.entries = lambda: [replace(entry(op, up), path="/another/x") for op, up in log.lines]
    assert checked(tmp_path, log, lives=[other]) is None  # of another variant


def test_lines_that_cannot_be_read_are_reported(tmp_path):
    log = FakeLog(("token-1", ONE), ("token-2", ONE))
    log.malformed = 2
    assert "2 lines of the load balancer's log could not be read" in checked(tmp_path, log)


def test_retry_in_spite_of_the_setting_is_reported(tmp_path):
    log = FakeLog(("token-1", ONE), ("token-2", TWO))
    reported = checked(tmp_path, log)
    assert reported == "the load balancer asked a second server, with retries off (token-2 …)"
    assert checked(tmp_path, log, retry="on") is None
    own = ("proxy_next_upstream error timeout non_idempotent",)
    assert checked(tmp_path, log, directives=own) is None


def test_retry_is_seen_in_the_log():
    assert retried_ops({"b": TWO, "a": TWO, "c": ONE, "d": "", "e": "-"}) == ["a", "b"]
