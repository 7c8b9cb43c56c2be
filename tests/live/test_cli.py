"""The command line as a student meets it: real processes, real output, real exit statuses."""

import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import jsonschema
import psutil
import pytest
from conftest import LabHere, wait_for

from lab import experiments
from lab.evidence.run_document import json_schema
from lab.experiments import app_diff
from lab.processes.ports import is_open

SCHEMA = json_schema()
SEED = int(os.environ.get("LAB_TEST_SEED", time.time_ns() % 1_000_000))
COMMANDS = [
    *("demo", "list", "show", "new", "run", "up", "play", "diff", "doctor"),
    *("open", "status", "kill", "restart", "pause", "resume", "drain", "add", "store", "reset"),
]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and modes of POSIX")


def valid(text):
    """Return the document, checked against its schema; NaN and the like are not JSON."""
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
    return document


def at_once(lab, commands):
    """Run several commands side by side, two at a time; return how each ended."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(commands, pool.map(lambda command: lab(*command), commands), strict=True))


def variants(experiment):
    return {variant["app"]: variant for variant in experiment["variants"]}


# --- without any run


def test_lab_alone_explains_itself_in_five_lines_and_four_commands(lab_here):
    ended = lab_here()
    what, commands = ended.out.strip().split("\n\n")
    assert ended.status == 0
    assert len(what.splitlines()) == 5
    assert max(map(len, ended.out.splitlines())) <= 80
    assert [line.split()[:2] for line in commands.splitlines()] == [
        ["lab", "demo"],
        ["lab", "list"],
        ["lab", "diff"],
        ["lab", "docs"],
    ]
    assert not lab_here.runs.exists()


def test_help_names_every_command(lab_here):
    ended = lab_here("--help")
    assert set(COMMANDS) <= set(re.findall(r"^  ([a-z-]+)  ", ended.out, re.M))


def test_list_has_each_script_with_its_claim(lab_here):
    ended = lab_here("list")
    assert ended.status == 0
    for words in ("crash", "any-server", "first-visit", "restart-all", "Servers can crash"):
        assert words in ended.out


def test_show_has_claim_and_source(lab_here):
    ended = lab_here("show", "crash")
    assert ended.status == 0
    for words in ("Servers can crash or restart", "def script(", "lab.kill(", "disprove"):
        assert words in ended.out


def test_show_of_an_unknown_script_suggests_a_name(lab_here):
    ended = lab_here("show", "crahs")
    assert ended.status == 2
    assert "did you mean 'crash'" in ended.err


@pytest.mark.parametrize("file", ["app.py", "state.py", "config.py"])
def test_diff_counts_the_lines_that_it_prints(lab_here, file):
    ended = lab_here("diff", file)
    changed = int(re.search(r"(\d+) changed lines", ended.err)[1])
    assert ended.status == 0
    assert changed == len(re.findall(r"^[+-](?![+-]{2} )", ended.out, re.M)) > 0
    if file == "app.py":
        assert changed <= 40


def test_doctor_shows_what_is_here_and_how_to_install_what_is_not(lab_here):
    ended = lab_here("doctor")
    for found in ("✓ Python: 3.", "✓ load balancer: nginx 1.", "✓ session store: "):
        assert found in ended.out
    missing = re.findall("^✕ ", ended.out, re.M)
    for label in ("costs: ", "fix: "):
        assert ended.out.count(label) == len(missing)


WRONG = [
    (["run"], "NAME|FILE"),
    (["run", "no-such-thing"], "no script 'no-such-thing'"),
    (["run", "crahs"], "did you mean 'crash'"),
    (["run", "./none.py"], "def script(shopper, lab)"),
    (["run", "crash", "--store", "floppy"], "memory, file, redis"),
    (["run", "crash", "--store", "http://x/"], "memory, file, redis"),
    (["run", "crash", "--servers", "0"], "1<=x<=26"),
    (["run", "crash", "--servers", "27"], "1<=x<=26"),
    (["run", "crash", "--servers", "three"], "give a whole number"),
    (["run", "crash", "--affinity", "maybe"], "'none', 'cookie'"),
    (["run", "crash", "--retry", "maybe"], "'off', 'on'"),
    (["run", "crash", "--out", "a-file"], "a file"),
    (["run", "crash", "--out", "a-file/below"], "another --out"),
    (["demo", "--out", "/proc/nowhere"], "another --out"),
    (["run", "crash", "--store", "redis://:s3cret@127.0.0.1:1/0"], "check the URL"),
    (["run", "crash", "--store", "redis+cluster://:s3cret@127.0.0.1:1"], "check the URL"),
    (["run", "crash", "--store", "redis+cluster://:s3cret@a/1"], "redis+cluster://HOST:PORT"),
    (["run", "crash", "--store", "redis+sentinel://:s3cret@a"], "/SERVICE/0"),
    (["run", "./typo.py"], "SyntaxError"),
    (["run", "crash", "./typo.py"], "typo.py"),
    (["status"], "lab up"),
    (["kill", "B"], "lab up"),
    (["diff", "wire.py"], "app.py"),
    (["up", "--port", "70000"], "65535"),
    (["dmeo"], "there is no `lab dmeo`: did you mean `lab demo`?"),
]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    here = LabHere(tmp_path_factory.mktemp("wrong"))
    here.write("a-file", "")
    here.write("typo.py", "x = 1\ndef script(shopper, lab)\n    pass\n")
    return at_once(here, [tuple(arguments) for arguments, _ in WRONG])


@pytest.mark.parametrize(
    ("arguments", "words"),
    WRONG,
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_wrong_usage_is_status_2_and_says_what_to_do(wrong, arguments, words):
    ended = wrong[tuple(arguments)]
    assert ended.status == 2, ended
    assert words in re.sub(r"\s+", " ", ended.err), ended
    assert ended.out == "" or arguments[0] == "demo"
    assert "s3cret" not in ended.err


def test_syntax_error_is_quoted_with_its_line_and_without_a_traceback(lab_here):
    ended = lab_here("run", lab_here.write("typo.py", "x = 1\ndef script(shopper, lab)\n"))
    assert ended.status == 2
    assert 'typo.py", line 2' in ended.err
    assert "def script(shopper, lab)" in ended.err
    assert "Traceback" not in ended.err


PLAIN = f"{sys.executable} -I -S {Path(__file__).parent / 'services' / 'plain.py'} memory {{port}}"
CHECK = ("check", "--start", PLAIN)


@posix
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["show", "crash"], 0),
        (["run", "./failing.py", "--servers", "1"], 1),
        ([*CHECK, "state.py"], 1),
        ([*CHECK, "state.py", "--json"], 1),
        ([*CHECK, "nothing.py", "--require-dependency"], 3),
    ],
    ids=["show", "run", "check", "check --json", "unknown"],
)
def test_reader_that_leaves_changes_no_exit_status(words, status, lab_here):
    lab_here.write("failing.py", "def script(shopper, lab):\n    assert shopper.login() is None\n")
    lab_here.write("nothing.py", "def script(http):\n    http.get('/products')\n")
    calls = "    http.post('/login', json={'user': 'ada'})\n    http.get('/cart')\n"
    lab_here.write("state.py", f"def script(http):\n{calls}")
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "lab", *words],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=lab_here.folder,
        timeout=100,
    )
    os.close(writer)
    assert ended.returncode == status, ended.stderr
    assert b"Traceback" not in ended.stderr


# --- demo


@pytest.fixture(scope="module")
def demo(shared_lab):
    began = time.monotonic()
    ended = shared_lab("demo", env={"COLUMNS": "80"})
    ended.seconds = time.monotonic() - began
    return ended


def test_demo_shows_both_fates_side_by_side(demo):
    assert demo.status == 0, demo
    for words in (
        "stateful",
        "stateless",
        "✕ 1 LOST",
        "✓ 1 KEPT",
        "HOLDS",
        "✕ gone, pid",
        "Try next",
    ):
        assert words in demo.out
    (fates,) = [line for line in demo.out.splitlines() if "acknowledged carts" in line][:1]
    assert fates.index("LOST") < fates.index("KEPT")


def test_demo_fits_80_columns_and_writes_no_escape_codes_into_a_pipe(demo):
    assert max(map(len, demo.out.splitlines())) <= 80
    assert "\x1b" not in demo.out + demo.err


def test_demo_loads_at_most_110_modules_of_the_lab_and_no_web_framework(lab_here):
    reporting = (
        "import atexit, sys; sys.argv[0] = 'lab'; "
        "atexit.register(lambda: print(*sorted(sys.modules), sep='\\n', file=sys.stderr)); "
        "from lab.cli.main import main; main()"
    )
    lab_here.command = (sys.executable, "-c", reporting)
    names = set(lab_here("demo").err.splitlines())
    ours = {name for name in names if name.partition(".")[0] == "lab"}
    assert {"lab.cli.demo", "lab.experiments.crash"} <= ours
    assert len(ours) <= 110
    assert not {"flask", "gevent", "hypothesis", "jinja2", "locust", "pygal", "redis"} & names
    assert not {name for name in ours if name.startswith(("lab.check", "lab.console"))}


# --- crash, as JSON


@pytest.fixture(scope="module")
def crash(shared_lab):
    ended = shared_lab("run", "crash", "--quick", "--json")
    ended.runs = shared_lab.runs
    ended.folder = (shared_lab.runs / "latest").resolve()
    return ended


def test_run_json_is_one_document_and_nothing_else(crash):
    document = valid(crash.out)
    assert crash.status == 0
    assert [each["name"] for each in document["experiments"]] == ["crash"]
    assert document["components"]["nginx"]["version"]
    assert document["components"]["store"] is None


def test_crash_measures_what_the_article_claims(crash):
    (experiment,) = valid(crash.out)["experiments"]
    assert (experiment["verdict"], experiment["expectation_met"]) == ("holds", True)
    lost = variants(experiment)["stateful"]["measurements"]
    kept = variants(experiment)["stateless"]["measurements"]
    for measured in (lost, kept):
        assert measured["kill_confirmed"] is True
        assert measured["carts_acknowledged"] > 0
        assert measured["carts_wrong"] == measured["carts_unknown"] == 0
    assert 0 < lost["carts_lost"] == lost["carts_acknowledged"] - lost["carts_kept"]
    assert kept["carts_lost"] == 0
    assert kept["carts_kept"] == kept["carts_acknowledged"] == lost["carts_acknowledged"]


def test_crash_evidence_agrees_with_itself(crash):
    (experiment,) = valid(crash.out)["experiments"]
    for variant in variants(experiment).values():
        (kill,) = variant["faults"]
        gone = kill["evidence"]["instance"]
        assert kill["evidence"]["process_gone"]
        assert kill["evidence"]["port_closed"]
        assert not psutil.pid_exists(kill["evidence"]["pid"])
        assert sum(variant["operations"].values()) == len(variant["exchanges"])

        when = variant["order"].index(f"kill {kill['target']}")
        before = set(variant["order"][:when])
        assert 0 < when < len(variant["exchanges"])
        after = [each for each in variant["exchanges"] if each["op"] not in before]
        assert gone not in {each["instance"] for each in after}
        # Who lost a cart is who was served by the process that died, if anybody did.
        theirs = {e["customer"] for e in variant["exchanges"] if e["instance"] == gone}
        losers = {each["customer"] for each in after if each["fate"] == "lost"}
        assert theirs
        assert losers == (theirs if variant["app"] == "stateful" else set())


def test_run_folder_keeps_the_document_logs_and_configuration(crash):
    assert valid((crash.folder / "result.json").read_text("utf-8")) == valid(crash.out)
    kept = {path.name for path in crash.folder.rglob("*")}
    assert {"nginx.conf", "nginx.log", "stateful-A.log", "stateless-C.log"} <= kept


@posix
def test_run_folder_is_private_and_latest_points_at_it(crash):
    assert (crash.runs / "latest").is_symlink()
    assert re.fullmatch(r"\d{8}-\d{6}-crash(-\d+)?", crash.folder.name)
    for folder in [crash.folder, *(p for p in crash.folder.iterdir() if p.is_dir())]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_finished_run_leaves_no_port_open(crash):
    text = next(crash.folder.rglob("nginx.conf")).read_text("utf-8")
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", text)}
    assert len(ports) >= 7
    assert not [port for port in ports if is_open(port)]


# --- settings


def test_run_with_a_shared_store_keeps_the_carts_of_both_desks(lab_here):
    for store in ("file", "redis"):
        chosen = ("--store", store, "--servers", "2", "--quick", "--json")
        ended = lab_here("run", "crash", *chosen)
        document = valid(ended.out)
        (experiment,) = document["experiments"]
        assert ended.status == 0, ended
        for variant in experiment["variants"]:
            measured = variant["measurements"]
            assert measured["kill_confirmed"] is True
            assert measured["carts_kept"] == measured["carts_acknowledged"] > 0, store
        assert variants(experiment)["stateful"]["knobs"]["store"] == store
        assert bool(document["components"]["store"]) is (store == "redis")


def test_run_takes_several_names_and_every_setting(lab_here):
    visit = lab_here.write(
        "visit.py",
        "def script(shopper, lab):\n"
        "    shopper.login()\n"
        "    for _ in range(4):\n"
        "        shopper.add('laptop')\n"
        "    desk = shopper.last.served_by\n"
        "    lab.kill(next(name for name in lab.servers if name != desk))\n"
        "    for _ in range(4):\n"
        "        shopper.view_cart()\n",
    )
    chosen = ("--affinity", "cookie", "--retry", "on", "--servers", "2")
    ended = lab_here("run", visit, "first-visit", *chosen, "--json")
    document = valid(ended.out)
    assert ended.status == 0, ended
    assert [each["name"] for each in document["experiments"]] == ["visit", "first-visit"]
    variant = variants(document["experiments"][0])["stateful"]
    assert variant["knobs"] == {
        "store": "memory",
        "affinity": "cookie",
        "servers": 2,
        "retry": "on",
        "tls": False,
    }
    # Affinity: one server had every request, so the memory store lost nothing.
    assert len({exchange["served_by"] for exchange in variant["exchanges"]}) == 1
    assert variant["measurements"]["carts_kept"] == 1
    conf = next((lab_here.runs / "latest").resolve().rglob("nginx.conf")).read_text("utf-8")
    assert "sticky cookie" in conf


# --- scripts of a student's own

RAISES = """
def helper(shopper):
    raise ValueError(f"my own mistake with {shopper.token}")


