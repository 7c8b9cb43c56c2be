"""Faults of servers and of a store that the lab did not start: what counts as an end."""

import json
import sys
import threading
from contextlib import ExitStack, closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import pytest

from lab.core.errors import LabError
from lab.core.faults import FaultKind, is_confirmed
from lab.stack import deployed_store
from lab.stack.deployed_store import DeployedStore
from lab.stack.deployment import Deployment, ExternalServerSpec
from lab.stack.external_pool import ExternalPool
from lab.stack.external_server import ExternalServer
from lab.stack.fault_commands import HowToRun, Ran
from lab.stack.kept_connection import KeptConnection
from lab.stack.pool_spec import PoolSpec

NOTHING = (sys.executable, "-c", "pass")
NOW = HowToRun(wait_s=0.0)  # a condition is still asked twice


class Desk:
    """Listens as a desk does. `retire` leaves its open connections to it, and closes the rest."""

    def __init__(self, instance="old", replica="A"):
        self.instance, self.replica = instance, replica
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if desk.is_dead:
                    self.close_connection = True
                    return
                if self.path == "/anew":
                    desk.instance = "new"
                body = json.dumps(
                    {
                        "app": "stateful",
                        "replica": desk.replica,
                        "instance": desk.instance,
                        "requests_served": 1,
                        "carts_remembered": 0,
                        "pid": 7,
                    }
                ).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.is_dead = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def retire(self):
        self._server.shutdown()
        self._thread.join(60)
        self._server.socket.close()

    def close(self):
        self.is_dead = True
        if self._thread.is_alive():
            self.retire()


@pytest.fixture
def desk():
    with ExitStack() as made:
        yield lambda **says: made.enter_context(closing(Desk(**says)))


def spec(port, how=NOW, **commands):
    given = {name.replace("_", "-"): words for name, words in commands.items()}
    return ExternalServerSpec("127.0.0.1", "127.0.0.1", port, "stateful", "A", "old", given, how)


def killed(server, monkeypatch, act):
    """Kill it, where `act` is what its kill command does."""
    monkeypatch.setattr(ExternalServer, "_run", lambda self, fault, words: act())
    seen = server.kill()
    return seen, is_confirmed(FaultKind.KILL, seen)


def test_closed_port_is_no_death_while_the_instance_answers_a_kept_connection(desk, monkeypatch):
    there = desk()
    server = ExternalServer(spec(there.port, kill=NOTHING))
    seen, confirmed = killed(server, monkeypatch, there.retire)
    assert (seen.port_closed, seen.instance_gone, confirmed) == (True, False, False)


def test_death_is_the_instance_gone_and_its_port_closed(desk, monkeypatch):
    there = desk()
    server = ExternalServer(spec(there.port, kill=NOTHING))
    seen, confirmed = killed(server, monkeypatch, there.close)
    assert (seen.port_closed, seen.instance_gone, confirmed) == (True, True, True)
    assert (seen.instance, seen.pid) == ("old", 7)


def test_kill_that_kills_nothing_is_not_confirmed(desk, monkeypatch):
    server = ExternalServer(spec(desk().port, kill=NOTHING))
    seen, confirmed = killed(server, monkeypatch, lambda: None)
    assert (seen.port_closed, seen.instance_gone, confirmed) == (False, False, False)


def test_kept_connection_opens_no_other_one_once_it_is_closed(desk):
    there = desk()
    with KeptConnection("127.0.0.1", there.port) as kept:
        assert kept.instance() == "old"
        there.is_dead = True
        assert kept.instance() == ""
        there.is_dead = False  # whoever listens there now is another
        assert kept.instance() == ""


@pytest.mark.parametrize("instance", [None, 7, ["x"], {}])
def test_answer_without_an_instance_belongs_to_no_process(desk, instance):
    with KeptConnection("127.0.0.1", desk(instance=instance).port) as kept:
        assert kept.instance() == ""


def test_restart_with_variables_needs_a_command_that_takes_them(desk):
    server = ExternalServer(spec(desk().port, restart=NOTHING))
    server.require_restart({})
    with pytest.raises(LabError, match="other variables with --restart-env-command"):
        server.require_restart({"SHOP_PRICES": "laptop=1"})


def test_variables_are_in_the_commands_environment_and_file_and_are_taken_back(desk, tmp_path):
    there, written = desk(), tmp_path / "written"
    code = (
        "import os, sys, urllib.request as web; web.urlopen(sys.argv[3]).read();"
        "file = open(sys.argv[2], 'a');"
        "print(os.environ.get('KEY'), open(sys.argv[1]).read().strip(), oct(os.stat(sys.argv[1])"
        ".st_mode & 0o777), file=file)"
    )
    again = f"http://127.0.0.1:{there.port}/anew"
    words = (sys.executable, "-c", code, "{env_file}", str(written), again)
    how = HowToRun(30, {"KEY": "usual"})
    server = ExternalServer(spec(there.port, how, restart_env=words))
    assert server.restart({"KEY": "a=b"}).instance == "new"
    server.undo_faults()
    assert written.read_text() == "a=b KEY=a=b 0o600\nusual  0o600\n"


def test_look_reads_memory_and_writes(desk):
    said = "Name:\tpython\nVmRSS:\t  2048 kB\n", "rchar: 5\nwchar: 77\n"
    words = (sys.executable, "-c", f"print({said[0]!r}, end=''); print({said[1]!r}, end='')")
    look = ExternalServer(spec(desk().port, HowToRun(30), look=words)).look()
    assert (look.memory_bytes, look.written_bytes) == (2048 * 1024, 77)


