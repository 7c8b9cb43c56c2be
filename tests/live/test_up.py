"""`lab up` and the commands that steer it from another terminal; who else may, may not."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import psutil
import pytest
import requests
from conftest import DEADLINE_S, LabHere, wait_for

from lab.core.environment import current_environment
from lab.processes.ports import is_open
from lab.stack.programs import find_store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and modes of POSIX")
SECRET = "X-Lab-Secret"


def control_of(here, process):
    """Return what up.json says, once it is there."""

    def there():
        assert process.poll() is None, process.err_path.read_text()
        try:
            return json.loads((here.runs / "up.json").read_text())
        except (OSError, ValueError):
            return None

    return wait_for(there)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """One running `lab up` for the whole module, ended by Ctrl-C."""
    here = LabHere(tmp_path_factory.mktemp("up"))
    here.process = here.start("up", "--port", "0", "--no-open", "--servers", "2")
    here.control = control_of(here, here.process)
    here.origin = here.control["origin"]
    (here.run,) = here.runs.glob("*-up")
    wait_for(lambda: "Ctrl-C stops" in here.process.out_path.read_text())
    yield here
    if here.process.poll() is None:
        here.process.send_signal(signal.SIGINT)
    here.finish(here.process)
    here.assert_nothing_left()


@pytest.fixture
def web():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def status_of(here):
    """What `lab status --json` prints, asked for directly: a process less to wait for."""
    control = json.loads((here.runs / "up.json").read_text())
    with requests.Session() as session:
        session.trust_env = False
        return session.get(
            f"{control['origin']}/lab/status", headers={SECRET: control["secret"]}
        ).json()


def servers(here):
    """Every server as `lab status` shows it: {"stateful/A": {...}}."""
    return {
        f"{desk}/{each['name']}": each
        for desk, listed in status_of(here)["desks"].items()
        for each in listed
    }


def test_up_prints_the_addresses_and_a_curl_line_for_each(up):
    output = up.process.out_path.read_text()
    assert output.count("curl ") == 2
    for words in (f"{up.origin}/stateful/", f"{up.origin}/stateless/", "lab kill B", "Ctrl-C"):
        assert words in re.sub(r"\s+", " ", output), words
    assert up.control["secret"] not in output + up.process.err_path.read_text()


def test_control_file_is_readable_by_its_owner_only(up):
    path = up.runs / "up.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert up.control["pid"] == up.process.pid
    assert len(up.control["secret"]) >= 32
    for process in up.processes():
        assert up.control["secret"] not in " ".join(process.cmdline())


@pytest.mark.parametrize("desk", ["stateful", "stateless"])
def test_desks_answer_on_one_origin(up, web, desk):
    at = f"{up.origin}/{desk}/api"
    login = web.post(f"{at}/login", json={"user_id": "123", "name": "John"})
    assert login.status_code == 200
    token = login.json().get("token")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answers = [web.get(f"{at}/cart", headers=headers) for _ in range(6)]
    assert {answer.headers["X-Served-By"] for answer in answers} == {"A", "B"}
    statuses = {answer.status_code for answer in answers}
    assert statuses == ({200} if token else {200, 401})


def test_status_shows_every_server(up):
    ended = up("status")
    assert ended.status == 0
    assert ended.out.count("● up") == 4
    for name, each in servers(up).items():
        assert each["state"] == "up", name
        assert psutil.pid_exists(each["pid"])
        assert str(each["pid"]) in ended.out
        assert up.control["secret"] not in ended.out


def test_kill_of_a_letter_kills_at_both_desks_and_restart_starts_new_lives(up):
    before = servers(up)
    ended = up("kill", "B")
    assert ended.status == 0, ended
    assert ended.out.count("gone, port closed") == 2
    killed = servers(up)
    for name in ("stateful/B", "stateless/B"):
        assert killed[name]["state"] == "dead"
        assert not psutil.pid_exists(before[name]["pid"])
        assert not is_open(before[name]["port"])
    assert killed["stateful/A"]["pid"] == before["stateful/A"]["pid"]
    assert "✕ dead" in up("status").out

    again = up("kill", "B")
    assert again.status == 2
    assert "restart" in again.err

    assert up("restart", "B").status == 0
    after = servers(up)
    for name in ("stateful/B", "stateless/B"):
        assert after[name]["state"] == "up"
        assert after[name]["instance"] != before[name]["instance"]
        assert after[name]["port"] == before[name]["port"]


def test_kill_of_a_desk_and_a_letter_kills_one(up, web):
    before = servers(up)
    assert up("kill", "stateful/A").status == 0
    after = servers(up)
    changed = {name for name in after if after[name]["state"] != before[name]["state"]}
    assert changed == {"stateful/A"}
    answers = {web.get(f"{up.origin}/stateful/api/products").status_code for _ in range(4)}
    assert answers == {200, 502}  # the balancer does not hide it
    ended = up("restart", "stateful/A")
    assert ended.status == 0
    assert before["stateful/A"]["instance"] in ended.out


@pytest.mark.parametrize("server", ["Z", "b", "stateful/Z", "nowhere/A", "", "/", "A/B/C", "../A"])
@pytest.mark.parametrize("command", ["kill", "restart"])
def test_unknown_server_is_refused_with_the_names_of_the_servers(up, web, command, server):
    answer = web.post(
        f"{up.origin}/lab/{command}",
        json={"server": server},
        headers={SECRET: up.control["secret"]},
    )
    assert answer.status_code == 404
    assert "stateful/A, stateful/B, stateless/A, stateless/B" in answer.json()["detail"]


def test_unknown_server_is_a_clear_error_in_the_terminal(up):
    ended = up("kill", "Z")
    assert ended.status == 2
    assert "no server 'Z'" in ended.err


def test_secret_is_not_sent_to_a_proxy_of_the_environment(up):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        environment = {"HTTP_PROXY": url, "http_proxy": url, "NO_PROXY": "", "no_proxy": ""}
        assert up("status", env=environment).status == 0
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def refusals():
    """Control calls that must be refused: (what, statuses, headers, how)."""
    good = {"json": {"server": "A"}}
    form = {"data": {"server": "A"}}
    return [
        ("no secret", {401, 403}, {SECRET: None}, good),
        ("empty secret", {401, 403}, {SECRET: ""}, good),
        ("wrong secret", {401, 403}, {SECRET: "x" * 32}, good),
        ("odd secret", {401, 403}, {SECRET: "\xe9".encode("latin-1")}, good),
        ("rebound name", {400, 403, 421}, {"Host": "evil.example"}, good),
        ("rebound port", {400, 403, 421}, {"Host": "127.0.0.1:1"}, good),
        ("other page", {403}, {"Origin": "http://evil.example"}, good),
        ("sandboxed page", {403}, {"Origin": "null"}, good),
        ("https page", {403}, {"Origin": "https://127.0.0.1"}, good),
        ("form", {415}, {}, form),
        ("form without secret", {401, 403}, {SECRET: None}, form),
        ("text", {415}, {"Content-Type": "text/plain"}, {"data": '{"server": "A"}'}),
        ("no body", {400, 415}, {}, {}),
        ("too big", {413}, {}, {"json": {"server": "A" * 100_000}}),
        ("broken", {400}, {"Content-Type": "application/json"}, {"data": '{"server": '}),
        ("list", {400, 422}, {}, {"json": ["A"]}),
        ("text as JSON", {400, 422}, {}, {"json": "A"}),
        ("null", {400, 422}, {"Content-Type": "application/json"}, {"data": "null"}),
        ("number", {400, 422}, {}, {"json": {"server": 1}}),
        ("no field", {400, 422}, {}, {"json": {}}),
        ("more fields", {400, 422}, {}, {"json": {"server": "A", "signal": 9}}),
    ]


@pytest.mark.parametrize("command", ["kill", "restart"])
def test_control_calls_of_others_are_refused_and_nothing_dies(up, web, command):
    before = servers(up)
    url = f"{up.origin}/lab/{command}"
    for what, statuses, headers, how in refusals():
        answer = web.post(url, headers={SECRET: up.control["secret"]} | headers, **how)
        assert answer.status_code in statuses, (what, answer.status_code, answer.text)
        assert "Traceback" not in answer.text
        assert "Access-Control-Allow-Origin" not in answer.headers
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = web.request(
            method, url, headers={SECRET: up.control["secret"]}, json={"server": "A"}
        )
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]
    assert servers(up) == before


def test_status_needs_the_secret_too(up, web):
    url = f"{up.origin}/lab/status"
    assert web.get(url).status_code in (401, 403)
    assert web.get(url, headers={SECRET: up.control["secret"]}).status_code == 200
    host = up.origin.removeprefix("http://").replace("127.0.0.1", "localhost")
    good = {SECRET: up.control["secret"], "Host": host, "Origin": f"http://{host}"}
    assert web.get(url, headers=good).status_code == 200


def test_second_lab_up_in_the_same_folder_is_refused_and_disturbs_nothing(up):
    kept = sorted(each.name for each in up.runs.iterdir())
    ended = up("up", "--port", "0")
    assert ended.status == 2
    assert up.origin in ended.err
    assert sorted(each.name for each in up.runs.iterdir()) == kept
    assert json.loads((up.runs / "up.json").read_text()) == up.control
    assert len(servers(up)) == 4


def test_secrets_are_in_no_file_of_the_run(up, web):
    login = web.post(f"{up.origin}/stateless/api/login", json={"user_id": "1", "name": "J"})
    secrets = [up.control["secret"], login.json()["token"]]
    files = [path for path in up.run.rglob("*") if path.is_file()]
    assert len(files) >= 5
    for path in files:
        text = path.read_text("utf-8", "replace")
        assert not [secret for secret in secrets if secret in text], path


# --- the other orders of a terminal, and the page's line


def events_of(web, origin):
    """Yield what the page receives, from the snapshot on."""
    with web.get(f"{origin}/lab/events", stream=True, timeout=DEADLINE_S) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith(b"data: ") and line != b"data: {}":
                yield json.loads(line.removeprefix(b"data: "))


def test_status_shows_the_settings_and_the_store_too(up):
    status = json.loads(up("status", "--json").out)
    assert status == status_of(up)
    assert status["origin"] == up.origin
    assert status["store"] is None
    settings = {"affinity": "none", "retry": "off", "cache": "off", "changed": {}}
    assert status["settings"]["stateful"] == {"store": "memory", **settings}
    assert status["settings"]["stateless"] == {"store": "token", **settings}
    assert "stateful: store memory, affinity none" in up("status").out


def test_resumed_server_goes_on_where_it_was(up):
    before = servers(up)["stateful/A"]
    ended = up("pause", "stateful/A")
    assert "lab resume stateful/A" in ended.out, ended
    assert servers(up)["stateful/A"]["state"] == "paused"
    assert psutil.Process(before["pid"]).status() == psutil.STATUS_STOPPED
    assert "‖ paused" in up("status").out
    assert f"pid {before['pid']} goes on" in up("resume", "stateful/A").out
    after = servers(up)["stateful/A"]
    assert (after["state"], after["instance"]) == ("up", before["instance"])


def test_add_and_drain_add_a_server_and_take_it_out(up):
    added = up("add", "stateful")
    assert added.status == 0, added
    (name,) = re.findall("stateful/([A-Z]): .* one more server", added.out)
    new = servers(up)[f"stateful/{name}"]
    assert new["state"] == "up"
    assert len(servers(up)) == 5
    assert up("drain", f"stateful/{name}").status == 0
    wait_for(lambda: f"stateful/{name}" not in servers(up))
    assert not psutil.pid_exists(new["pid"])
    assert up("kill", f"stateful/{name}").status == 2  # there is none any more


@pytest.mark.skipif(find_store() is None, reason="no Valkey or Redis here")
def test_store_is_broken_and_repaired_and_a_reset_moves_the_carts(up):
    refused = up("store", "kill")
    assert (refused.status, refused.out) == (2, "")
    assert "redis" in refused.err
    try:
        assert "store redis" in up("reset", "--store", "redis").out
        for order, state, words in (
            ("pause", "paused", "is paused"),
            ("resume", "up", "goes on"),
            ("kill", "dead", "SIGKILL, gone, port closed"),
            ("restart", "up", "is now"),
        ):
            ended = up("store", order)
            assert ended.status == 0, ended
            assert words in ended.out
            assert status_of(up)["store"]["state"] == state
        assert "✕ store: pid" in up("kill", "store").out  # a target like any other
        assert "✓ store" in up("restart", "store").out
    finally:
        ended = up("reset", "--store", "memory", "--servers", "2")
    assert ended.out.count("● up") == 4
    assert "store memory" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pause", "Z"], "no server 'Z'"),
        (["drain", ""], "no server"),
        (["add", "nowhere"], "'stateful', 'stateless'"),
        (["store", "flush"], "'kill', 'restart', 'pause', 'resume'"),
        (["reset", "--servers", "9"], "1<=x<=8"),
        (["reset", "--store", "redis://127.0.0.1:1"], "'memory', 'file', 'redis'"),
    ],
)
def test_wrong_order_is_status_2_and_changes_nothing(up, arguments, words):
    before = servers(up)
    ended = up(*arguments)
    assert ended.status == 2
    assert words in re.sub(r"\s+", " ", ended.err)
    assert servers(up) == before


@pytest.mark.parametrize(
    "arguments", [["open"], ["pause", "B"], ["add"], ["store", "kill"], ["reset"]]
)
def test_order_without_a_running_lab_says_how_to_start_one(lab_here, arguments):
    ended = lab_here(*arguments)
    assert ended.status == 2
    assert "lab up" in ended.err


def test_page_sees_a_request_of_any_client(up, web):
    events = events_of(web, up.origin)
    snapshot = next(events)
    assert snapshot["stack"]["origin"] == up.origin
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{up.origin}/stateless/@B/api/products?token=abc")
    event = next(each for each in events if each.get("kind") == "request")
    assert (event["desk"], event["path"], event["asked"]) == ("stateless", "/api/products", "B")
    assert (event["status"], event["served_by"], event["who"]) == (200, "B", "")
    assert event["instance"] == answer.headers["X-Instance"]
    assert event["tried"] == [{"server": "B", "status": "200"}]


def test_page_does_not_see_the_labs_own_requests(up, web):
    assert up("reset", "--servers", "2").status == 0
    assert up("add", "stateless").status == 0  # asks through nginx whether the new one is reached
    kinds = [event["kind"] for event in next(events_of(web, up.origin))["events"]]
    assert up("reset", "--servers", "2").status == 0
    assert "fault" in kinds
    assert "request" not in kinds


# --- the page in the browser


def enter(web, link):
    """Do what the page does with the ticket in its address; return the status."""
    origin, _, ticket = link.partition("/#ticket=")
    headers = {"X-Lab-Console": "1"}
    return web.post(f"{origin}/lab/enter", json={"ticket": ticket}, headers=headers).status_code


def test_link_makes_one_browser_the_instructors_and_works_once(up, web):
    printed = re.findall(r"http://\S+#ticket=\S+", up.process.out_path.read_text())
    opened = re.findall(r"http://\S+#ticket=\S+", up("open").out)
    assert len(printed) == len(opened) == 1
    for (link,) in (printed, opened):
        web.cookies.clear()
        whoami = f"{up.origin}/lab/whoami"
        assert not web.get(whoami).json()["instructor"]
        assert enter(web, link) == 200
        assert web.get(whoami).json()["instructor"]
        assert enter(web, link) == 403


BROWSER = """#!/bin/sh
echo "$@" > "$0.opened"
"""
SCREEN = {"DISPLAY": ":99", "WAYLAND_DISPLAY": ""}
NO_SCREEN = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}


def opened_by(here, name, arguments, environment, in_terminal):
    """Run `lab …` with a browser that writes down its arguments; return those, or None."""
    program = here.folder / name
    program.write_text(BROWSER)
    program.chmod(0o700)
    note = Path(f"{program}.opened")
    note.unlink(missing_ok=True)
    ours, theirs = os.openpty()
    environment = {**current_environment(), **environment, "BROWSER": f"{program} %s"}
    try:
        subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            cwd=here.folder,
            env=environment,
            stdout=theirs if in_terminal else subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=DEADLINE_S,
            check=True,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return note.read_text().strip() if note.exists() else None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_browser_opens_on_a_screen_with_a_terminal_and_nowhere_else(up, web):
    address = opened_by(up, "fox", ["open"], SCREEN, in_terminal=True)
    assert opened_by(up, "fox", ["open", "--no-open"], SCREEN, in_terminal=True) is None
    assert opened_by(up, "fox", ["open"], NO_SCREEN, in_terminal=True) is None
    assert opened_by(up, "fox", ["open"], SCREEN, in_terminal=False) is None
    assert opened_by(up, "w3m", ["open"], SCREEN, in_terminal=True) is None  # in this terminal
    # What every user of this machine can read on a command line opens no door.
    assert "ticket" not in address and up.origin not in address
    file = Path(url2pathname(urlsplit(address).path))
    assert file.parent == up.runs and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert enter(web, re.search(r"url=([^\"]+)", file.read_text())[1]) == 200


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_command_line_holds_a_secret(up, web):
    """Every command line of this machine is looked at while a browser is opened."""
    seen, ended = set(), threading.Event()

    def look():
        while not ended.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(file.read_bytes().replace(b"\0", b" "))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        opened_by(up, "slow-fox", ["open"], SCREEN, in_terminal=True)
        up("kill", "B"), up("restart", "B"), up("open", "--no-open")
    finally:
        ended.set()
        watcher.join(60)
    ours = [line for line in seen if b"lab open" in line or b"slow-fox" in line]
    assert ours, "the commands were not seen at all"
    secrets = (b"ticket=", up.control["secret"].encode())
    assert not [line for line in seen if any(secret in line for secret in secrets)]


def test_datagrams_of_a_stranger_do_not_end_the_events(up, web):
    """Any process of this machine can send to the port of nginx's log."""
    conf = (up.run / "nginx.conf").read_text()
    port = int(re.search(r"syslog:server=127\.0\.0\.1:(\d+)", conf)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for junk in (b"", b"junk", bytes(60_000), b"<190>Nov 24 06:55:04 lab_1: {}"):
            stranger.sendto(junk, ("127.0.0.1", port))
    events = events_of(web, up.origin)
    next(events)
    web_of_another = requests.Session()
    web_of_another.get(f"{up.origin}/stateless/@A/api/products")
    event = next(each for each in events if each.get("kind") == "request")
    assert event["path"] == "/api/products"


def connections(port, number, words=b""):
    """Open connections that say `words` and no more."""
    opened = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(number)]
    for each in opened:
        each.sendall(words)
    return opened