def script(shopper, lab):
    shopper.login()
    shopper.add("no-such-product")
    helper(shopper)
"""


def test_exception_is_shown_in_the_students_lines_with_the_exchange_before(lab_here):
    ended = lab_here("run", lab_here.write("mine.py", RAISES), "--servers", "1")
    text = re.sub(r"\s+", " ", ended.out)
    assert ended.status == 1, ended
    for words in (
        "ValueError: my own mistake",
        "in script",
        "in helper",
        "helper(shopper)",
        "line 9",
        "The exchange before: POST /api/cart/items -> 404",
        "THE SCRIPT FAILED",
    ):
        assert words in text, words
    assert "bench.py" not in text
    text = (lab_here.runs / "latest" / "result.json").read_text("utf-8")
    (experiment,) = valid(text)["experiments"]
    assert all("ValueError" in variant["traceback"] for variant in experiment["variants"])
    assert not re.search(r"mistake with [\w-]{30,}\.", text)


def test_assertion_that_fails_is_an_expectation_that_was_not_met(lab_here):
    script = (
        "def script(shopper, lab):\n    shopper.login()\n    shopper.add('laptop')\n"
        "    seen = shopper.view_cart().body['cart']\n    assert seen['item_count'] == 7, seen\n"
    )
    ended = lab_here("run", lab_here.write("hopes.py", script), "--servers", "1")
    assert ended.status == 1, ended
    assert "assert seen['item_count'] == 7" in ended.out
    assert "AssertionError" in ended.out


def test_script_that_ends_python_fails_and_one_that_proves_nothing_is_unknown(lab_here):
    files = [
        lab_here.write("idle.py", "def script(shopper, lab):\n    pass\n"),
        lab_here.write("leaves.py", "import sys\ndef script(shopper, lab):\n    sys.exit(0)\n"),
        lab_here.write(
            "odd.py",
            "def script(shopper, lab):\n    shopper.login()\n"
            "    shopper.ship_to('\\ud800 lone surrogate')\n"
            "    shopper.request('GET', '/api/\\u00fc?x=%ff')\n"
            "    shopper.add('pen')\n",
        ),
    ]
    ended = lab_here("run", *files, "--servers", "1", "--json")
    assert ended.status == 1, ended
    idle, leaves, odd = valid(ended.out)["experiments"]
    assert [each["verdict"] for each in (idle, leaves, odd)] == ["unknown", "unknown", None]
    assert "no change was acknowledged" in idle["variants"][0]["outcome"]["note"]
    assert "SystemExit" in leaves["variants"][0]["outcome"]["note"]
    assert [each["status"] for each in odd["variants"][0]["exchanges"][:3]] == [200, 400, 404]
    valid((lab_here.runs / "latest" / "result.json").read_text("utf-8"))


# --- secrets

SPY = """
import json
from pathlib import Path


