"""`lab check` on services whose state lives in many places: the verdict, and the proof."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.stack import LocalStore, find_store

SERVICES = Path(__file__).parent / "services"
CART = """
def script(http):
    http.post("/login", json={"user": "ada"})
    http.get("/cart")
    http.post("/cart", json={"item": "pen"})
    http.get("/cart")
"""
TOKEN = """
def script(http):
    def me(answer):
        return {"Authorization": "Bearer " + answer.json()["token"]}

    here = http.post("/login", json={"user": "ada"})
    more = http.post("/cart", json={"item": "pen"}, headers=me(here))
    http.get("/cart", headers=me(here))
    http.get("/cart", headers=me(more) if "token" in more.text else me(here))
"""
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the services are started as on POSIX")


class Checked:
    """One `lab check`: how it ended, and its report."""

    def __init__(self, ended):
        self.status, self.out, self.err = ended.status, ended.out, ended.err
        self.report = json.loads(ended.out) if ended.out.startswith("{") else {}
        self.verdict = self.report.get("verdict")
        self.because = self.report.get("because", "")

    def call(self, number):
        return self.report["calls"][number - 1]


@pytest.fixture
def check(lab_here):
    """check(script, start, …): run `lab check --json` in a fresh folder."""

    def run(script, start, *more, env=None):
        path = lab_here.write("talk.py", script)
        return Checked(lab_here("check", "--start", start, "--json", path, *more, env=env))

    return run


def shop(name):
    """The command that starts one of the small shops."""
    return f'{sys.executable} -m flask --app "{SERVICES / "shops.py"}:{name}()" run --port {{port}}'


def test_a_cart_in_the_process_is_found_and_the_script_is_minimal(check):
    talk = CART.replace("    http.get", '    http.get("/products")\n    http.get', 1)
    seen = check(talk, shop("memory"))
    assert seen.status == 1 and seen.verdict == "state in the process", seen.report
    assert seen.call(2)["verdict"] == "self-contained"  # the products
    assert seen.report["shortest"]["calls"] == [1, 3]
    assert seen.report["shortest"]["confirmed"] == 3
    assert seen.report["shortest"]["differences"][0]["seen"] == "401"
    assert seen.call(5)["needs"] is None or 1 in seen.call(5)["needs"]


@pytest.mark.parametrize(
    ("service", "talk", "verdict"),
    [
        ("signed_cookie", CART, "self-contained"),
        ("per_process_key", CART, "state in the process"),
        ("bearer", TOKEN, "self-contained"),
        ("opaque_token", TOKEN, "state in the process"),
        ("random_ids", TOKEN, "self-contained"),
    ],
)
def test_where_the_cart_is(check, service, talk, verdict):
    seen = check(talk, shop(service))
    assert seen.verdict == verdict, seen.report
    assert seen.status == (0 if verdict == "self-contained" else 1)
    if service == "random_ids":
        assert seen.report["varies"]["1"] == ["/nonce", "/request"]


def test_a_cache_that_is_only_a_cache_is_no_state(check):
    talk = TOKEN + '    http.get("/products/pen")\n    http.get("/products/pen")\n'
    seen = check(talk, shop("cache_only"))
    assert seen.verdict == "self-contained", seen.report
    told = check(talk, shop("cache_only"), "--header", "X-Cache")
    assert told.verdict == "state in the process"
    assert told.call(6)["differences"][0]["where"] == "header:x-cache"


def test_a_rate_limiter_is_said_and_not_counted(check):
    talk = TOKEN + '    http.get("/cart", headers=me(more))\n' * 3
    seen = check(talk, shop("rate_limited"))
    assert seen.verdict == "self-contained", seen.report
    assert any("429" in note for note in seen.report["notes"])


def test_files_need_a_reset_and_then_are_a_backing_service(check, lab_here):
    talk = 'def script(http):\n    http.post("/visits")\n    http.get("/visits")\n'
    (lab_here.folder / "counter.txt").write_text("0")
    reset = "echo 0 > counter.txt"
    without = check(talk, shop("counter_file"))
    assert without.status == 3 and without.verdict == "unknown", without.report
    seen = check(talk, shop("counter_file"), "--reset", reset)
    assert seen.verdict == "state in a backing service" and seen.status == 1, seen.report
    assert seen.report["shortest"]["calls"] == [1, 2] and seen.report["shortest"]["wiped"]
    allowed = check(talk, shop("counter_file"), "--reset", reset, "--allow", "backing-service")
    assert allowed.status == 0


@pytest.mark.parametrize(
    ("service", "talk", "reset"),
    [
        ("session_file", CART, "rm -rf sessions"),
        (
            "sqlite",
            'def script(http):\n    made = http.post("/notes", json={"text": "hi"}).json()["id"]\n'
            '    http.get(f"/notes/{made}")\n',
            "rm -f notes.db",
        ),
    ],
)
def test_what_is_on_disk_is_a_backing_service(check, service, talk, reset):
    seen = check(talk, shop(service), "--reset", reset)
    assert seen.verdict == "state in a backing service", seen.report


def test_an_idempotency_key_is_state_of_the_process(check):
    order = '    http.post("/orders", json={"item": "pen"}, headers={"Idempotency-Key": "k1"})\n'
    seen = check("def script(http):\n" + order * 2, shop("idempotency"))
    assert seen.verdict == "state in the process", seen.report
    assert seen.report["shortest"]["calls"] == [1, 2]


def test_without_a_dependent_answer_nothing_is_concluded(check):
    seen = check('def script(http):\n    http.get("/products")\n', shop("nothing"))
    assert seen.status == 3 and "depends on an earlier request" in seen.because


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on PATH")
def test_a_service_in_another_language(check):
    talk = 'def script(http):\n    http.post("/visits")\n    http.get("/visits")\n'
    seen = check(talk, f"node {SERVICES / 'shop.js'}", "--env", "PORT={port}")
    assert seen.verdict == "state in the process", seen.report


@pytest.mark.skipif(find_store() is None, reason="no Valkey or Redis here: `lab doctor`")
def test_sessions_in_a_store_are_a_backing_service(check, tmp_path):
    with LocalStore(tmp_path / "store") as store:
        flush = (
            f'{sys.executable} -c "import os, redis; '
            "redis.Redis.from_url(os.environ['STORE_URL']).flushall()\""
        )
        environment = {"STORE_URL": store.url}  # of the test's own store
        seen = check(CART, shop("session_store"), "--reset", flush, env=environment)
        assert seen.verdict == "state in a backing service", seen.report
        without = check(CART, shop("session_store"), env=environment)
        assert without.verdict == "unknown" and "it talks to 127.0.0.1" in without.because


DESK = """
def script(http):
    token = None

    def say(method, path, **how):
        nonlocal token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = http.request(method, path, headers=headers, **how)
        if answer.ok and "token" in answer.text:
            token = answer.json()["token"]

    say("POST", "/api/login", json={"user_id": "7", "name": "Ada"})
    say("POST", "/api/cart/items", json={"sku": "pen", "quantity": 2})
    say("GET", "/api/cart")
    say("POST", "/api/checkout")
