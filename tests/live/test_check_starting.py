"""`lab check` on services that start in an unusual way, and on what is not a start at all."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from conftest import wait_for

from lab.check.budget import Budget
from lab.check.family import end_listeners
from lab.check.launcher import EndedAtStart, Launcher
from lab.check.start import Start
from lab.core.environment import current_environment
from lab.processes.ports import free_ports, is_open

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the services fork")
SERVICES = Path(__file__).parent / "services"
PYTHON = f"{sys.executable} -I -S"
TALK = """\
def script(http):
    http.post("/login", json={"user": "ada"})
    http.get("/me")
"""
AT_ONCE = 3
SELF, UNKNOWN = "self-contained", "unknown"


def starts(kind, *more):
    return " ".join([PYTHON, str(SERVICES / "starts.py"), kind, "{port}", *more])


CASES = {
    "ipv6": ([starts("ipv6")], SELF, ""),
    "https": ([starts("https", "cert.pem", "key.pem")], SELF, ""),
    "background": ([starts("daemon")], SELF, ""),
    "background, environment cleaned": ([starts("daemon-clean")], SELF, ""),
    "scratch folder": ([starts("dir", "{dir}")], SELF, ""),
    "slow": ([starts("slow"), "--wait", "1"], UNKNOWN, "within 1 s: give it longer with --wait"),
    "refuses the host": ([starts("host")], UNKNOWN, "Name its own with --host NAME"),
    "its host": ([starts("host"), "--host", "shop.example"], SELF, ""),
    "cookie of a domain": ([starts("domain")], SELF, ""),
    "of another one": ([starts("domain"), "--host", "other.example"], UNKNOWN, "401"),
    "the cookie's host": ([starts("domain"), "--host", "shop.example"], SELF, ""),
    "container": (
        [f"docker run -p {{port}}:80 shop {starts('plain')}", "--reset", "true"],
        SELF,
        "",
    ),
    "container, not watched": (
        [f"docker run -d shop {starts('plain')}"],
        UNKNOWN,
        "what a container writes and talks to is not seen from here",
    ),
    "memory in a container": ([f"docker run shop {starts('memory')}"], "state in the process", ""),
    "relay by name": (["docker exec shop serve {port}"], UNKNOWN, "start the service itself"),
}


def check(folder, start, *options):
    """Return the report of one check, run as a command."""
    folder.mkdir()
    (folder / "talk.py").write_text(TALK)
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -keyout key.pem -out cert.pem -subj /CN=a.b"
    subprocess.run(["openssl", *words.split()], cwd=folder, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "lab", "check", "--json", "--start", start, *options, "talk.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        env=current_environment()
        | {"PATH": f"{SERVICES}:{os.environ['PATH']}", "OF_TEST": str(folder)},
    )
    assert "Traceback" not in done.stderr
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The reports of all cases, some at a time."""
    folder = tmp_path_factory.mktemp("starting")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            name: pool.submit(check, folder / f"case {number}", *words)
            for number, (name, (words, _, _)) in enumerate(CASES.items())
        }


@pytest.mark.parametrize("name", CASES)
def test_start(reports, name):
    report, (_, verdict, because) = reports[name].result(), CASES[name]
    assert report["verdict"] == verdict, report["because"]
    assert because in report["because"]


def of_starts(marked="starts.py"):
    """Return the processes of starts.py that live, with a word in their command."""
    found = []
    for each in psutil.process_iter(["cmdline", "status"]):
        words = each.info["cmdline"] or []
        ours = str(SERVICES / "starts.py") in words and any(marked in word for word in words)
        if ours and each.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(each)
    return found


def test_started_services_leave_nothing(reports):
    for report in reports.values():
        report.result()
    wait_for(lambda: not of_starts())


@pytest.mark.parametrize("reset", [(), ("--reset", "true")])
def test_relay_to_what_runs_already_is_unknown(tmp_path, reset):
    port = free_ports(1)[0]
    behind = subprocess.Popen(starts("memory").replace("{port}", str(port)).split())
    try:
        wait_for(lambda: is_open(port))
        relay = f"{PYTHON} {SERVICES / 'relay.py'} {{port}} {port}"
        report = check(tmp_path / "check", relay, *reset)
        assert report["verdict"] == UNKNOWN
        assert f"only passes requests on: port {port}" in report["because"]
        assert behind.poll() is None
    finally:
        behind.kill()
        behind.wait()


def test_ctrl_c_leaves_no_container(tmp_path):
    (tmp_path / "talk.py").write_text(TALK)
    marked = str(tmp_path)
    start = f"docker run shop {starts('memory', marked)}"
    command = [sys.executable, "-m", "lab", "check", "--start", start, "talk.py"]
    path = f"{SERVICES}:{os.environ['PATH']}"
    running = subprocess.Popen(command, cwd=tmp_path, env={**current_environment(), "PATH": path})
    wait_for(lambda: of_starts(marked))
    time.sleep(0.3)  # somewhere in the middle
    running.send_signal(2)
    assert running.wait(60) == 130
    wait_for(lambda: not of_starts(marked))


def test_start_is_not_answered_by_another_one_that_took_its_port(tmp_path, monkeypatch):
    """Two checks may choose one port at the same moment; that of the later one is then taken."""
    port = free_ports(1)
    monkeypatch.setattr("lab.check.launcher.free_ports", lambda count: port)
    first = Launcher(Start(starts("plain")), tmp_path / "first", Budget())
    later = Launcher(Start(f"sh -c 'sleep 0.5; exec {starts('plain')}'"), tmp_path / "b", Budget())
    with closing(first), closing(later):
        served = first.launch(None)
        for launcher in (later, first):  # of another check, and of the same one
            with pytest.raises(EndedAtStart, match="Address already in use"):
                launcher.launch(None)
        end_listeners({*port}, 0.0, later.mark)
        assert served.lives() and is_open(*port)
