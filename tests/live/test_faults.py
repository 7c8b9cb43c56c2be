"""The stack at work: real servers behind a real nginx, broken and repaired one by one."""

import http.client
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from conftest import DEADLINE_S, wait_for

from lab.core.errors import LabError
from lab.core.faults import STORE, STORE_FAULTS, FaultKind
from lab.core.op_key import signed
from lab.processes.ports import is_open
from lab.stack.faults import FaultInjector
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import PoolSpec
from lab.stack.session_store import ExternalStore
from lab.stack.stack import Stack

POOLS = [
    PoolSpec("stateful", "stateful_app", env={"STATEFUL_STORE": "memory"}, affinity="cookie"),
    PoolSpec(
        "stateless",
        "stateless_app",
        env={"STATELESS_SIGNING_KEYS": "a-key-for-tests-of-the-stack-0123456789"},
        directives=("proxy_read_timeout 3s",),
    ),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    # A run directory with a space, an umlaut and a quote: nginx.conf must not care.
    with Stack(POOLS, tmp_path_factory.mktemp("run") / "a b ü 'c") as stack:
        yield stack


@pytest.fixture
def pool(stack):
    pool = stack.pools["stateless"]
    yield pool
    for server in pool.servers.values():
        if server.state == "dead":
            server.restart()
        server.resume()


def get(url, **headers):
    return requests.get(url, headers=headers, timeout=DEADLINE_S)


def who(pool, server=None):
    url = pool.url_of(server) if server else pool.url
    return get(f"{url}/api/server")


def drain(pool, name):
    return injector(pool).inject(name, FaultKind.DRAIN)


def injector(pool):
    def no_store():
        raise LabError("no store here")

    return FaultInjector(pool, no_store)


def test_stack_is_what_it_says(stack):
    for pool in stack.pools.values():
        assert list(pool.servers) == ["A", "B", "C"]
        for name, server in pool.servers.items():
            info = server.server_info()
            assert info["replica"] == name and info["app"] == pool.name
            assert (info["pid"], info["instance"]) == (server.pid, server.instance)
            assert who(pool, name).json()["instance"] == server.instance
    components = stack.components()
    assert components.nginx.version == stack.balancer.program.version
    assert components.store is None
    assert "/" not in str(components)


def test_requests_without_affinity_go_in_turn(pool):
    served = [who(pool).headers["X-Served-By"] for _ in range(9)]
    assert Counter(served) == {"A": 3, "B": 3, "C": 3}


def test_affinity_keeps_a_client_and_shares_new_ones(stack):
    first = []
    for _ in range(6):
        with requests.Session() as client:
            url = f"{stack.pools['stateful'].url}/api/server"
            served = {client.get(url, timeout=DEADLINE_S).headers["X-Served-By"] for _ in range(5)}
            assert len(served) == 1
            assert client.cookies.list_paths() == ["/stateful/"]
            first += served
    assert Counter(first) == {"A": 2, "B": 2, "C": 2}


def test_affinity_and_retry_can_be_changed_while_it_runs(pool):
    pool.set_affinity("cookie")
    pool.set_retry("on")
    with requests.Session() as client:
        url = f"{pool.url}/api/server"
        assert (
            len({client.get(url, timeout=DEADLINE_S).headers["X-Served-By"] for _ in range(6)}) == 1
        )
    pool.set_affinity("none")
    pool.servers["B"].kill()
    assert {who(pool).status_code for _ in range(6)} == {200}
    pool.set_retry("off")
    assert [who(pool).status_code for _ in range(6)].count(502) == 2


def test_kill_is_confirmed_and_seen_by_clients_and_a_restart_is_a_new_life(stack, pool):
    server = pool.servers["B"]
    old, port = server.instance, server.port
    death = server.kill()
    assert death.process_gone and death.port_closed
    assert (death.instance, death.signal) == (old, "SIGKILL")
    assert server.state == "dead" and not is_open(port)
    assert get(f"{pool.url_of('B')}/api/server", **signed("to-the-dead")).status_code == 502
    assert not stack.access.wait_for(["to-the-dead"], DEADLINE_S)
    (entry,) = [e for e in stack.access.entries() if e.op == "to-the-dead"]
    assert (entry.status, entry.pool, entry.target, entry.served_by) == (502, "stateless", "B", "")
    with pytest.raises(LabError, match=r"dead already.*restart"):
        server.kill()
    back = server.restart()
    new = back.instance
    assert new != old == back.was and server.port == port and server.state == "up"
    assert who(pool, "B").json()["instance"] == new


def test_running_replica_can_be_restarted_too(pool):
    before = (pool.servers["C"].pid, pool.servers["C"].instance)
    pool.servers["C"].restart()
    info = who(pool, "C").json()
    assert info["pid"] != before[0] and info["instance"] != before[1]


def test_paused_replica_times_out_and_comes_back_as_it_was(pool):
    server = pool.servers["A"]
    assert server.pause().frozen is True
    assert server.state == "paused"
    assert who(pool, "A").status_code == 504  # after proxy_read_timeout 3s, not 5
    assert server.resume().frozen is False
    assert server.state == "up"
    assert who(pool, "A").json()["instance"] == server.instance
    server.pause()
    assert server.kill().process_gone


def test_replica_that_ends_by_itself_is_seen_as_dead(pool):
    import os

    os.kill(pool.servers["B"].pid, 9)
    wait_for(lambda: pool.servers["B"].state == "dead")


def test_unknown_servers_are_named_and_not_served(pool):
    with pytest.raises(LabError, match=r"no server 'Q'.*A, B, C"):
        pool.url_of("Q")
    assert get(f"{pool.url}/@Q/api/server").status_code == 404


class Traffic:
    """Requests one after another, kept alive, each with an X-Op of its own, until stopped."""

    def __init__(self, pool, name):
        self.pool, self.name = pool, name
        self.statuses, self.served = [], set()
        self.stop = threading.Event()

    def run(self):
        with requests.Session() as client:
            while not self.stop.is_set():
                op = signed(f"{self.name}-{len(self.statuses)}")
                answer = client.get(f"{self.pool.url}/api/server", headers=op, timeout=DEADLINE_S)
                self.statuses.append(answer.status_code)
                self.served.add(answer.headers.get("X-Served-By"))


def test_adding_and_draining_under_traffic_fails_no_request_and_each_op_is_logged_once(stack, pool):
    traffics = [Traffic(pool, f"traffic{n}") for n in range(2)]
    with ThreadPoolExecutor() as threads:
        running = [threads.submit(traffic.run) for traffic in traffics]
        try:
            added = pool.add()
            assert who(pool, added.name).json()["instance"] == added.instance
            wait_for(lambda: all(added.name in t.served for t in traffics))
            port = pool.servers["A"].port
            drain(pool, "A")
            assert "A" not in pool.servers and not is_open(port)
            for traffic in traffics:
                traffic.served.clear()
            wait_for(lambda: all(len(t.served) == 3 for t in traffics))
        finally:
            for traffic in traffics:
                traffic.stop.set()
        for future in running:
            future.result(DEADLINE_S)
    for traffic in traffics:
        assert len(traffic.statuses) > 10
        assert set(traffic.statuses) == {200}
        ops = [f"{traffic.name}-{n}" for n in range(len(traffic.statuses))]
        assert not stack.access.wait_for(ops, DEADLINE_S)
        assert {stack.access.count(op) for op in ops} == {1}
        assert "A" not in traffic.served
    assert stack.access.malformed == 0
    assert pool.add().name == "E", "A's letter is not given to another server"
    drain(pool, "E")


def test_idle_client_is_served_once_more_while_its_server_drains(pool):
    name = pool.add().name
    idle = [
        http.client.HTTPConnection("127.0.0.1", stack_port(pool), timeout=DEADLINE_S)
        for _ in range(8)
    ]
    try:
        for connection in idle:  # kept alive by nginx's present worker
            assert ask(connection, pool)[0] == 200
        with ThreadPoolExecutor() as threads:
            draining = threads.submit(drain, pool, name)
            gone = f"{pool.url}/@{name}/api/server"
            wait_for(lambda: [get(gone).status_code for _ in range(4)] == [404] * 4)
            answers = [ask(connection, pool) for connection in idle]  # the old worker's turns
            draining.result(DEADLINE_S)
    finally:
        for connection in idle:
            connection.close()
    assert [status for status, _ in answers] == [200] * len(idle)
    assert name in {server for _, server in answers}, "no turn fell to the drained server"


def stack_port(pool):
    return int(pool.url.split(":")[2].split("/")[0])


def ask(connection, pool):
    connection.request("GET", f"/{pool.name}/api/server")
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers["X-Served-By"]


def test_refused_configuration_is_quoted_and_undone(stack):
    pool = stack.pools["stateful"]
    spec = pool.spec
    pool.spec = PoolSpec("stateful", "stateful_app", directives=("proxy_red_timeout 1s",))
    try:
        with pytest.raises(LabError, match='unknown directive "proxy_red_timeout"'):
            pool.set_retry("on")
    finally:
        pool.spec = spec
    assert pool.retry == "off"
    assert who(pool).status_code == 200
    pool.set_retry("off")


def test_last_server_is_not_drained(tmp_path):
    pools = [PoolSpec("one", "stateless_app", servers=1)]
    with (
        Stack(pools, tmp_path / "r") as stack,
        pytest.raises(LabError, match=r"last server.*add one first"),
    ):
        drain(stack.pools["one"], "A")


def test_large_headers_pass(pool):
    answer = get(f"{pool.url}/api/products", **{"X-Large": "x" * 40_000})
    assert answer.status_code == 200


def test_hostile_op_and_path_are_one_honest_entry(stack, pool):
    op = 'a"b\\c\tü'.encode()
    url = f"{pool.url}/api/%22%0a%FF?token=secret-token"
    requests.get(url, headers={**signed(""), "X-Op": op}, timeout=DEADLINE_S)
    assert not stack.access.wait_for([op.decode()], DEADLINE_S)
    (entry,) = [e for e in stack.access.entries() if e.op == op.decode()]
    assert entry.path == '/stateless/api/"\n\ufffd'
    assert "secret-token" not in repr(stack.access.entries())


# The store


def connect(store):
    import redis

    return redis.Redis.from_url(store.url, socket_timeout=60)


def write(store, value):
    with connect(store) as client:
        client.set("cart:1", value)


def read(store):
    with connect(store) as client:
        return client.get("cart:1")


@pytest.mark.parametrize("persistence", [False, True])
def test_store_is_killed_and_comes_back_with_what_it_kept(tmp_path, persistence):
    with LocalStore(tmp_path / "r", persistence=persistence) as store:
        write(store, b"laptop")
        assert store.stats().keys == store.stats("cart:").keys == 1
        assert store.stats("c*").keys == 0
        death = store.kill()
        assert (
            death.process_gone
            and death.port_closed
            and death.signal == "SIGKILL"
            and death.instance
        )
        with pytest.raises(LabError, match="does not answer"):
            store.stats()
        store.restart()
        assert read(store) == (b"laptop" if persistence else None)
        assert store.kill().instance != death.instance


def test_paused_store_says_nothing_and_then_goes_on(tmp_path):
    with LocalStore(tmp_path / "r") as store:
        write(store, b"laptop")
        store.pause()
        with pytest.raises(LabError, match="does not answer"):
            store.stats()
        store.resume()
        assert read(store) == b"laptop"
        stats = store.stats()
        assert stats.commands_processed > 2 and stats.used_memory_bytes > 100_000
        store.pause()


def test_life_of_a_server_that_dies_by_itself_ends(pool):
    server = pool.servers["C"]
    life = server.lives[-1]
    assert (server.state, life.ended_at) == ("up", None)
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: server.state == "dead")
    assert life.ended_at is not None
    assert server.restart().instance == server.lives[-1].instance != life.instance
    assert server.lives[-1].ended_at is None