"""


def desk(app):
    return f"{sys.executable} -m {app} --port {{port}}"


def test_our_own_desks(check):
    ready = ("--ready", "/api/server")
    stateful = check(DESK, desk("stateful_app"), *ready)
    assert stateful.verdict == "state in the process", stateful.report
    keys = {"STATELESS_SIGNING_KEYS": "k" * 40}
    stateless = check(DESK, desk("stateless_app"), *ready, "--explain", env=keys)
    assert stateless.verdict == "self-contained", stateless.report
    alone = check(DESK, desk("stateless_app"), *ready)  # each process makes a key of its own
    assert alone.verdict == "state in the process"


@pytest.mark.skipif(find_store() is None, reason="no Valkey or Redis here: `lab doctor`")
def test_our_own_desk_with_a_store(check, tmp_path):
    with LocalStore(tmp_path / "store") as store:
        flush = (
            f'{sys.executable} -c "import os, redis; '
            "redis.Redis.from_url(os.environ['STATEFUL_STORE']).flushall()\""
        )
        environment = {"STATEFUL_STORE": store.url}
        more = ("--ready", "/api/server", "--reset", flush)
        seen = check(DESK, desk("stateful_app"), *more, env=environment)
        assert seen.verdict == "state in a backing service", seen.report


def odd(kind):
    return f"{sys.executable} {SERVICES / 'odd.py'} {kind} {{port}}"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("dies", "cannot start"),
        ("elsewhere", "listens on port"),
        ("hangs", "answers nothing"),
        ("silent", "did not listen"),
    ],
)
def test_a_service_that_does_not_start_is_told_as_such(lab_here, kind, said):
    path = lab_here.write("talk.py", CART)
    ended = lab_here("check", "--start", odd(kind), path, "--wait", "2")
    assert ended.status == 2 and said in ended.err, ended
    lab_here.assert_nothing_left()


def test_several_workers_are_found_and_said(check):
    talk = 'def script(http):\n    http.post("/v")\n' + '    http.get("/v")\n' * 3
    seen = check(talk, odd("workers"))
    assert seen.status in (1, 3), seen.report
    told = seen.because + " ".join(seen.report["notes"])
    assert "4 processes" in told, told


def test_a_slow_start_is_waited_for_and_children_are_ended(check, lab_here):
    talk = 'def script(http):\n    http.post("/v")\n    http.get("/v")\n'
    seen = check(talk, odd("children"))
    assert seen.verdict == "state in the process", seen.report
    lab_here.assert_nothing_left()


def test_the_curl_lines_run_and_show_it(lab_here, tmp_path):
    path = lab_here.write("talk.py", CART)
    ended = lab_here("check", "--start", shop("memory"), path, "--junit", "check.xml", "--explain")
    assert ended.status == 1, ended
    lines = ended.out[ended.out.index("PORT=") : ended.out.index("\nstop\n") + 6]
    shown = subprocess.run(
        ["bash", "-c", lines.replace("PORT=8099", "PORT=28099")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert " 401 " in shown.stdout, (lines, shown)
    assert "lab run crash" in ended.out.replace("\n", " ")  # what could be done about it
    suite = ElementTree.parse(lab_here.folder / "check.xml").getroot()
    assert int(suite.get("failures")) == 3 and suite.get("tests") == "4"


def test_a_bound_gives_what_is_known(check):
    seen = check(CART, shop("memory"), "--max-requests", "20")
    assert seen.report["partial"] and any("--max-requests" in n for n in seen.report["notes"])


def test_a_broken_service_is_noted(check):
    seen = check(CART, shop("broken"))
    assert seen.status == 3, seen.report
