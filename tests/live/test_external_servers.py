"""Servers that the lab did not start, on this machine: the same experiments run against them."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing, contextmanager, suppress

import psutil
import pytest
import requests
from conftest import wait_for

from lab.core.errors import LabError
from lab.evidence.record import Record
from lab.evidence.result import Settings
from lab.experiments.provision import SILENCE, ProvisionedStack, deployed
from lab.experiments.script_api import Lab
from lab.processes.ports import free_ports
from lab.stack.deployment import find
from lab.stack.server import server_info

pytestmark = pytest.mark.skipif(os.name != "posix", reason="its commands are POSIX's kill")
# What a deployment might call its start script: a server in the background, its pid in a file.
SERVE = """
import os, subprocess, sys
folder, desk, name, port = sys.argv[1:]
env = os.environ | {"REPLICA": name, "STATELESS_SIGNING_KEYS": "a-key-of-their-own" * 3}
command = [sys.executable, "-m", desk + "_app", "--port", port]
server = subprocess.Popen(command, env=env, cwd=folder, start_new_session=True)
with open(os.path.join(folder, port), "w") as file:
    file.write(str(server.pid))
"""


class Shop:
    """Two servers of each desk, started without the lab."""

    def __init__(self, folder):
        self.folder = folder
        ports = iter(free_ports(4))
        self.ports = {
            (desk, name): next(ports) for desk in ("stateful", "stateless") for name in "AB"
        }

    def start_command(self, desk, name):
        words = [sys.executable, "-c", SERVE, str(self.folder), desk, name]
        return [*words, str(self.ports[desk, name])]

    def revive(self):
        """Start who does not run."""
        for (desk, name), port in self.ports.items():
            if server_info(port) is None:
                log = subprocess.DEVNULL
                subprocess.run(self.start_command(desk, name), check=True, stderr=log)
        wait_for(lambda: all(map(server_info, self.ports.values())))

    def pid(self, desk, name):
        return int((self.folder / str(self.ports[desk, name])).read_text())

    def url(self, desk, name):
        return f"http://127.0.0.1:{self.ports[desk, name]}"

    def close(self):
        for desk, name in self.ports:
            with suppress(OSError):
                os.kill(self.pid(desk, name), signal.SIGKILL)


@pytest.fixture(scope="module")
def whole_shop(tmp_path_factory):
    with closing(Shop(tmp_path_factory.mktemp("shop"))) as shop:
        yield shop


@pytest.fixture
def shop(whole_shop):
    whole_shop.revive()
    return whole_shop


def quoted(words):
    return " ".join(f"'{word}'" for word in words)


@contextmanager
def bench_of(shop, folder, settings=None, wait_s=60.0, **commands):
    """A stack before the stateful desk's A and B, and the `lab` of a script there."""
    urls = [shop.url("stateful", name) for name in "AB"]
    given = {fault: commands.get(fault, ()) for fault in ("kill", "restart")}
    deployment = find(urls, given, wait_s=wait_s)
    (variant,) = deployed(settings or Settings(), deployment)
    provisioned = ProvisionedStack(folder / "run", deployment=deployment)
    with provisioned.open([variant]):
        yield Lab(provisioned.context(variant, 1, 0, quick=True), Record(variant.name))


def kills(shop, signal_name="KILL"):
    return [f"kill -{signal_name} {shop.pid('stateful', name)}" for name in "AB"]


def starts(shop):
    return [quoted(shop.start_command("stateful", name)) for name in "AB"]


# --- what can be done


def test_kill_is_confirmed_by_the_network_and_a_restart_is_a_new_life(shop, tmp_path):
    with bench_of(shop, tmp_path, kill=kills(shop), restart=starts(shop)) as lab:
        old = lab.server_info("B")["instance"]
        assert lab.servers == ("A", "B")
        event = lab.kill("B")
        death = event.evidence
        assert event.confirmed and death.port_closed and death.process_gone is None
        assert (death.instance, death.signal) == (old, "kill command")
        assert not psutil.pid_exists(death.pid) or psutil.Process(death.pid).status() == "zombie"
        assert lab.shopper().login(server="B").status == 502
        with pytest.raises(LabError, match="does not answer: restart or resume it"):
            lab.kill("B")
        new = lab.restart("B")
        assert new != old and lab.shopper().login(server="B").instance == new
        (restart,) = [fault for fault in lab._record.faults() if fault.kind == "restart"]
        assert restart.confirmed


