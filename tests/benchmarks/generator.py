"""Figure 4: what the crowd's generator manages, against a bare client, threads, and wrk."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from measuring import Row, Scale, alternate

from lab.crowd.crowd_run import CrowdRun
from lab.crowd.load_profile import Engine, LoadProfile
from lab.crowd.messages import CrowdJob
from lab.crowd.progress import Progress
from lab.crowd.scenarios import looking
from lab.evidence.record import Record
from lab.evidence.result import Settings, Variant
from lab.evidence.shopper import Shopper
from lab.experiments.provision import ProvisionedStack
from lab.processes.ports import free_ports, is_open
from lab.processes.waiting import READY_TIMEOUT_S, wait_until
from lab.stack.programs import find_nginx

CONNECTIONS = 32
SECONDS = 3.0
CART = (
    '{"user":{"user_id":"123","name":"John"},"cart":{"lines":[{"sku":"laptop","name":"Laptop",'
    '"quantity":1,"unit_price_cents":129900,"line_total_cents":129900}],"item_count":1,'
    '"total_cents":129900,"revision":1},"token":"' + "x" * 200 + '"}'
)
STATIC = """\
daemon off;
master_process off;
pid nginx.pid;
error_log nginx.log emerg;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        default_type application/json;
        location / {{ return 200 '{cart}'; }}
    }}
}}
"""


def figure(scale: Scale) -> Iterator[Row]:
    """The generator of a crowd: ÷ bare geventhttpclient, ÷ threads on requests, ÷ wrk."""
    with tempfile.TemporaryDirectory() as folder:
        with static_nginx(Path(folder)) as port:
            yield from _against_clients(port, Path(folder), scale)
        yield from _againstwrk_rate(Path(folder), scale)


def _against_clients(port: int, folder: Path, scale: Scale) -> Iterator[Row]:
    url = f"http://127.0.0.1:{port}"
    bare, fast, threads = Rates(), Rates(), Rates()
    alternate(
        scale.rounds,
        bare.of(lambda: _bare(port)),
        fast.of(crowd_rate("locust", url, folder)),
        threads.of(crowd_rate("threads", url, folder)),
    )
    how = f"answers of a static nginx, {CONNECTIONS} at once, carts and record kept: "
    yield Row(
        "crowd ÷ bare geventhttpclient",
        [ours / theirs for ours, theirs in zip(fast.seen, bare.seen, strict=True)],
        f"{how}{fast.median:.0f}/s ÷ {bare.median:.0f}/s",
        at_least=0.8,
    )
    yield Row(
        "crowd ÷ threads on requests",
        [ours / theirs for ours, theirs in zip(fast.seen, threads.seen, strict=True)],
        f"{how}{fast.median:.0f}/s ÷ {threads.median:.0f}/s",
        at_least=4.0,
    )


def _againstwrk_rate(folder: Path, scale: Scale) -> Iterator[Row]:
    wrk = shutil.which("wrk")
    if wrk is None:
        print("    no wrk here (Debian: apt install wrk): that row is left out", file=sys.stderr)
        return
    provisioned = ProvisionedStack(folder / "desks")
    with provisioned.open([Variant("stateless", "stateless", Settings())], keep_log=1000) as stack:
        url = stack.pools["stateless"].url
        token = token_of(url)
        theirs, ours = Rates(), Rates()
        alternate(
            scale.rounds,
            theirs.of(lambda: wrk_rate(wrk, f"{url}/api/cart", token)),
            ours.of(crowd_rate("locust", url, folder)),
        )
    yield Row(
        "crowd ÷ wrk, stateless desk",
        [one / other for one, other in zip(ours.seen, theirs.seen, strict=True)],
        f"through nginx to three servers on the same cores: {ours.median:.0f}/s of a script (9 of "
        f"11 requests are reads) ÷ {theirs.median:.0f}/s of reads alone",
        at_least=0.6,
    )


class Rates:
    """Requests per second of one side, round by round."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def of(self, once: Callable[[], float]) -> Callable[[], None]:
        """Return what makes one round, and keeps its rate."""
        return lambda: self.seen.append(once())

    @property
    def median(self) -> float:
        """The rate in the middle."""
        return sorted(self.seen)[len(self.seen) // 2]


def crowd_rate(engine: Engine, url: str, folder: Path) -> Callable[[], float]:
    numbers = count(1)
    profile = LoadProfile(looking.__file__, CONNECTIONS, None, SECONDS, 1.0, engine=engine)

    def once() -> float:
        name = f"{engine}-{next(numbers)}-{abs(hash(url)) % 10000}"
        progress = Progress(name, CrowdJob(name=name, url=url, servers=(), profile=profile))
        with CrowdRun(progress, folder / name) as crowd:
            crowd.run(lambda fault: None, lambda now: None, lambda line: None)
        tally = progress.tally
        assert tally.failed == tally.unknown == 0, tally
        return tally.requests / SECONDS

    return once


def _bare(port: int) -> float:
    script = str(Path(__file__).with_name("bare_gevent.py"))
    command = [sys.executable, script, str(port), str(CONNECTIONS), str(SECONDS)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / SECONDS


def wrk_rate(wrk: str, url: str, token: str) -> float:
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:.0f}s"]
    command += ["-H", f"Authorization: Bearer {token}", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in text, text
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def token_of(url: str) -> str:
    john = Shopper(lambda server: url, Record("wrk"))
    john.login()
    john.add("laptop")
    return john.token


@contextmanager
def static_nginx(folder: Path) -> Iterator[int]:
    """Run an nginx that answers every request with the same cart; yield its port."""
    port, program = free_ports(1)[0], find_nginx()
    assert program, "no nginx here: lab doctor"
    (folder / "nginx.conf").write_text(STATIC.format(port=port, cart=CART))
    command = [str(program.path), "-p", str(folder), "-c", "nginx.conf"]
    with subprocess.Popen(command) as process:
        try:
            assert wait_until(lambda: is_open(port), READY_TIMEOUT_S), "nginx did not start"
            yield port
        finally:
            process.terminate()
