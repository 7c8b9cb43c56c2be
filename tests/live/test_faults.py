"""The stack at work: real replicas behind a real nginx, broken and mended one by one."""

import http.client
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from lab.core.errors import LabError
from lab.processes.ports import is_open
from lab.processes.waiting import wait_until
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import PoolSpec
from lab.stack.session_store import ExternalStore
from lab.stack.stack import Stack

LANES = [
    PoolSpec("stateful", "stateful_app", env={"STATEFUL_STORE": "memory"}, affinity="cookie"),
    PoolSpec(
        "stateless",
        "stateless_app",
        env={"STATELESS_SIGNING_KEYS": "a-key-for-tests-of-the-stack-0123456789"},
        directives=("proxy_read_timeout 1s",),
    ),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    # A run directory with a space, an umlaut and a quote: nginx.conf must not care.
    with Stack(LANES, tmp_path_factory.mktemp("run") / "a b ü 'c") as stack:
        yield stack


@pytest.fixture
def lane(stack):
    lane = stack.pools["stateless"]
    yield lane
    for replica in lane.servers.values():
        if replica.state == "dead":
            replica.restart()
        replica.resume()


def get(url, **headers):
    return requests.get(url, headers=headers, timeout=10)


def who(lane, server=None):
    url = lane.url_of(server) if server else lane.url
    return get(f"{url}/api/server")


def test_it_is_what_it_says(stack):
    for lane in stack.pools.values():
        assert list(lane.servers) == ["A", "B", "C"]
        for name, replica in lane.servers.items():
            info = replica.server_info()
            assert info["replica"] == name and info["app"] == lane.name
            assert (info["pid"], info["instance"]) == (replica.pid, replica.instance)
            assert who(lane, name).json()["instance"] == replica.instance
    components = stack.components()
    assert components["nginx"]["version"] == stack.balancer.program.version
    assert components["store"] is None
    assert "/" not in str(components)


def test_without_affinity_requests_go_in_turn(lane):
    served = [who(lane).headers["X-Served-By"] for _ in range(9)]
    assert Counter(served) == {"A": 3, "B": 3, "C": 3}


def test_with_affinity_a_client_stays_and_newcomers_are_shared(stack):
    first = []
    for _ in range(6):
        with requests.Session() as client:
            url = f"{stack.pools['stateful'].url}/api/server"
            served = {client.get(url, timeout=5).headers["X-Served-By"] for _ in range(5)}
            assert len(served) == 1
            assert client.cookies.list_paths() == ["/stateful/"]
            first += served
    assert Counter(first) == {"A": 2, "B": 2, "C": 2}


def test_affinity_and_retry_can_be_changed_while_it_runs(lane):
    lane.set_affinity("cookie")
    lane.set_retry("on")
    with requests.Session() as client:
        url = f"{lane.url}/api/server"
        assert len({client.get(url, timeout=5).headers["X-Served-By"] for _ in range(6)}) == 1
    lane.set_affinity("none")
    lane.servers["B"].kill()
    assert {who(lane).status_code for _ in range(6)} == {200}
    lane.set_retry("off")
    assert [who(lane).status_code for _ in range(6)].count(502) == 2


def test_a_kill_is_confirmed_and_seen_by_clients_and_a_restart_is_a_new_life(stack, lane):
    replica = lane.servers["B"]
    old, port = replica.instance, replica.port
    death = replica.kill()
    assert death.confirmed and death.process_gone and death.port_closed
    assert (death.instance, death.signal, death.name) == (old, "SIGKILL", "stateless-B")
    assert replica.state == "dead" and not is_open(port)
    assert get(f"{lane.url_of('B')}/api/server", **{"X-Op": "to-the-dead"}).status_code == 502
    assert not stack.access.wait_for(["to-the-dead"], 5)
    (entry,) = [e for e in stack.access.entries() if e.op == "to-the-dead"]
    assert (entry.status, entry.lane, entry.server, entry.replica) == (502, "stateless", "B", "")
    with pytest.raises(LabError, match=r"dead already.*restart"):
        replica.kill()
    new = replica.restart()
    assert new != old and replica.port == port and replica.state == "up"
    assert who(lane, "B").json()["instance"] == new


def test_a_running_replica_can_be_restarted_too(lane):
    before = (lane.servers["C"].pid, lane.servers["C"].instance)
    lane.servers["C"].restart()
    info = who(lane, "C").json()
    assert info["pid"] != before[0] and info["instance"] != before[1]


def test_a_paused_replica_times_out_and_comes_back_as_it_was(lane):
    replica = lane.servers["A"]
    replica.pause()
    assert replica.state == "paused"
    assert who(lane, "A").status_code == 504  # after proxy_read_timeout 1s, not 5
    replica.resume()
    assert replica.state == "up"
    assert who(lane, "A").json()["instance"] == replica.instance
    replica.pause()
    assert replica.kill().confirmed


def test_a_replica_that_ends_by_itself_is_seen_as_dead(lane):
    import os

    os.kill(lane.servers["B"].pid, 9)
    assert wait_until(lambda: lane.servers["B"].state == "dead", 5)


def test_unknown_servers_are_named_and_not_served(lane):
    with pytest.raises(LabError, match=r"no server 'Q'.*A, B, C"):
        lane.url_of("Q")
    assert get(f"{lane.url}/@Q/api/server").status_code == 404


class Traffic:
    """Requests one after another, kept alive, each with an X-Op of its own, until told."""

    def __init__(self, lane, name):
        self.lane, self.name = lane, name
        self.statuses, self.served = [], set()
        self.stop = threading.Event()

    def run(self):
        with requests.Session() as client:
            while not self.stop.is_set():
                op = {"X-Op": f"{self.name}-{len(self.statuses)}"}
                answer = client.get(f"{self.lane.url}/api/server", headers=op, timeout=10)
                self.statuses.append(answer.status_code)
                self.served.add(answer.headers.get("X-Served-By"))


def test_adding_and_draining_under_traffic_fails_nobody_and_each_op_is_logged_once(stack, lane):
    traffics = [Traffic(lane, f"traffic{n}") for n in range(2)]
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(traffic.run) for traffic in traffics]
        try:
            added = lane.add()
            assert who(lane, added.name).json()["instance"] == added.instance
            assert wait_until(lambda: all(added.name in t.served for t in traffics), 5)
            port = lane.servers["A"].port
            lane.drain("A")
            assert "A" not in lane.servers and not is_open(port)
            for traffic in traffics:
                traffic.served.clear()
            assert wait_until(lambda: all(len(t.served) == 3 for t in traffics), 5)
        finally:
            for traffic in traffics:
                traffic.stop.set()
        for future in running:
            future.result(10)
    for traffic in traffics:
        assert len(traffic.statuses) > 50
        assert set(traffic.statuses) == {200}
        ops = [f"{traffic.name}-{n}" for n in range(len(traffic.statuses))]
        assert not stack.access.wait_for(ops, 5)
        assert {stack.access.count(op) for op in ops} == {1}
        assert "A" not in traffic.served
    assert stack.access.malformed == 0
    assert lane.add().name == "E", "A's letter is not given to another server"
    lane.drain("E")


