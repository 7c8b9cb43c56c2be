"""`lab crowd` for real: real shoppers, real deaths, and every cart accounted for."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from conftest import wait_for

from lab.core.faults import FaultKind
from lab.core.op_key import KEY_VARIABLE
from lab.crowd.crowd_run import run_crowd
from lab.crowd.journal import COLUMNS
from lab.crowd.load_profile import LoadProfile
from lab.crowd.selftest import FREEZE_FROM_S, FREEZE_TO_S, LEAST_SHARE
from lab.crowd.timetable import PlannedFault
from lab.evidence.record import Record
from lab.evidence.result import Settings, Variant
from lab.experiments.provision import ProvisionedStack
from lab.experiments.script_api import Lab
from lab.experiments.script_crowd import crowd_target
from lab.processes.ports import free_ports, is_open
from lab.stack.programs import find_store

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
EDGE_S = 0.1
DEADLINE_S = 90
SHOPPER_BYTES = 45_000
"""33 kB were measured, the interpreter's share of 5,000 in it; exchanges kept are 10 kB more."""
VISIT = """
def script(shopper, lab):
    shopper.login()
    shopper.add("laptop")
"""
BRIEF = ("--threads", "--servers", "1", "--shoppers", "4", "--rate", "20/s", "--for", "1s")


def carts_of(document):
    return {each["variant"]: each["carts"] for each in document["crowds"]}


def only_about_the_generator(document):
    """Return True if there is no other doubt: a busy machine makes the generator late."""
    doubts = [doubt for each in document["crowds"] for doubt in each["doubts"]]
    return all(doubt["kind"].startswith("generator") for doubt in doubts)


