"""`lab up` and the commands that steer it from another terminal; who else may, may not."""

import json
import os
import re
import signal
import socket
import stat

import psutil
import pytest
import requests
from conftest import DEADLINE_S, LabHere, wait_for

from lab.stack.ports import is_open

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and modes of POSIX")
SECRET = "X-Lab-Secret"


def door_of(here, process):
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
    here.process = here.start("up", "--port", "0", "--servers", "2")
    here.door = door_of(here, here.process)
    here.origin = here.door["origin"]
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


def servers(here):
    """Every server as `lab status` tells it: {"stateful/A": {...}}."""
    told = json.loads(here("status", "--json").out)
    return {
        f"{desk}/{each['name']}": each for desk, listed in told["desks"].items() for each in listed
    }


def test_it_prints_the_addresses_and_a_curl_line_for_each(up):
    told = up.process.out_path.read_text()
    assert told.count("curl ") == 2
    for words in (f"{up.origin}/stateful/", f"{up.origin}/stateless/", "lab kill B", "Ctrl-C"):
        assert words in re.sub(r"\s+", " ", told), words
    assert up.door["secret"] not in told + up.process.err_path.read_text()


def test_the_door_is_for_its_owner_only(up):
    path = up.runs / "up.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert up.door["pid"] == up.process.pid
    assert len(up.door["secret"]) >= 32
    for process in up.processes():
        assert up.door["secret"] not in " ".join(process.cmdline())


@pytest.mark.parametrize("desk", ["stateful", "stateless"])
def test_both_desks_answer_on_one_origin(up, web, desk):
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
    assert ended.out.count("✓ up") == 4
    for name, each in servers(up).items():
        assert each["state"] == "up", name
        assert psutil.pid_exists(each["pid"])
        assert str(each["pid"]) in ended.out
        assert up.door["secret"] not in ended.out


def test_a_letter_kills_at_both_desks_and_restart_brings_both_back_as_others(up):
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


def test_a_desk_and_a_letter_kill_one(up, web):
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
def test_an_unknown_server_is_refused_with_those_there_are(up, web, command, server):
    answer = web.post(
        f"{up.origin}/lab/{command}", json={"server": server}, headers={SECRET: up.door["secret"]}
    )
    assert answer.status_code == 404
    assert "stateful/A, stateful/B, stateless/A, stateless/B" in answer.json()["detail"]


def test_an_unknown_server_is_a_clear_error_in_the_terminal(up):
    ended = up("kill", "Z")
    assert ended.status == 2
    assert "no server 'Z'" in ended.err


def test_a_proxy_of_the_environment_is_not_told_the_secret(up):
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
def test_whoever_else_calls_is_refused_and_nothing_dies(up, web, command):
    before = servers(up)
    url = f"{up.origin}/lab/{command}"
    for what, statuses, headers, how in refusals():
        answer = web.post(url, headers={SECRET: up.door["secret"]} | headers, **how)
        assert answer.status_code in statuses, (what, answer.status_code, answer.text)
        assert "Traceback" not in answer.text
        assert "Access-Control-Allow-Origin" not in answer.headers
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = web.request(method, url, headers={SECRET: up.door["secret"]}, json={"server": "A"})
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]
    assert servers(up) == before


def test_status_is_for_the_owner_too(up, web):
    url = f"{up.origin}/lab/status"
    assert web.get(url).status_code in (401, 403)
    assert web.get(url, headers={SECRET: up.door["secret"]}).status_code == 200
    host = up.origin.removeprefix("http://").replace("127.0.0.1", "localhost")
    good = {SECRET: up.door["secret"], "Host": host, "Origin": f"http://{host}"}
    assert web.get(url, headers=good).status_code == 200


def test_a_second_lab_up_in_the_same_folder_is_refused_and_disturbs_nothing(up):
    latest = (up.runs / "latest").resolve()
    ended = up("up", "--port", "0")
    assert ended.status == 2
    assert up.origin in ended.err
    assert (up.runs / "latest").resolve() == latest
    assert json.loads((up.runs / "up.json").read_text()) == up.door
    assert len(servers(up)) == 4


def test_no_secret_is_in_the_files_of_the_run(up, web):
    login = web.post(f"{up.origin}/stateless/api/login", json={"user_id": "1", "name": "J"})
    secrets = [up.door["secret"], login.json()["token"]]
    files = [path for path in (up.runs / "latest").resolve().rglob("*") if path.is_file()]
    assert len(files) >= 5
    for path in files:
        text = path.read_text("utf-8", "replace")
        assert not [secret for secret in secrets if secret in text], path


def test_an_explicit_port_that_is_taken_is_a_clear_error(lab_here):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = lab_here("up", "--port", str(port))
    assert ended.status == 2
    assert f"port {port} is taken" in ended.err
    assert "--port 0" in ended.err
    assert not (lab_here.runs / "up.json").exists()


@pytest.mark.parametrize("presses", [1, 2])
def test_8000_is_the_port_unless_it_is_taken_and_ctrl_c_leaves_nothing(lab_here, presses):
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
        door = door_of(lab_here, process)
        assert door["origin"].endswith(":8000") is expect_8000
        ports = [int(door["origin"].rpartition(":")[2])]
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


def test_after_kill_9_the_stale_file_stands_in_nobodys_way(lab_here):
    process = lab_here.start("up", "--port", "0", "--servers", "1")
    door = door_of(lab_here, process)
    process.kill()
    process.wait(10)
    lab_here.assert_nothing_left()
    stale = {**door, "pid": os.getpid()}  # its number is somebody else's by now
    (lab_here.runs / "up.json").write_text(json.dumps(stale))
    ended = lab_here("status")
    assert ended.status == 2
    assert "lab up" in ended.err
    process = lab_here.start("up", "--port", "0", "--servers", "1")
    wait_for(lambda: door_of(lab_here, process)["pid"] == process.pid)
    process.send_signal(signal.SIGTERM)
    assert lab_here.finish(process).status in (0, 130)
