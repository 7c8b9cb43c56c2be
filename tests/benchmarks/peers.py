"""The crowd beside stock Locust and wrk: same stack, same machine, rounds in turn."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from generator import CONNECTIONS, Rates, crowd_rate, token_of, wrk_rate
from measuring import Row, Scale, alternate

from lab.core.faults import FaultKind
from lab.crowd.crowd_run import CrowdRun
from lab.crowd.load_profile import LoadProfile
from lab.crowd.messages import CrowdJob
from lab.crowd.progress import Progress
from lab.crowd.scenarios import looking
from lab.crowd.timetable import PlannedFault
from lab.crowd.worker_group import has_locust
from lab.evidence.result import Settings, Variant
from lab.experiments.provision import ProvisionedStack

SECONDS = 4.0
FROZEN_S = 1.0  # of those: a quarter of the requests that are due
USERS = 10
RATE = 200.0
NO_WRK = "    no wrk here (Debian: apt install wrk): its row is left out"
LOCUSTFILE = """
from itertools import count
from locust import {user}, task
numbers = count(1)
class Looking({user}):
    @task
    def visit(self):
        number = str(next(numbers))
        token = self.client.post(
            "/stateless/api/login", json={{"user_id": number, "name": "c" + number}}
        ).json()["token"]
        mine = {{"Authorization": "Bearer " + token}}
        token = self.client.post(
            "/stateless/api/cart/items", json={{"sku": "laptop", "quantity": 1}}, headers=mine
        ).json()["token"]
        mine = {{"Authorization": "Bearer " + token}}
        for _ in range(9):
            self.client.get("/stateless/api/cart", headers=mine)
