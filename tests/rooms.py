"""A running `lab class` for tests, and phones: browsers that joined it."""

import json
import re
import signal
from contextlib import nullcontext

import requests
from conftest import wait_for

POST = {"X-Room": "1", "Content-Type": "application/json"}


class Room:
    """A running `lab class`: what it printed, and the instructor's calls.

    `inside` is a context in which its network is reached.
    """

    def __init__(self, here, *options, listen="127.0.0.1", inside=nullcontext):
        self.here, self.inside = here, inside
        where = ["--listen", listen, "--port", "0"]
        if "--phone-port" not in options:
            where += ["--phone-port", "0"]
        self.process = here.start("class", *where, "--no-open", *options)
        wait_for(self._ready)
        printed = self.process.out_path.read_text()
        self.phones_at, self.code = re.search(r"join at  (\S+)   code  (\S+)", printed).groups()
        control = json.loads((here.runs / "up.json").read_text())
        self.origin, self.secret = control["origin"], control["secret"]
        self.web = requests.Session()
        self.web.trust_env = False

    def order(self, path, **body):
        headers = {"X-Lab-Secret": self.secret}
        with self.inside():
            answer = self.web.post(self.origin + path, json=body, headers=headers, timeout=60)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def wall(self):
        headers = {"X-Lab-Secret": self.secret}
        with self.inside():
            answer = self.web.get(f"{self.origin}/lab/room", headers=headers, timeout=60)
        return answer.json()["state"]

    def marks(self, desk="stateful"):
        return self.wall()["desks"][desk]["marks"]

    def phone(self, name="Zoë"):
        return Phone(self.phones_at, self.code, name)

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        return self.here.finish(self.process)

    def _ready(self):
        assert self.process.poll() is None, self.process.err_path.read_text()
        return "Ctrl-C stops" in self.process.out_path.read_text()


class Phone:
    """A phone's browser."""

    def __init__(self, origin, code, name, adapter=None):
        self.web = requests.Session()
        self.web.trust_env = False
        if adapter:
            self.web.mount("http://", adapter)
        self.origin, self.code, self.name = origin, code, name
        self.web.get(f"{origin}/", timeout=60)
        self.joined = self.post("join", code=code, name=name)

    def post(self, route, **body):
        headers = {**POST, "X-Room-Code": self.code}
        return self.web.post(f"{self.origin}/room/{route}", json=body, headers=headers, timeout=60)

    def state(self):
        return self.web.get(f"{self.origin}/room/state", timeout=60)

    def me(self):
        return self.post("me").json()

    @property
    def number(self):
        return self.joined.json()["number"]