def test_kill_that_kills_nothing_is_not_confirmed(shop, tmp_path):
    with bench_of(shop, tmp_path, wait_s=2.0, kill=["true {name}"]) as lab:
        assert not lab.kill("A").confirmed


def test_kill_command_that_fails_is_quoted(shop, tmp_path):
    with (
        bench_of(shop, tmp_path, kill=["ls /no-such-{name}"]) as lab,
        pytest.raises(
            LabError,
            match=r"(?s)kill command of stateful/A \(--kill-command\) failed \(exit .*no-such-A",
        ),
    ):
        lab.kill("A")


def test_paused_server_keeps_its_port_and_goes_on_as_it_was(shop, tmp_path):
    urls = [shop.url("stateful", name) for name in "AB"]
    deployment = find(urls, {"pause": kills(shop, "STOP"), "resume": kills(shop, "CONT")})
    (variant,) = deployed(Settings(), deployment)
    with ProvisionedStack(tmp_path / "run", deployment=deployment).open([variant]) as stack:
        pool = stack.pools["stateful"]
        before = pool.servers["A"].server_info()["instance"]
        pool.servers["A"].pause()
        assert pool.servers["A"].state == "paused"
        asked = f"{pool.url_of('A')}/api/server"
        assert requests.get(asked, timeout=60).status_code == 504
        assert f"{SILENCE};" in (tmp_path / "run" / "nginx.conf").read_text()
    # The end of the run lets go on what it has frozen.
    assert server_info(shop.ports["stateful", "A"])["instance"] == before


def test_killed_server_is_started_again_at_the_end_of_the_run(shop, tmp_path, caplog):
    with bench_of(shop, tmp_path, kill=kills(shop), restart=starts(shop)) as lab:
        old = lab.kill("A").evidence.instance
    assert server_info(shop.ports["stateful", "A"])["instance"] != old
    assert not caplog.messages


def test_server_that_cannot_be_started_again_is_reported_once(shop, tmp_path, caplog):
    with bench_of(shop, tmp_path, kill=kills(shop)) as lab:
        lab.kill("A")
    (line,) = caplog.messages
    assert "is left as it is" in line and "stateful/A" in line and "--restart-command" in line


# --- what cannot be known or done

NOT_OURS = [
    ("kill", lambda lab: lab.kill("A"), "--kill-command"),
    ("pause", lambda lab: lab.pause("A"), "--pause-command"),
    ("restart", lambda lab: lab.restart("A"), "--restart-command"),
    ("environment", lambda lab: lab.restart("A", {"X": "1"}), "--restart-env-command"),
    ("add", lambda lab: lab.add_server(), "--add-command"),
    ("drain", lambda lab: lab.drain("A"), "--drain-command"),
    ("memory", lambda lab: lab.memory_bytes("A"), "--look-command"),
    ("held", lambda lab: lab.held(), "--look-command"),
    ("key", lambda lab: lab.leak_key(), "no signing key of these servers"),
]


def test_experiment_that_needs_the_labs_own_servers_is_refused_with_its_reason(shop, tmp_path):
    with bench_of(shop, tmp_path, kill=kills(shop)) as lab:
        before = [lab.server_info(name)["instance"] for name in lab.servers]
        for name, act, words in NOT_OURS[1:]:
            with pytest.raises(LabError, match=words):
                pytest.fail(f"{name}: {act(lab)}")
        # Refused before anything was broken for it.
        assert [lab.server_info(name)["instance"] for name in lab.servers] == before
    with bench_of(shop, tmp_path / "2") as lab, pytest.raises(LabError, match=NOT_OURS[0][2]):
        lab.kill("A")


def test_store_that_is_theirs_is_not_counted_without_its_url(shop, tmp_path):
    with bench_of(shop, tmp_path, Settings(store="redis")) as lab:
        assert lab.has_store
        for ask in (lab.store_stats, lambda: lab.store_operations(lambda: None)):
            with pytest.raises(LabError, match="give its URL"):
                ask()


def test_server_that_has_ended_since_it_was_asked_is_named(shop, tmp_path):
    urls = [shop.url("stateful", "A")]
    deployment = find(urls, {})
    os.kill(shop.pid("stateful", "A"), signal.SIGKILL)
    wait_for(lambda: server_info(shop.ports["stateful", "A"]) is None)
    with (
        pytest.raises(LabError, match=r"stateful/A \(.*\) does not answer"),
        ProvisionedStack(tmp_path / "run", deployment=deployment).open(
            deployed(Settings(), deployment)
        ),
    ):
        pass