"""


def figure(scale: Scale) -> Iterator[Row]:
    """The crowd ÷ stock Locust (with two clients), and p99 of each tool while a server is frozen.

    All of them through nginx to the stateless desk, on the same cores. Locust and wrk send the
    next request when the last is answered; the crowd counts from intended starts.
    """
    if not has_locust():
        print("    no Locust here (pip install locust): left out", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _rates(folder, scale)
        yield from _frozen(folder, scale)


def _rates(folder: Path, scale: Scale) -> Iterator[Row]:
    stack = ProvisionedStack(folder / "three")
    with stack.open([Variant("stateless", "stateless", Settings())], keep_log=1000) as opened:
        url = opened.pools["stateless"].url
        root = url.removesuffix("/stateless")
        sides = {
            "stock Locust, FastHttpUser": lambda: _locust(
                folder, root, "FastHttpUser", CONNECTIONS
            )[0],
            "stock Locust, HttpUser": lambda: _locust(folder, root, "HttpUser", CONNECTIONS)[0],
        }
        if wrk := shutil.which("wrk"):
            token = token_of(url)
            sides["wrk, reads alone"] = lambda: wrk_rate(wrk, f"{url}/api/cart", token)
        else:
            print(NO_WRK, file=sys.stderr)
        ours, others = Rates(), {name: Rates() for name in sides}
        theirs = [others[name].of(side) for name, side in sides.items()]
        alternate(scale.rounds, ours.of(crowd_rate("locust", url, folder)), *theirs)
        for name, rates in others.items():
            yield Row(
                f"crowd ÷ {name}",
                [one / other for one, other in zip(ours.seen, rates.seen, strict=True)],
                f"{CONNECTIONS} at once, three servers, the same script (wrk: its reads): "
                f"{ours.median:.0f}/s, every cart accounted for ÷ {rates.median:.0f}/s",
            )


def _frozen(folder: Path, scale: Scale) -> Iterator[Row]:
    """Freeze the only server for a second of four, once for each tool and round."""
    stack = ProvisionedStack(folder / "one")
    alone = Variant("stateless", "stateless", Settings(servers=1))
    with stack.open([alone], keep_log=1000) as opened:
        pool = opened.pools["stateless"]
        root, pid = pool.url.removesuffix("/stateless"), pool.server("A").pid
        numbers = count(1)
        sides: dict[str, Callable[[], float]] = {
            "the crowd, from intended starts": lambda: _crowd_p99(
                folder / f"frozen-{next(numbers)}", pool.url, pid
            ),
            "stock Locust": lambda: _while_frozen(
                pid, lambda: _locust(folder, root, "FastHttpUser", USERS)[1]
            ),
        }
        if wrk := shutil.which("wrk"):
            token = token_of(pool.url)
            sides["wrk"] = lambda: _while_frozen(pid, lambda: _wrk_p99(wrk, pool.url, token))
        else:
            print(
                "    no wrk here (Debian: apt install wrk): that row is left out", file=sys.stderr
            )
        seen: dict[str, list[float]] = {name: [] for name in sides}
        alternate(
            scale.rounds,
            *(lambda n=name, side=side: seen[n].append(side()) for name, side in sides.items()),
        )
        for name, values in seen.items():
            yield Row(
                f"p99, server paused for {FROZEN_S:g} of {SECONDS:g} s: {name}",
                [each / 1000 for each in values],
                f"{USERS} users; the crowd at {RATE:g}/s, the others as fast as they are answered",
                unit="s",
                at_least=FROZEN_S / 2 if "intended" in name else None,
            )


def _crowd_p99(folder: Path, url: str, pid: int) -> float:
    timetable = (
        PlannedFault(FaultKind.PAUSE, "A", SECONDS / 2),
        PlannedFault(FaultKind.RESUME, "A", SECONDS / 2 + FROZEN_S),
    )
    profile = LoadProfile(
        looking.__file__, USERS, RATE, SECONDS, 0.5, timetable=timetable, engine="locust"
    )
    job = CrowdJob(name=folder.name, url=url, servers=("A",), profile=profile)
    progress = Progress("stateless", job)

    def inject(fault: PlannedFault) -> None:
        frozen = fault.kind is FaultKind.PAUSE
        os.kill(pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    with CrowdRun(progress, folder) as crowd:
        crowd.run(inject, lambda now: None, lambda line: None)
    return progress.tally.latency.quantile(0.99) or 0.0


def _while_frozen(pid: int, measure: Callable[[], float]) -> float:
    """Measure for SECONDS, with the server frozen for a part of them."""
    timers = [
        threading.Timer(SECONDS / 2 + late_s, os.kill, (pid, what))
        for late_s, what in ((0.0, signal.SIGSTOP), (FROZEN_S, signal.SIGCONT))
    ]
    for each in timers:
        each.start()
    try:
        return measure()
    finally:
        for each in timers:
            each.join()


def _locust(folder: Path, root: str, user: str, users: int) -> tuple[float, float]:
    """Run stock Locust; its requests per second, and its own p99 in ms."""
    (folder / "stock.py").write_text(LOCUSTFILE.format(user=user))
    command = [sys.executable, "-m", "locust", "-f", "stock.py", "--headless", "--json"]
    command += ["-u", str(users), "-r", str(users), "-t", f"{SECONDS:.0f}s", "--host", root]
    command += ["--stop-timeout", "5", "--loglevel", "ERROR"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    rows = json.loads(done.stdout[done.stdout.index("[") :])
    times: dict[float, int] = {}
    for row in rows:
        for ms, number in row["response_times"].items():
            times[float(ms)] = times.get(float(ms), 0) + number
    total = sum(times.values())
    assert total, done.stderr
    began = min(row["start_time"] for row in rows)
    ended = max(row["last_request_timestamp"] for row in rows)
    return total / max(0.1, ended - began), _quantile(times, 0.99)


def _quantile(times: dict[float, int], share: float) -> float:
    left = share * sum(times.values())
    for ms, number in sorted(times.items()):
        left -= number
        if left <= 0:
            return ms
    return max(times)


def _wrk_p99(wrk: str, url: str, token: str) -> float:
    command = [wrk, "-t1", f"-c{USERS}", f"-d{SECONDS:.0f}s", "--latency"]
    command += ["-H", f"Authorization: Bearer {token}", f"{url}/api/cart"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]