def rows(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# --- threads: what was lost, and what is written down of it

SPY = """
from pathlib import Path

from lab.crowd.scenarios import shopping


def script(shopper, lab):
    shopping.script(shopper, lab)
    values = [cookie.value for cookie in shopper.transport.cookies] + [shopper.token or ""]
    with Path(__file__).with_name("spied.txt").open("a") as file:
        file.write("".join(f"{value}\\n" for value in values if len(value) > 20))
"""


@pytest.fixture(scope="module")
def crashed(shared_lab):
    """A crowd of threads, at both desks, that loses a server and gets it back.

    Each shopper sends a request every 0.3 s, and begins anew after seven. They are out of step,
    so when the server dies there are full carts, empty ones, and none.
    """
    ended = shared_lab(
        *("crowd", shared_lab.write("spy.py", SPY), "--threads", "--shoppers", "15"),
        *("--rate", "50/s", "--for", "8s", "--warm-up", "500ms", "--affinity", "cookie"),
        *("--kill", "B@5s", "--restart", "B@6s", "--json"),
    )
    assert ended.status in (0, 3), ended
    document = json.loads(ended.out)
    assert only_about_the_generator(document), ended
    return document, shared_lab.runs / "latest"


def test_carts_lost_are_those_of_the_server_that_died(crashed):
    carts = carts_of(crashed[0])
    lost = carts["stateful"]
    assert lost["predicted_lost"] == lost["predicted_and_lost"] > 0
    assert 0 <= lost["lost"] - lost["predicted_lost"] <= lost["at_the_edge"]
    assert carts["stateless"]["lost"] == carts["stateless"]["predicted_lost"] == 0
    for each in carts.values():
        assert (each["differing"], each["wrong"], each["duplicated"]) == (0, 0, 0)
        assert each["kept"] > 0
    for each in crashed[0]["crowds"]:
        assert [mark["kind"] for mark in each["timetable"]] == ["kill", "restart"]


@pytest.mark.parametrize("variant", ["stateful", "stateless"])
def test_losses_can_be_computed_again_from_the_files_of_the_run(crashed, variant):
    (result,) = [each for each in crashed[0]["crowds"] if each["variant"] == variant]
    iterations = rows(crashed[1] / f"crowd-{variant}-1" / "iterations.jsonl")
    exchanges = rows(crashed[1] / f"crowd-{variant}-1" / "exchanges-0.jsonl")
    assert len(iterations) == result["carts"]["settled"]
    homes = {}
    for _, who, method, path, _, _, _, _, _, outcome, _, instance, _, _ in exchanges:
        if method == "POST" and outcome == "ok" and path != "/api/logout":
            homes[who] = instance
    assert {who: home for who, home, *_ in iterations if home} == homes
    killed_s = result["timetable"][0]["done_at_s"] + 0.5  # the warm-up
    dead = {row[11] for row in exchanges if row[10] == "B" and row[5] < killed_s - 1}
    assert len(dead) == 1
    after = killed_s + EDGE_S
    had_to = {who for who, home, at_s, *_ in iterations if {home} == dead and at_s > after}
    lost = {who: home for who, home, _, fate, *_ in iterations if fate == "lost"}
    at_the_edge = result["carts"]["at_the_edge"]
    assert had_to
    assert len(lost.keys() & had_to) >= result["carts"]["predicted_lost"] - at_the_edge
    assert {*lost.values()} == (dead if variant == "stateful" else set())
    assert len(lost.keys() - had_to) <= at_the_edge


def test_result_says_who_came_what_was_owed_and_which_server_answered(crashed):
    for each in crashed[0]["crowds"]:
        assert (each["shoppers"], each["shoppers_came"], each["iteration_requests"]) == (15, 15, 7)
        carts = each["carts"]
        assert each["carts_owed"] == carts["settled"] - carts["nothing_owed"] > 0
        assert set(each["answered_by"]) - {""} == {"A", "B", "C"}
        assert sum(each["answered_by"].values()) == each["requests"]
        assert each["latency"]["p99_ms"] is None and each["latency"]["withheld"]["p99"]


@pytest.mark.parametrize("variant", ["stateful", "stateless"])
def test_log_of_the_balancer_is_kept_and_has_every_request_once(crashed, variant):
    (result,) = [each for each in crashed[0]["crowds"] if each["variant"] == variant]
    logged = rows(crashed[1] / f"crowd-{variant}-1" / "balancer.jsonl")
    sent = rows(crashed[1] / f"crowd-{variant}-1" / "exchanges-0.jsonl")
    assert len(logged) == result["logged_by_the_balancer"]
    ops = {entry["op"] for entry in logged}
    assert len(ops) == len(logged) and ops <= {row[0] for row in sent}
    assert {row[0] for row in sent if row[8] is not None} <= ops
    assert all("?" not in entry["path"] for entry in logged)


@pytest.mark.parametrize("variant", ["stateful", "stateless"])
def test_every_request_is_written_down_once(crashed, variant):
    (result,) = [each for each in crashed[0]["crowds"] if each["variant"] == variant]
    exchanges = rows(crashed[1] / f"crowd-{variant}-1" / "exchanges-0.jsonl")
    assert {len(row) for row in exchanges} == {len(COLUMNS)}
    assert len({row[0] for row in exchanges}) == len(exchanges)
    responses = sum(row[8] is not None for row in exchanges)
    assert responses == result["responses"] <= result["logged_by_the_balancer"] <= len(exchanges)
    counted = {"ok": result["ok"], "failed": result["failed"], "unknown": result["unknown"]}
    script = [row for row in exchanges if not row[0].endswith("-look")]  # not the lab's own
    within = [row for row in script if 0.5 <= row[5] - row[6] / 1000 < 8.5]
    for outcome, number in counted.items():
        assert abs(sum(row[9] == outcome for row in within) - number) <= 2, outcome  # rounding


def test_no_credential_is_in_any_file_of_the_run(crashed, shared_lab):
    secrets = set((shared_lab.folder / "spied.txt").read_text().split())
    assert len(secrets) > 20
    for path in [each for each in crashed[1].rglob("*") if each.is_file()]:
        words = set(re.findall(r"[\w.~+/=-]{20,}", path.read_text("utf-8", "replace")))
        assert not words & secrets, path


# --- Locust: thousands


class Kill:
    """A timetable's kill that waits until enough requests are done, however long it takes."""

    def __init__(self, inject, enough):
        self._inject, self._enough = inject, enough
        self._ready = threading.Event()

    def watch(self, progress):
        if progress.tally.requests >= self._enough:
            self._ready.set()

    def __call__(self, fault):
        assert self._ready.wait(DEADLINE_S), "the crowd did not get so far"
        return self._inject(fault)


@pytest.mark.long
def test_crowd_of_five_thousand_loses_exactly_the_carts_of_the_dead_server(tmp_path):
    script = tmp_path / "shopping_trip.py"
    script.write_text(VISIT)
    profile = LoadProfile(
        *(str(script), 5000, 1000.0, 11.0, 0.0),
        timetable=(PlannedFault(FaultKind.KILL, "B", 5.0),),
        engine="locust",
        once=True,
    )
    variant = Variant("stateful", "stateful", Settings(servers=2, affinity="cookie"))
    provisioned = ProvisionedStack(tmp_path / "run")
    with provisioned.open([variant], keep_log=1000):
        context = provisioned.context(variant, 0, 0, quick=False)
        target = crowd_target(context, Lab(context, Record(variant.name))._faults)
        # Of 10,000: every shopper has logged in, two in five have a cart, half of them at B.
        kill = Kill(target.inject, 7000)
        result = run_crowd(profile, replace(target, inject=kill), kill.watch)
    audit = result.carts
    assert audit.settled == 5000
    assert audit.predicted_lost == audit.predicted_and_lost > 0
    assert 0 <= audit.lost - audit.predicted_lost <= audit.at_the_edge
    assert (audit.differing, audit.wrong, audit.duplicated) == (0, 0, 0)
    assert audit.kept > 0
    assert result.generator_bytes_per_shopper < SHOPPER_BYTES
    assert not [doubt for doubt in result.doubts if doubt.is_about_carts]


# --- can the lab see a paused server?


@pytest.mark.long
def test_self_test_shows_a_freeze_in_p99_which_the_closed_model_would_not(lab_here):
    ended = lab_here("crowd", "--self-test")
    assert ended.status == 0, ended
    assert "✓ a server was paused for 2000 ms" in ended.out
    least_ms = LEAST_SHARE * 1000 * (FREEZE_TO_S - FREEZE_FROM_S)
    seen_ms, n = p99_of("open", ended.out)
    assert n >= 1000 and seen_ms >= least_ms
    # Without the pacing the same question would have been answered "no".
    hidden_ms, n = p99_of("closed", ended.out)
    assert hidden_ms is None if n < 1000 else hidden_ms < least_ms


def p99_of(model, text):
    found = re.search(rf"{model} model: +p99 (?:([\d,]+) ms|unknown.*?) of ([\d,]+) requests", text)
    p99_ms, n = (each and int(each.replace(",", "")) for each in found.groups())
    return p99_ms, n


# --- several machines, played by several processes

WITH_KEY = {KEY_VARIABLE: "0123456789abcdef" * 2}
STRANGER = """
from gevent import monkey; monkey.patch_all()
import sys, msgspec
from locust import User, task
from locust.env import Environment
class Nobody(User):
    @task
    def wait(self): pass
environment = Environment(user_classes=[Nobody])
runner = environment.create_worker_runner("127.0.0.1", int(sys.argv[1]))
runner.register_message("lab_job", lambda **_: sys.exit("it was handed a job"))
runner.send_message("lab_error", "a stranger's word")
runner.greenlet.join()
"""


@contextmanager
def stranger_at(port):
    """A worker of Locust's own that does not have the run's key; it may ask as long as it likes."""
    command = [sys.executable, "-c", STRANGER, str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as stranger:
        try:
            yield
        finally:
            stranger.kill()
        assert "handed a job" not in stranger.stderr.read()


def test_worker_without_the_key_is_refused_with_what_to_do(lab_here):
    refused = lab_here("crowd", "--join", "127.0.0.1:1", env={KEY_VARIABLE: "0" * 31})
    assert refused.status == 2
    assert "set LAB_OP_KEY to the key that `lab crowd --master` prints" in refused.err


@posix
@pytest.mark.long
def test_workers_join_and_their_carts_are_those_of_one_crowd(lab_here):
    (port,) = free_ports(1)
    where = f"127.0.0.1:{port}"
    master = lab_here.start(
        *("crowd", "--master", "--workers", "2", "--listen", where, "--servers", "2"),
        *("--shoppers", "40", "--rate", "80/s", "--for", "5s", "--warm-up", "0s"),
        *("--affinity", "cookie", "--kill", "B@3s", "--json"),
        env=WITH_KEY,
    )
    with stranger_at(port):
        joined = [lab_here.start("crowd", "--join", where, env=WITH_KEY) for _ in range(2)]
        ended = lab_here.finish(master, 90)
    assert ended.status in (0, 3), ended
    document = json.loads(ended.out)
    assert only_about_the_generator(document), ended
    carts = carts_of(document)
    assert carts["stateful"]["lost"] == carts["stateful"]["predicted_and_lost"] > 0
    assert carts["stateless"]["lost"] == 0
    shoppers = {
        row[0].partition("-")[0]
        for row in rows(lab_here.runs / "latest" / "crowd-stateless-1" / "iterations.jsonl")
    }
    assert shoppers == {f"c{number}" for number in range(40)}  # each worker had its own half
    assert "2 of 2 workers are here" in ended.err
    for each in joined:  # they have shopped at both desks, and end with their master
        assert lab_here.finish(each).status == 0


def test_worker_with_another_script_gets_an_error_that_says_to_copy_it(lab_here):
    (port,) = free_ports(1)
    where = f"127.0.0.1:{port}"
    mine, theirs = lab_here.write("mine.py", VISIT), lab_here.write("theirs.py", VISIT + "\n#\n")
    master = lab_here.start(
        *("crowd", mine, "--master", "--listen", where, "--servers", "1", "--for", "1s"),
        env=WITH_KEY,
    )
    lab_here.start("crowd", theirs, "--join", where, env=WITH_KEY)
    ended = lab_here.finish(master)
    assert ended.status == 2, ended
    message = " ".join(ended.err.split())
    assert "theirs.py is not the script of the others: copy theirs to this machine" in message
    lab_here.end_started()


@pytest.mark.long
@posix
def test_ctrl_c_while_waiting_for_workers_ends_everything(lab_here):
    (port,) = free_ports(1)
    waiting = lab_here.start("crowd", "--master", "--listen", f"127.0.0.1:{port}", "--servers", "1")
    wait_for(lambda: "0 of 1 workers are here" in waiting.err_path.read_text())
    waiting.send_signal(signal.SIGINT)
    ended = lab_here.finish(waiting)
    assert ended.status == 130, ended
    lab_here.assert_nothing_left()


# --- wrong usage

NO_SCRIPT = "def skript(shopper, lab):\n    shopper.login()\n"
IDLE = "def script(shopper, lab):\n    pass\n"
RAISES = "def script(shopper, lab):\n    shopper.login()\n    raise ValueError('my own mistake')\n"
KILLS = "def script(shopper, lab):\n    shopper.login()\n    lab.kill('A')\n"
WRONG = [
    (("shoping",), "no crowd script 'shoping': choose buying, looking, shopping"),
    (("crash",), "give the path of your own file, such as ./mine.py"),
    (("./no_script.py",), "def script(shopper, lab)"),
    (("--kill", "Z@1s"), "--kill Z: the targets are A, B, C"),
    (("--kill", "store@1s"), "--kill store: there is no store; add --store redis"),
    (("--threads", "--shoppers", "201"), 'pip install ".[crowd]"'),
    (("--threads", "--workers", "2"), "more than one worker needs the extra"),
]
REFUSED = [
    ("idle.py", 2, "the script sends no request: there is nothing to time"),
    ("kills.py", 2, "lab.kill does not exist for one shopper of a crowd"),
    ("raises.py", 3, "ValueError: my own mistake (line 3 of raises.py)"),
]


def at_once(lab, commands):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda command: lab("crowd", *command), commands))