def test_password_is_in_no_command_line_log_or_message(tmp_path):
    import psutil

    with LocalStore(tmp_path / "r") as store:
        password = store.url.split(":")[2].split("@")[0]
        assert len(password) >= 32
        assert password not in " ".join(psutil.Process(store.pid).cmdline())
        assert password not in (tmp_path / "r/logs/store.log").read_text()
        assert password not in str(store.description())
        assert (tmp_path / "r/store/store.conf").stat().st_mode & 0o77 == 0
        assert (tmp_path / "r").stat().st_mode & 0o77 == 0
        store.kill()
        with pytest.raises(LabError) as caught:
            store.stats()
        assert password not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="unix sockets")
@pytest.mark.parametrize("below", ["r", 'with "signs" @é', "long/" * 40])
def test_store_listens_where_no_other_user_can_come_or_take_its_place(tmp_path, below):
    import psutil

    with LocalStore(tmp_path / below) as store:
        write(store, b"laptop")
        assert read(store) == b"laptop"
        process = psutil.Process(store.pid)
        assert process.net_connections("inet") == []
        places = {Path(each.laddr) for each in process.net_connections("unix") if each.laddr}
        where = store._socket
        assert {(tmp_path / below / "store" / place).name for place in places} == {where.name}
        assert where.stat().st_mode & 0o77 == where.parent.stat().st_mode & 0o77 == 0
        store.kill()
        assert not store.listens()
    assert below != "long/" * 40 or not where.parent.exists()