def keep(*secrets):
    with Path("spied.txt").open("a") as file:
        file.writelines(f"{secret}\\n" for secret in secrets if secret)


def script(shopper, lab):
    for _ in range(2):
        keep(*lab._context.keys)
        desk = shopper.login().served_by
        keep(shopper.token, *(cookie.value for cookie in shopper.transport.cookies))
    shopper.add("laptop")
    keep(shopper.token)
    shopper.view_cart()
    url = f"/api/cart?token={shopper.token or 'none'}&userId=123"
    keep(shopper.token)
    shopper.request("GET", url)
    shopper.request("POST", url, json={"token": shopper.token, "deep": [url]})
    lab.kill(desk)
    shopper.request("GET", url, server=desk)
    shopper.view_cart(tries=3)
    raise ValueError(f"spying on {shopper.token} {url}")
"""


@posix
def test_secrets_are_in_no_file_of_a_run_and_not_on_the_screen(lab_here):
    ended = lab_here("run", lab_here.write("spy.py", SPY), "--servers", "2", "--store", "file")
    assert ended.status == 1, ended
    secrets = set((lab_here.folder / "spied.txt").read_text().split())
    assert len(secrets) >= 5  # a key, a session id or two, tokens
    assert all(len(secret) >= 32 for secret in secrets)
    files = [path for path in lab_here.runs.rglob("*") if path.is_file()]
    assert {"result.json", "nginx.log", "nginx.conf"} <= {path.name for path in files}
    outputs = list((lab_here.folder / "output").iterdir())
    for path in files + outputs:
        text = path.read_text("utf-8", "replace")
        found = [secret[:8] for secret in secrets if secret in re.sub(r"\s+", "", text)]
        assert not found, f"{path} holds {found}"


# --- Ctrl-C, kill, and kill -9

WAITS = """
import threading
from pathlib import Path