def test_connections_that_say_nothing_lock_no_page_out(up, web):
    desk = servers(up)["stateless/A"]["port"]
    silent = connections(urlsplit(up.origin).port, 240)
    silent += connections(desk, 150, b"GET /api/products HTTP/1.1\r\nHost: x\r\n")
    try:
        assert up("kill", "stateful/B").status == 0
        assert up("restart", "stateful/B").status == 0
        for _ in range(4):
            assert web.get(f"{up.origin}/stateless/@A/api/products").status_code == 200
    finally:
        for each in silent:
            each.close()


def test_console_has_no_port_for_strangers(up):
    conf = (up.run / "nginx.conf").read_text()
    path = Path(re.search(r"proxy_pass http://unix:([^:;]+)", conf)[1])
    assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_instructor_sees_what_happens_when_all_places_are_taken(up, web):
    link = re.search(r"http://\S+#ticket=\S+", up("open", "--no-open").out)[0]
    streams = []
    try:
        refused = False
        while not refused:
            stream = requests.get(f"{up.origin}/lab/events", stream=True, timeout=DEADLINE_S)
            streams.append(stream)
            refused = stream.status_code == 503
            assert len(streams) < 30
        assert enter(web, link) == 200
        assert next(events_of(web, up.origin))["events"] is not None
    finally:
        for stream in streams:
            stream.close()