def plain(ended):
    """The output without boxes and line breaks; never a traceback."""
    assert "Traceback" not in ended.out + ended.err, ended
    return re.sub(r"[\s│╭╮╰╯─]+", " ", ended.err + ended.out)


def test_crowd_that_can_show_nothing_is_refused_and_runs_anyway_if_asked(lab_here):
    much_too_many = ("--threads", "--servers", "1", "--shoppers", "100", "--rate", "5/s")
    brief = (*much_too_many, "--for", "1s", "--warm-up", "0s")
    refused, ran = at_once(lab_here, [brief, (*brief, "--anyway", "--json")])
    assert refused.status == 2, refused
    documents = list(lab_here.runs.glob("*/crowd.json"))
    assert len({each.parent.resolve() for each in documents}) == 1  # of the one that ran
    said = plain(refused)
    assert "most of the shoppers would not come before the end" in said
    assert "One iteration of each takes 140s at this rate" in said and "--anyway" in said
    assert ran.status in (0, 3), ran
    for each in json.loads(ran.out)["crowds"]:
        assert each["shoppers_came"] <= 5 < each["shoppers"]
    lab_here.assert_nothing_left()


def test_wrong_usage_gets_the_next_step(lab_here):
    lab_here.write("no_script.py", NO_SCRIPT)
    for ended, (command, words) in zip(
        at_once(lab_here, [command for command, _ in WRONG]), WRONG, strict=True
    ):
        assert ended.status == 2, (command, ended)
        assert words in plain(ended), (command, ended)
    lab_here.assert_nothing_left()


