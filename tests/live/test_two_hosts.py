"""The same experiment where servers stand on two hosts, and the link to one of them is cut.

The hosts are network namespaces of Linux, a third is the lab's own machine; making them needs
root and `ip`. Nothing of it is seen outside, and all of it is removed afterwards.
"""

import json
import os
import subprocess
import sys
from contextlib import ExitStack

import pytest
from conftest import wait_for
from namespaces import can_be_made, ip, namespace

from lab.core.environment import current_environment

LAB, ONE, TWO = (f"two-desks-{os.getpid()}-{name}" for name in ("lab", "one", "two"))
ADDRESS = {ONE: "192.0.2.2", TWO: "192.0.2.6"}  # RFC 5737: addresses that belong to no machine
GATEWAY = {ONE: "192.0.2.1", TWO: "192.0.2.5"}
HOST_OF = {"A": ONE, "B": TWO, "C": TWO}
PORTS = {"stateful": 5100, "stateless": 5200}


def inside(host, *words, **how):
    """Start a program on a host; `ip netns exec` becomes that program, so its pid is ours."""
    return subprocess.Popen(["ip", "netns", "exec", host, *words], **how)


def lay_cable(host):
    """Lay a cable from the lab to a host."""
    near = host.rpartition("-")[2]
    ip("-n", LAB, "link", "add", near, "type", "veth", "peer", "name", "cable", "netns", host)


def plug_in(host):
    """Give both ends of a host's cable an address."""
    near = host.rpartition("-")[2]
    for place, end, address in ((LAB, near, GATEWAY[host]), (host, "cable", ADDRESS[host])):
        ip("-n", place, "addr", "add", f"{address}/30", "dev", end)
        ip("-n", place, "link", "set", end, "up")


@pytest.fixture
def hosts():
    if not can_be_made():
        pytest.skip("two hosts on one machine are network namespaces: Linux, root and `ip`")
    with ExitStack() as made:
        try:
            for name in (LAB, ONE, TWO):
                made.enter_context(namespace(name))
            lay_cable(ONE)
            lay_cable(TWO)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this system allows no network namespaces: {error.stderr.strip()}")
        plug_in(ONE)
        plug_in(TWO)
        yield
    assert f"two-desks-{os.getpid()}" not in ip("netns", "list").stdout


class Desks:
    """Three servers of each desk on the two hosts, started by hand."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = {}

    def start(self):
        for desk in PORTS:
            for name in HOST_OF:
                self.processes[desk, name] = self._start(desk, name)

    def _start(self, desk, name):
        host, port = HOST_OF[name], self.port(desk, name)
        env = {
            **current_environment(),
            "REPLICA": name,
            "STATELESS_SIGNING_KEYS": "a-key-of-theirs" * 3,
        }
        words = [sys.executable, "-m", f"{desk}_app", "--host", ADDRESS[host], "--port", str(port)]
        log = (self.folder / f"{desk}-{name}.log").open("wb")
        with log:
            return inside(host, *words, env=env, stderr=log, stdin=subprocess.DEVNULL)

    @staticmethod
    def port(desk, name):
        return PORTS[desk] + ord(name)

    def is_listening(self):
        logs = [self.folder / f"{desk}-{name}.log" for desk, name in self.processes]
        return all(" on http://" in log.read_text() for log in logs)

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait(60)


@pytest.fixture
def desks(hosts, tmp_path_factory):
    desks = Desks(tmp_path_factory.mktemp("desks"))
    try:
        desks.start()
        wait_for(desks.is_listening)
        yield desks
    finally:
        desks.end()


def options(desks):
    """The lab gets where the servers are; what it can break is the cable to each one's host."""
    yield from ("--store", "memory")
    for desk, name in desks.processes:
        host = HOST_OF[name]
        yield from ("--upstream", f"http://{ADDRESS[host]}:{desks.port(desk, name)}")
        for option, state in (("--kill-command", "down"), ("--restart-command", "up")):
            yield from (option, f"ip -n {host} link set dev cable {state}")


# The experiment itself, with one customer at each server: each one in vain waits for seconds.
SHORT_CRASH = "from lab.experiments.crash import *\nCUSTOMERS = 3\n"
ASK = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode())
"""


def instance_of(desks, desk, name):
    """Ask a server who it is, from the lab's machine."""
    url = f"http://{ADDRESS[HOST_OF[name]]}:{desks.port(desk, name)}/api/server"
    asking = inside(LAB, sys.executable, "-c", ASK, url, stdout=subprocess.PIPE)
    return json.loads(asking.communicate(timeout=60)[0])["instance"]


@pytest.mark.long
def test_cut_link_loses_what_its_server_remembered_and_no_token(desks, lab_here):
    lab_here.command = ("ip", "netns", "exec", LAB, *lab_here.command)
    script = lab_here.write("short_crash.py", SHORT_CRASH)
    ended = lab_here("run", script, "--json", *options(desks))
    assert ended.status == 0, ended
    document = json.loads(ended.out)
    (crash,) = document["experiments"]
    for variant in crash["variants"]:
        (cut,) = [fault for fault in variant["faults"] if fault["kind"] == "kill"]
        assert (cut["target"], cut["confirmed"]) == ("A", True)
        assert cut["evidence"]["port_closed"] and cut["evidence"]["process_gone"] is None
        assert variant["trouble"] is None
        seen = variant["measurements"]
        assert seen["sets_equal"] and seen["carts_acknowledged"] == 3
        # No host refuses at the end of a cut cable: the balancer gives up waiting (504), or
        # hears from its own system after a while that the host cannot be found (502).
        silent = [each for each in variant["exchanges"] if each["status"] in (502, 504)]
        assert len(silent) == seen["requests_unanswered"] > 0
        expected = 1 if variant["app"] == "stateful" else 0
        assert len(seen["observed_lost"]) == seen["carts_lost"] == expected
        # No process died: the cable was put back, and the same life answers.
        assert instance_of(desks, variant["app"], "A") == cut["evidence"]["instance"]
    assert "A at 192.0.2.2:" in document["components"]["not started by the lab"]["stateless"]