# --- kept runs, without servers


def test_page_that_was_up_is_not_the_latest_run(lab_here):
    assert lab_here("run", "first-visit", "--quick").status == 0
    run = (lab_here.runs / "latest").resolve()
    process = lab_here.start("up", "--port", "0", "--no-open")
    wait_for(lambda: "Ctrl-C stops" in process.out_path.read_text())
    process.send_signal(signal.SIGINT)
    assert lab_here.finish(process).status == 0
    assert (lab_here.runs / "latest").resolve() == run
    assert lab_here("report", "latest").status == 0


@pytest.mark.parametrize("named", ["", "name", "folder", "file"])
def test_play_shows_a_kept_run_and_starts_nothing(shared_lab, web, named):
    if not shared_lab.runs.exists():
        none_yet = shared_lab("play", "--port", "0")
        assert none_yet.status == 2 and "lab run crash" in none_yet.err
        assert shared_lab("run", "first-visit", "--quick").status == 0
    (run,) = [
        path.name for path in shared_lab.runs.iterdir() if path.is_dir() and path.name[0] == "2"
    ]
    folder = f"lab-runs/{run}"
    chosen = {"": [], "name": [run], "folder": [folder], "file": [f"{folder}/result.json"]}[named]
    process = shared_lab.start("play", "--port", "0", *chosen)
    found = wait_for(lambda: re.search(r"(http://\S+)/\?run=(\S+)", process.out_path.read_text()))
    origin, name = found.groups()
    assert name == run
    assert web.get(f"{origin}/?run={name}").status_code == 200
    assert web.get(f"{origin}/lab/whoami").json()["live"] is False
    assert len(web.get(f"{origin}/lab/runs/{name}/0").json()["events"]) > 5
    assert [each.pid for each in shared_lab.processes()] == [process.pid]
    process.send_signal(signal.SIGINT)
    ended = shared_lab.finish(process)
    assert ended.status == 0
    assert "nothing is left running" in ended.out