# --- from the command line


def upstreams(shop, *names):
    yield from ("--store", "memory")  # the lab cannot know: an option has to say it
    for desk, name in names or shop.ports:
        yield from ("--upstream", shop.url(desk, name))


def kill_commands(shop):
    for desk, name in shop.ports:
        yield from ("--kill-command", f"kill -9 {shop.pid(desk, name)}")


def test_crash_runs_against_them_and_the_report_says_whose_they_are(shop, lab_here):
    ended = lab_here("run", "crash", "--quick", *upstreams(shop), *kill_commands(shop))
    assert ended.status == 0, ended
    assert "not started by the lab" in ended.out
    assert ended.err.count("is left as it is") == 2, "each of the killed, once"
    document = json.loads(next(lab_here.runs.glob("2*/result.json")).read_text())
    (crash,) = document["experiments"]
    for variant in crash["variants"]:
        seen, (kill,) = variant["measurements"], variant["faults"]
        assert kill["confirmed"] and seen["kill_confirmed"]
        lost = 6 if variant["app"] == "stateful" else 0
        assert (len(seen["observed_lost"]), seen["carts_acknowledged"]) == (lost, 12)
        assert variant["upstreams"] == [shop.url(variant["app"], name) for name in "AB"]
        # Who was not killed still runs, and is the same as before.
        (alive,) = set("AB") - {kill["target"]}
        served = {e["instance"] for e in variant["exchanges"] if e["served_by"] == alive}
        assert served == {server_info(shop.ports[variant["app"], alive])["instance"]}
    assert lab_here("report").status == 0
    page = next(lab_here.runs.glob("2*/report.html")).read_text()
    assert "not started by the lab" in page
    assert f"lab run crash --store memory --upstream {shop.url('stateful', 'A')}" in page


def test_deployment_without_a_kill_command_is_unknown_and_says_what_to_give(shop, lab_here):
    ended = lab_here("run", "crash", "--quick", "--json", *upstreams(shop))
    assert ended.status == 3, ended
    (crash,) = json.loads(ended.out)["experiments"]
    assert crash["verdict"] == "unknown"
    assert all("--kill-command" in variant["trouble"] for variant in crash["variants"])


def test_deployment_of_one_desk_runs_only_its_variant(shop, lab_here):
    ended = lab_here("run", "any-server", "--json", *upstreams(shop, ("stateless", "A")))
    assert ended.status == 0, ended
    (variant,) = json.loads(ended.out)["experiments"][0]["variants"]
    assert (variant["name"], variant["knobs"]["servers"]) == ("stateless", 1)
    ended = lab_here("run", "any-server", "--matrix", *upstreams(shop, ("stateless", "A")))
    assert ended.status == 2 and "--matrix tries every setting" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--upstream", "ftp://127.0.0.1:1"], "http://HOST:PORT"),
        (["--upstream", "http://127.0.0.1:1"], "does not answer"),
        (["--upstream", "http://127.0.0.1:1", "--servers", "2"], "leave out --servers"),
        (["--kill-command", "kill 1"], "--kill-command needs servers to act on"),
    ],
)
def test_wrong_usage_is_status_2_before_anything_is_made(lab_here, arguments, words):
    ended = lab_here("run", "crash", *arguments)
    assert ended.status == 2 and words in " ".join(ended.err.split()), ended
    assert not lab_here.runs.exists()


def test_upstream_option_needs_the_store_option(shop, lab_here):
    named = [each for each in upstreams(shop) if each not in ("--store", "memory")]
    ended = lab_here("run", "crash", "--quick", *named)
    assert ended.status == 2 and "say with --store where these servers keep sessions" in ended.err


def test_command_that_is_the_same_for_two_servers_is_refused(shop):
    urls = [shop.url(desk, name) for desk, name in shop.ports]
    with pytest.raises(LabError, match=r"is the same for stateful/A at .* and stateless/A at"):
        find(urls, {"kill": ["docker kill {name}"]})
    for each in ("docker kill {desk}-{name}", "kill-at {port}", "ip link set {host} down"):
        assert find(urls, {"kill": [each]})  # of the last one's two, one word breaks both