@pytest.mark.long
def test_script_that_no_crowd_can_run_gets_the_reason(lab_here):
    for name, text in (("idle.py", IDLE), ("kills.py", KILLS), ("raises.py", RAISES)):
        lab_here.write(name, text)
    commands = [(f"./{name}", *BRIEF) for name, *_ in REFUSED] + [
        ("./kills.py", "--servers", "1", "--shoppers", "4", "--for", "1s")  # on Locust
    ]
    expected = [*REFUSED, REFUSED[1]]
    for ended, (name, status, words) in zip(at_once(lab_here, commands), expected, strict=True):
        assert ended.status == status, (name, ended)
        assert words in plain(ended), (name, ended)
    lab_here.assert_nothing_left()


# --- Ctrl-C


@posix
@pytest.mark.parametrize("engine", [("--threads",), ()], ids=["threads", "locust"])
def test_ctrl_c_in_the_middle_leaves_what_is_known_and_nothing_else(lab_here, engine):
    process = lab_here.start("crowd", *engine, "--servers", "1", "--shoppers", "10", "--for", "60s")
    written = lab_here.runs / "latest" / "crowd-stateful-1" / "iterations.jsonl"
    wait_for(lambda: written.exists() and written.stat().st_size)
    process.send_signal(signal.SIGINT)
    ended = lab_here.finish(process)
    assert ended.status == 130, ended
    assert "stopped; what was done so far is in" in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    json.loads((lab_here.runs / "latest" / "crowd.json").read_text("utf-8"))
    lab_here.assert_nothing_left()


