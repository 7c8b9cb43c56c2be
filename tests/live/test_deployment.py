"""What compose.yaml and kubernetes.yaml give their containers, run by processes in their place.

No container engine is needed: each command, environment and nginx.conf is taken from the
document; only addresses and paths are replaced by free ports and a folder of this machine.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from conftest import wait_for
from containers import of_compose, of_kubernetes

from lab.core.op_key import signed
from lab.processes.ports import free_ports, is_open
from lab.stack.nginx_conf import worker_user
from lab.stack.programs import find_nginx, find_store

ROOT = Path(__file__).parents[2]
KEYS = {"STATELESS_SIGNING_KEYS": "k" * 32}
READ = {"compose": of_compose, "kubernetes": of_kubernetes}


@dataclass
class StandIns:
    """Processes for containers: a `with` block."""

    deployed: object
    folder: Path
    ports: dict = field(default_factory=dict)
    processes: dict = field(default_factory=dict)

    def __enter__(self):
        names = list(self.deployed.containers)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        with ExitStack() as started:
            for container in self.deployed.containers.values():
                self.start(container)
                started.callback(self.end, container.name)
            for name, port in self.ports.items():
                wait_for(lambda name=name, port=port: self._alive(name) and is_open(port))
            started.pop_all()
        return self

    def __exit__(self, *_):
        for name in self.processes:
            self.end(name)

    def start(self, container):
        environment = {"PATH": os.environ["PATH"]} | {
            name: self.here(value) for name, value in container.env.items()
        }
        with self.output(container.name).open("wb") as output:
            self.processes[container.name] = subprocess.Popen(
                self.command(container), env=environment, stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, cwd=self.folder,
            )  # fmt: skip

    def command(self, container):
        port = str(self.ports[container.name])
        program, *arguments = container.argv
        if program == "python":
            there = {"0.0.0.0": "127.0.0.1", "8000": port}
            return [sys.executable, *(there.get(word, word) for word in arguments)]
        if program == "valkey-server":
            own = ["--bind", "127.0.0.1", "--port", port]
            return [str(find_store().path), *arguments, *own]
        nginx = str(find_nginx(sticky=True).path)
        # As root the worker would be nobody, and this folder is closed to that user.
        user = ["-g", f"user {worker_user()};"] if worker_user() else []
        if program == "sh":
            flag, script = arguments
            script = script.replace("/tmp", str(self.folder)).replace("exec nginx", f"exec {nginx}")
            return ["sh", flag, " ".join([script, *map(shlex.quote, user)])]
        assert program == "nginx"
        conf = self.folder / "nginx.conf"
        conf.write_text(self.here(self.deployed.nginx_conf), encoding="utf-8")
        there = {"/tmp": str(self.folder), "/etc/nginx/nginx.conf": str(conf)}
        words = [there.get(word, word) for word in arguments]
        return [nginx, *words, *user]

    def here(self, text):
        """Put this machine's ports where the document has addresses."""
        for container in self.deployed.containers.values():
            port = self.ports[container.name]
            known = "6379" if container.name == "valkey" else "8000"
            for place in (container.address, container.name):  # Compose knows both
                text = text.replace(f"{place}:{known}", f"127.0.0.1:{port}")
        return text.replace("listen 8000;", f"listen 127.0.0.1:{self.ports['nginx']};")

    def output(self, name):
        return self.folder / f"{name}.output"

    def end(self, name, how=signal.SIGTERM):
        process = self.processes[name]
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(60)

    def _alive(self, name):
        assert self.processes[name].poll() is None, self.output(name).read_text()
        return True


class Customer:
    """Carries whatever a desk gave: the cookie jar, and the last token."""

    def __init__(self, url):
        self.url = url
        self.token = ""
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, method, path, body=None, server=""):
        at = f"{self.url}/@{server}" if server else self.url
        headers = signed(f"{method} {path}")
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.session.request(method, at + path, json=body, headers=headers, timeout=60)
        if answer.headers["Content-Type"] == "application/json":
            self.token = answer.json().get("token", self.token)
        return answer


def check_desk(running, desk):
    names = [each.env["REPLICA"] for each in running.deployed.servers(desk)]
    url = f"http://127.0.0.1:{running.ports['nginx']}/{desk}"
    customer = Customer(url)
    try:
        assert (
            customer.ask("POST", "/api/login", {"user_id": "1", "name": "John"}).status_code == 200
        )
        added = customer.ask("POST", "/api/cart/items", {"sku": "laptop", "quantity": 1})
        assert added.status_code == 201, added.text
        for name in names:  # every server, under its own name, sees what any server was given
            seen = customer.ask("GET", "/api/cart", server=name)
            assert seen.headers["X-Served-By"] == name
            assert seen.json()["cart"]["item_count"] == 1
        turns = {customer.ask("GET", "/api/cart").headers["X-Served-By"] for _ in names}
        assert turns == set(names)
        return customer
    finally:
        customer.session.close()


@pytest.fixture
def heeded():
    """Started in the background, a test has SIGINT ignored, and what it starts would too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
@pytest.mark.skipif(sys.platform == "win32", reason="the documents are for Linux containers")
@pytest.mark.parametrize("kind", READ)
def test_containers_run_as_the_documents_say(kind, tmp_path):
    text = (ROOT / f"{kind}.yaml").read_text(encoding="utf-8")
    with StandIns(READ[kind](text, KEYS), tmp_path) as running:
        customers = {desk: check_desk(running, desk) for desk in ("stateful", "stateless")}
        log = running.output("nginx").read_text()
        entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        assert [e["op"] for e in entries].count("POST /api/login") == 2
        assert {e["served_by"] for e in entries if e["path"].startswith("/stateful")} == {
            each.env["REPLICA"] for each in running.deployed.servers("stateful")
        }
        assert customers["stateless"].token and customers["stateless"].token not in log
        up = requests.get(f"http://127.0.0.1:{running.ports['nginx']}/lab-config", timeout=60)
        assert up.text == "deployed"  # what the readiness probe asks
        dead = running.deployed.servers("stateless")[0]
        # STOPSIGNAL of the Dockerfile: a server ends at once, by itself.
        assert running.end(dead.name, signal.SIGINT) == 0
        answers = [
            customers["stateless"].ask("GET", "/api/cart").status_code
            for _ in running.deployed.servers("stateless")
        ]
        customers["stateless"].session.close()
        assert sorted(answers) == [200, 200, 502], "a crash is shown, not hidden"