def script(shopper, lab):
    shopper.login(server="A")
    shopper.add("laptop", server="A")
    Path("there").touch()
    threading.Event().wait(60)
"""


@posix
@pytest.mark.parametrize(
    "signals",
    [[signal.SIGINT], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM]],
    ids=["Ctrl-C", "Ctrl-C twice", "SIGTERM"],
)
def test_stopped_run_leaves_a_partial_report_and_nothing_else(lab_here, signals):
    script = lab_here.write("waits.py", WAITS)
    process = lab_here.start("run", script, "--servers", "2", "--json")
    wait_for(lambda: (lab_here.folder / "there").exists() or process.poll() is not None)
    ports = [
        connection.laddr.port
        for child in psutil.Process(process.pid).children(recursive=True)
        for connection in child.net_connections("tcp4")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(set(ports)) >= 5
    for number in signals:
        process.send_signal(number)
    ended = lab_here.finish(process)
    assert ended.status == 130, ended
    assert "stopped" in ended.err
    assert "Traceback" not in ended.err
    (experiment,) = valid((lab_here.runs / "latest" / "result.json").read_text("utf-8"))[
        "experiments"
    ]
    assert (experiment["interrupted"], experiment["verdict"]) == (True, "unknown")
    assert experiment["variants"][0]["measurements"]["carts_acknowledged"] == 1
    valid(ended.out)
    lab_here.assert_nothing_left()
    assert not [port for port in ports if is_open(port)]


@posix
def test_ctrl_c_in_a_quick_run_ends_the_servers_started_ahead(lab_here):
    script = lab_here.write("waits.py", WAITS)
    process = lab_here.start("run", script, "any-server", "--quick")
    ahead = lab_here.runs / "latest" / "any-server" / "logs"
    there = lab_here.folder / "there"
    wait_for(lambda: (there.exists() and list(ahead.glob("*-A.log"))) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    document = valid((lab_here.runs / "latest" / "result.json").read_text("utf-8"))
    assert [each["name"] for each in document["experiments"]] == ["waits"]
    lab_here.assert_nothing_left()


@posix
def test_kill_9_at_ten_random_moments_leaves_no_orphan(tmp_path, demo):
    print(f"LAB_TEST_SEED={SEED}")
    moments = random.Random(SEED)
    # The moment is the experiment: anywhere after the first child is there.
    delays_s = [moments.uniform(0, 0.8) * demo.seconds for _ in range(10)]

    def kill_one(number):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        here = LabHere(folder)
        # A quick run of several has the next one's servers up while this one's work.
        commands = (
            ("demo",),
            ("run", "restart-all", "--servers", "2"),
            ("run", "first-visit", "any-server", "--quick"),
        )
        process = here.start(*commands[number % len(commands)])
        wait_for(lambda: len(here.processes()) > 1)
        with suppress(subprocess.TimeoutExpired):
            process.wait(delays_s[number])
        process.kill()
        process.wait(60)
        here.assert_nothing_left()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill_one, range(10)))


@pytest.mark.skipif(not shutil.which("git"), reason="git")
@pytest.mark.parametrize("file", ["app.py", "state.py", "config.py"])
def test_diff_into_a_file_is_a_patch_that_makes_one_desk_the_other(lab_here, file):
    for desk in ("stateful_app", "stateless_app"):
        (lab_here.folder / desk).mkdir()
        shutil.copy(app_diff.source_of(desk, file), lab_here.folder / desk / file)
    ended = lab_here("diff", file)
    for words in (["--check"], []):
        subprocess.run(
            ["git", "apply", *words], input=ended.out, text=True, cwd=lab_here.folder, check=True
        )
    one, other = ((lab_here.folder / desk / file) for desk in ("stateful_app", "stateless_app"))
    assert one.read_bytes() == other.read_bytes()


# --- new, show --source


def test_new_writes_a_script_that_runs_and_leaves_what_exists(lab_here):
    ended = lab_here("new", "mine.py")
    assert (ended.status, ended.err) == (0, "")
    assert "lab run ./mine.py" in ended.out
    assert lab_here("run", "./mine.py").status == 0
    (lab_here.folder / "mine.py").write_text("mine")
    again = lab_here("new")
    assert (again.status, "mine.py exists already" in again.err) == (2, True)
    assert (lab_here.folder / "mine.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mine.txt", "name it mine.py"),
        ("no/such/folder.py", "cannot write"),
        ("x" * 300, "cannot write"),
        (".", "names no file"),
        ("..", "names no file"),
        ("", "names no file"),
    ],
)
def test_new_refuses_a_name_that_is_none(lab_here, name, said):
    ended = lab_here("new", name)
    assert ended.status == 2
    assert said in ended.err
    assert not [path for path in lab_here.folder.iterdir() if path.name != "output"]


def test_new_says_how_to_run_a_name_with_spaces(lab_here):
    ended = lab_here("new", "my script")
    assert "lab run './my script.py'" in ended.out
    assert (lab_here.folder / "my script.py").exists()


@pytest.mark.parametrize("name", ["crash", "any-server", "first-visit"])
def test_show_source_prints_a_copy_that_runs(lab_here, name):
    ended = lab_here("show", name, "--source")
    assert ended.out == experiments.find(name).path.read_text(encoding="utf-8")
    copy = lab_here.write("copy.py", ended.out)
    assert lab_here("run", copy, "--quick").status == 0


def test_piped_output_breaks_no_line(lab_here):
    endless = {"COLUMNS": ""}
    shown = lab_here("show", "crash", env=endless).out
    source = experiments.find("crash").source_without_docstring
    assert source in shown
    rows = lab_here("list", env=endless).out
    for experiment in experiments.bundled():
        (row,) = [line for line in rows.splitlines() if line.startswith(f"{experiment.name} ")]
        assert experiment.claim in row
        assert experiment.summary in row