def test_play_of_a_run_that_is_not_there_says_so(shared_lab):
    ended = shared_lab("play", "no-such-run")
    assert ended.status == 2
    assert "no-such-run" in ended.err


# --- its end


def test_port_that_is_given_and_taken_is_a_clear_error(lab_here):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = lab_here("up", "--port", str(port))
    assert ended.status == 2
    assert f"port {port} is taken" in ended.err
    assert "--port 0" in ended.err
    assert not (lab_here.runs / "up.json").exists()


@pytest.mark.parametrize("presses", [1, 2])
def test_port_is_8000_unless_it_is_taken_and_ctrl_c_leaves_nothing(lab_here, presses):
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if presses == 1 or is_open(8000):  # the second time 8000 is free, if this machine lets it be
        if not is_open(8000):
            holder.bind(("127.0.0.1", 8000))
            holder.listen()
        expect_8000 = False
    else:
        expect_8000 = True
    try:
        process = lab_here.start("up", "--servers", "1")
        control = control_of(lab_here, process)
        assert control["origin"].endswith(":8000") is expect_8000
        ports = [int(control["origin"].rpartition(":")[2])]
        ports += [each["port"] for each in servers(lab_here).values()]
        for _ in range(presses):
            process.send_signal(signal.SIGINT)
        ended = lab_here.finish(process, DEADLINE_S)
    finally:
        holder.close()
    assert ended.status in (0, 130), ended
    assert "nothing is left running" in ended.out + ended.err
    assert "Traceback" not in ended.err
    assert not (lab_here.runs / "up.json").exists()
    lab_here.assert_nothing_left()
    assert not [port for port in ports if is_open(port)]


def test_stale_control_file_after_kill_9_is_ignored(lab_here):
    process = lab_here.start("up", "--port", "0", "--servers", "1")
    control = control_of(lab_here, process)
    process.kill()
    process.wait(60)
    lab_here.assert_nothing_left()
    stale = {**control, "pid": os.getpid()}  # another process has its number by now
    (lab_here.runs / "up.json").write_text(json.dumps(stale))
    ended = lab_here("status")
    assert ended.status == 2
    assert "lab up" in ended.err
    process = lab_here.start("up", "--port", "0", "--servers", "1")
    wait_for(lambda: control_of(lab_here, process)["pid"] == process.pid)
    process.send_signal(signal.SIGTERM)
    assert lab_here.finish(process).status in (0, 130)