# --- a store that is paused


@posix
@pytest.mark.long
@pytest.mark.skipif(not find_store(), reason="no Valkey or Redis here")
def test_store_that_hangs_is_felt_by_the_desk_that_needs_it(lab_here):
    ended = lab_here(
        *("crowd", "--threads", "--servers", "1", "--shoppers", "20", "--rate", "60/s"),
        *("--for", "4s", "--warm-up", "0s", "--store", "redis"),
        *("--pause", "store@1s", "--resume", "store@2s", "--json"),
    )
    assert ended.status in (0, 3), ended
    stateful, stateless = json.loads(ended.out)["crowds"]
    assert (stateful["variant"], stateless["variant"]) == ("stateful", "stateless")
    assert stateful["failed"] + stateful["unknown"] > 0
    assert (stateless["failed"], stateless["unknown"], stateless["carts"]["lost"]) == (0, 0, 0)
    assert stateless["ok"] > 100
    assert stateful["carts"]["lost"] == 0  # it was paused, and kept everything


# --- a plain locustfile

LOCUSTFILE = """
from lab.crowd.locustfile import Customer


class Shopping(Customer):
    def script(self, shopper, lab):
        shopper.login()
        shopper.add("laptop")
        {then}
"""


def desk_by_hand(lab_here, port):
    with (lab_here.folder / f"desk-{port}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "stateful_app", "--port", str(port)],
            cwd=lab_here.folder,
            stdout=log,
            stderr=log,
        )
    lab_here.started.append(process)
    wait_for(lambda: is_open(port))
    return process


def locust(lab_here, port, then, seconds):
    (lab_here.folder / "locustfile.py").write_text(LOCUSTFILE.format(then=then))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "locust", "-f", "locustfile.py", "--headless"),
            *("--only-summary", "-u", "5", "-r", "5", "-t", f"{seconds}s"),
            *("--host", f"http://127.0.0.1:{port}"),
        ],
        cwd=lab_here.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lab_here.started.append(process)
    return process


@pytest.mark.long
def test_shoppers_of_the_lab_are_users_of_locust(lab_here):
    (port,) = free_ports(1)
    desk_by_hand(lab_here, port)
    process = locust(lab_here, port, "pass", 3)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert re.search(r"POST +/api/cart/items +\d+ +0\(0\.00%\)", out), out
    assert re.search(r"CART +kept +[1-9]\d* +0\(0\.00%\)", out), out
    assert "Error report" not in out


@pytest.mark.long
def test_cart_that_died_with_its_server_is_a_failure_of_locusts(lab_here):
    (port,) = free_ports(1)
    first = desk_by_hand(lab_here, port)
    there, again = lab_here.folder / "there", lab_here.folder / "again"
    then = (
        "import time; from pathlib import Path\n"
        f"        Path({str(there)!r}).touch()\n"
        f"        while not Path({str(again)!r}).exists(): time.sleep(0.01)"
    )
    process = locust(lab_here, port, then, 10)
    wait_for(there.exists)
    first.kill()
    first.wait(60)
    desk_by_hand(lab_here, port)
    again.touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    assert re.search(r"CART +lost +([1-9]\d*) +\1\(100\.00%\)", out), out
    assert "CartNotKept('lost')" in out