@pytest.mark.parametrize("said", ["", "VmRSS: lots", "wchar: 7", "\0"])
def test_look_that_shows_no_memory_says_what_is_wanted(desk, said):
    words = (sys.executable, "-c", f"print({said!r})")
    server = ExternalServer(spec(desk().port, HowToRun(30), look=words))
    with pytest.raises(LabError, match="let it print /proc/PID/status"):
        server.look()


# --- a server that a command adds


class Reloads:
    """Takes the balancer's place."""

    def reload(self):
        return None


def pool(there, words):
    spec_ = spec(there.port, HowToRun(30), add=words, drain=NOTHING)
    made = ExternalPool(PoolSpec("stateful", "stateful_app", external=(spec_,)))
    made.attach(Reloads())
    return made


def says(text):
    return (sys.executable, "-c", f"print({text!r}, 'done')")


def test_added_server_is_where_its_command_says_last(desk):
    there, more = desk(), desk(instance="more", replica="B")
    made = pool(there, says(f"building http://127.0.0.1:1\n http://127.0.0.1:{more.port}"))
    assert (made.add().instance, list(made.servers)) == ("more", ["A", "B"])


def test_servers_that_were_added_are_ended_the_last_one_first(desk, monkeypatch):
    made, ended = pool(desk(), NOTHING), []
    monkeypatch.setattr(ExternalServer, "drain", lambda server: ended.append(server.name))
    monkeypatch.setattr(ExternalServer, "undo_faults", lambda server: ended.append("own"))
    made._added = {
        name: ExternalServer(replace(made.servers["A"].spec, name=name)) for name in "BC"
    }
    made.undo_faults()
    made.undo_faults()
    assert ended == ["own", "C", "B", "own"]


def test_add_command_gets_the_next_name(desk):
    there, more = desk(), desk(replica="B")
    code = f"print('{{name}}{{name_lower}} http://127.0.0.1:{more.port}')"
    made = pool(there, (sys.executable, "-c", code))
    assert made.servers["A"].spec.command("add")[2].startswith("print('Aa")
    assert made.add().name == "B"


@pytest.mark.parametrize(
    ("names", "following"),
    [
        (["A"], "B"),
        (["A", "C"], "D"),
        (["stateful-0", "stateful-10"], "stateful-11"),
        (["x"], None),
    ],
)
def test_next_name_follows_the_names_there_are(desk, names, following):
    made = pool(desk(), NOTHING)
    made.servers = dict.fromkeys(names)
    if following:
        assert made._next_name() == following
    else:
        with pytest.raises(LabError, match="drain one first"):
            made._next_name()


@pytest.mark.parametrize("text", ["", "there you are", "https://127.0.0.1:1"])
def test_add_command_without_an_address_is_refused(desk, text):
    with pytest.raises(LabError, match="http://HOST:PORT"):
        pool(desk(), says(text)).add()


def test_add_command_that_names_a_server_that_is_there_is_refused(desk):
    there = desk()
    with pytest.raises(LabError, match="with a name of its own such as B"):
        pool(there, says(f"http://127.0.0.1:{there.port}")).add()


# --- the store


class FakeStore(DeployedStore):
    """A store whose commands change which life answers."""

    def __init__(self, commands=("kill", "restart", "pause", "resume"), works=True):
        words = dict.fromkeys(commands, NOTHING)
        super().__init__("redis://127.0.0.1:1/0", Deployment({}, words, how=NOW))
        self.life, self.works, self.ran = "first", works, []

    def _answering(self):
        return self.life

    def _run(self, fault):
        with mock.patch.object(deployed_store, "run", return_value=Ran(None, "")):
            super()._run(fault)
        self.ran.append(fault)
        if self.works:
            lives = {"kill": "", "restart": "second", "pause": "", "resume": "first"}
            self.life = lives[fault]


@pytest.mark.parametrize("works", [True, False])
def test_death_and_return_of_a_store_are_seen_by_its_answers(works):
    store = FakeStore(works=works)
    dead = store.kill()
    assert is_confirmed(FaultKind.KILL, dead) is works and store.state == "dead"
    assert is_confirmed(FaultKind.RESTART, store.restart()) is works
    assert store.state == "up"


@pytest.mark.parametrize("works", [True, False])
def test_frozen_store_is_one_that_falls_silent(works):
    store = FakeStore(works=works)
    assert store.pause().frozen is works and store.state == "paused"
    store.resume()
    assert store.state == "up"


def test_store_is_brought_back_at_the_end():
    for fault, mend in (("kill", "restart"), ("pause", "resume")):
        store = FakeStore()
        getattr(store, fault)()
        store.undo_faults()
        store.undo_faults()
        assert store.ran == [fault, mend]


@pytest.mark.parametrize("fault", ["kill", "restart", "pause"])
def test_store_without_a_command_names_the_option(fault):
    missing = "resume" if fault == "pause" else fault
    with pytest.raises(LabError, match=f"--store-{missing}-command"):
        getattr(FakeStore(commands=()), fault)()


def test_store_that_is_frozen_has_a_way_back_first():
    store = FakeStore(commands=("pause",))
    with pytest.raises(LabError, match="--store-resume-command"):
        store.pause()
    assert store.ran == []


def test_store_command_that_fails_is_quoted():
    broken = (sys.executable, "-c", "raise SystemExit('no such container')")
    store = DeployedStore("redis://127.0.0.1:1/0", Deployment({}, {"kill": broken}))
    with pytest.raises(
        LabError,
        match=r"kill command of the store \(--store-kill-command\) failed .*no such container",
    ):
        store.kill()