def test_an_idle_client_is_served_once_more_while_its_server_drains(lane):
    name = lane.add().name
    idle = [http.client.HTTPConnection("127.0.0.1", stack_port(lane), timeout=5) for _ in range(8)]
    try:
        for connection in idle:  # kept alive by nginx's present worker
            assert ask(connection, lane)[0] == 200
        with ThreadPoolExecutor() as pool:
            draining = pool.submit(lane.drain, name)
            gone = f"{lane.url}/@{name}/api/server"
            assert wait_until(lambda: [get(gone).status_code for _ in range(4)] == [404] * 4, 5)
            answers = [ask(connection, lane) for connection in idle]  # the old worker's turns
            draining.result(15)
    finally:
        for connection in idle:
            connection.close()
    assert [status for status, _ in answers] == [200] * len(idle)
    assert name in {replica for _, replica in answers}, "no turn fell to the drained server"


def stack_port(lane):
    return int(lane.url.split(":")[2].split("/")[0])


def ask(connection, lane):
    connection.request("GET", f"/{lane.name}/api/server")
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers["X-Served-By"]


def test_what_nginx_refuses_is_quoted_and_undone(stack):
    lane = stack.pools["stateful"]
    spec = lane.spec
    lane.spec = PoolSpec("stateful", "stateful_app", directives=("proxy_red_timeout 1s",))
    try:
        with pytest.raises(LabError, match='unknown directive "proxy_red_timeout"'):
            lane.set_retry("on")
    finally:
        lane.spec = spec
    assert lane.retry == "off"
    assert who(lane).status_code == 200
    lane.set_retry("off")