def test_store_is_a_target_like_any_other(tmp_path, pool):
    with LocalStore(tmp_path / "r") as store:
        faults = FaultInjector(pool, lambda: store)
        kinds = (FaultKind.PAUSE, FaultKind.RESUME, FaultKind.RESTART, FaultKind.KILL)
        events = [faults.inject(STORE, kind) for kind in kinds]
        assert [(each.kind, each.target) for each in events] == [(kind, STORE) for kind in kinds]
        assert all(each.confirmed for each in events)
        with pytest.raises(LabError, match=r"dead already.*restart it"):
            faults.inject(STORE, FaultKind.KILL)
        with pytest.raises(LabError, match="takes no environment"):
            faults.inject(STORE, FaultKind.RESTART, {"X": "1"})
        with pytest.raises(LabError, match="no server 'store'"):
            faults.inject(STORE, FaultKind.DRAIN)


def test_store_with_something_in_it_is_refused_at_the_start(tmp_path):
    with LocalStore(tmp_path / "r", persistence=True) as store:
        write(store, b"old")
    with pytest.raises(LabError, match="not empty"), LocalStore(tmp_path / "r", persistence=True):
        pass


def test_store_not_started_by_the_lab_is_used_and_left_alone(tmp_path, pool):
    with LocalStore(tmp_path / "r") as ours:
        write(ours, b"theirs")
        with ExternalStore(ours.url) as store:
            assert store.stats().keys == 1
            assert store.description().source == "external"
            faults = FaultInjector(pool, lambda: store)
            for kind in STORE_FAULTS:
                with pytest.raises(LabError, match="did not start this store"):
                    faults.inject(STORE, kind)
        assert read(ours) == b"theirs"
    with pytest.raises(LabError, match="no answer from unix://"), ExternalStore(ours.url):
        pass
    with pytest.raises(LabError, match="write redis://"):
        ExternalStore("http://x")