def test_the_last_server_is_not_drained(tmp_path):
    lanes = [PoolSpec("one", "stateless_app", servers=1)]
    with (
        Stack(lanes, tmp_path / "r") as stack,
        pytest.raises(LabError, match=r"last server.*add one first"),
    ):
        stack.pools["one"].drain("A")


def test_large_headers_pass(lane):
    answer = get(f"{lane.url}/api/products", **{"X-Large": "x" * 40_000})
    assert answer.status_code == 200


def test_a_hostile_op_and_path_are_one_honest_entry(stack, lane):
    op = 'a"b\\c\tü'.encode()
    url = f"{lane.url}/api/%22%0a%FF?token=secret-token"
    requests.get(url, headers={"X-Op": op}, timeout=5)
    assert not stack.access.wait_for([op.decode()], 5)
    (entry,) = [e for e in stack.access.entries() if e.op == op.decode()]
    assert entry.path == '/stateless/api/"\n\ufffd'
    assert "secret-token" not in repr(stack.access.entries())


# The store


def connect(store):
    import redis

    return redis.Redis.from_url(store.url, socket_timeout=0.5)


def write(store, value):
    with connect(store) as client:
        client.set("cart:1", value)


def read(store):
    with connect(store) as client:
        return client.get("cart:1")


@pytest.mark.parametrize("persistence", [False, True])
def test_a_store_is_killed_and_comes_back_with_what_it_kept(tmp_path, persistence):
    with LocalStore(tmp_path / "r", persistence=persistence) as store:
        write(store, b"laptop")
        assert store.stats().keys == store.stats("cart:").keys == 1
        assert store.stats("c*").keys == 0
        death = store.kill()
        assert death.confirmed and death.signal == "SIGKILL" and death.instance
        with pytest.raises(LabError, match="does not answer"):
            store.stats()
        store.restart()
        assert read(store) == (b"laptop" if persistence else None)
        assert store.kill().instance != death.instance


def test_a_hung_store_says_nothing_and_then_goes_on(tmp_path):
    with LocalStore(tmp_path / "r") as store:
        write(store, b"laptop")
        store.hang()
        with pytest.raises(LabError, match="does not answer"):
            store.stats()
        store.resume()
        assert read(store) == b"laptop"
        stats = store.stats()
        assert stats.commands_processed > 2 and stats.used_memory_bytes > 100_000
        store.hang()


def test_the_password_is_in_no_command_line_log_or_message(tmp_path):
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


def test_a_store_with_something_in_it_is_refused_at_the_start(tmp_path):
    with LocalStore(tmp_path / "r", persistence=True) as store:
        write(store, b"old")
    with pytest.raises(LabError, match="not empty"), LocalStore(tmp_path / "r", persistence=True):
        pass


def test_somebody_else_s_store_is_used_and_left_alone(tmp_path):
    with LocalStore(tmp_path / "r") as ours:
        write(ours, b"theirs")
        with ExternalStore(ours.url) as store:
            assert store.stats().keys == 1
            assert store.description()["source"] == "external"
            for fault in (store.kill, store.restart, store.hang, store.resume):
                with pytest.raises(LabError, match="did not start this store"):
                    fault()
        assert read(ours) == b"theirs"
    with pytest.raises(LabError, match="does not answer"), ExternalStore(ours.url):
        pass
    with pytest.raises(LabError, match="looks like redis://"):
        ExternalStore("http://x")
