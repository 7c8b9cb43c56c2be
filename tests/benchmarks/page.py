"""What the page costs: `python tests/benchmarks/page.py`, in a Chromium on a quiet machine.

First paint after `lab up` says ready, size of scripts and styles, frames a second while a chapter
runs (from the browser's own trace) and under load, the console's idle processor time, how long an
event takes from nginx's log to the page, and what 600 watchers cost.
`python tests/benchmarks/page.py watchers` measures them alone.
"""

import gzip
import itertools
import json
import selectors
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psutil
import requests
from playwright.sync_api import Browser, Page

import lab.console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from browsing import lab_up

STATIC = Path(lab.console.__file__).parent / "static"
RATES = (20, 40, 60)  # requests a second over both lanes: 40 are 20 at each
LOAD_S = 8
IDLE_S = 10
WATCHERS = 600
WATCHED_RATE = 10  # requests a second that all of them are sent
FRAMES = """
(seconds) => new Promise((done) => {
  const stamps = [];
  const each = (now) => {
    stamps.push(now);
    if (now - stamps[0] < seconds * 1000) requestAnimationFrame(each);
    else done(stamps);
  };
  requestAnimationFrame(each);
})
"""
FRAME_MS = 1000 / 60
DRAWN = "Graphics.Pipeline.DrawAndSwap"
STILL_MS = 100  # between two frames: nothing moved
LOADED = """
() => performance.getEntriesByType("resource")
  .filter(({ initiatorType, name }) => /\\.(js|css)$/.test(name) && initiatorType !== "fetch")
  .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)
"""
HEARD = """
async () => {
  window.heard = {};
  const { onEvent } = await import("/lab/static/state.js");
  onEvent((event) => {
    if (event.kind === "request") window.heard[event.path.split("/").pop()] = Date.now();
  });
}
"""


def main() -> int:
    """Measure everything once and print it; 1 if the page missed an event."""
    if "watchers" not in sys.argv[1:]:
        sizes()
    with lab_up() as (browser, link, pid):
        missing = watched(link.partition("/#")[0], pid)
        if "watchers" in sys.argv[1:]:
            return 1 if missing else 0
        page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        missing += measure(page, link, pid)
        drawn(browser, page)
        return 1 if missing else 0


def sizes() -> None:
    """Print the size of the page's own scripts and styles; a test limits what a lesson loads."""
    files = [each for each in STATIC.iterdir() if each.suffix in (".js", ".css")]
    raw = sum(each.stat().st_size for each in files)
    sent = sum(len(gzip.compress(each.read_bytes())) for each in files)
    print(f"scripts and styles: {raw / 1000:.0f} kB in all, {sent / 1000:.0f} kB as sent")


def measure(page: Page, link: str, pid: int) -> int:
    """Everything that needs the running lab. How many events never came to the page."""
    page.goto(link)
    paint = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
    )
    print(f"first paint: {paint:.0f} ms after the address was opened (aim ≤ 500)")
    page.locator("#line[data-state=open]").wait_for(state="attached")
    loaded = page.evaluate(LOADED)
    print(f"a lesson loads {loaded / 1000:.0f} kB of scripts and styles (aim ≤ 250)")
    page.evaluate(HEARD)
    origin = link.partition("/#")[0]
    missing = sum(under_load(page, origin, rate) for rate in RATES)
    process = psutil.Process(pid)
    time.sleep(1)
    before = process.cpu_times()
    time.sleep(IDLE_S)
    after = process.cpu_times()
    used = (after.user + after.system - before.user - before.system) / IDLE_S
    print(f"console while nothing happens, one page open: {used:.1%} of a core (aim < 5 %)")
    return missing


def drawn(browser: Browser, page: Page) -> None:
    """Print how evenly the browser drew while a chapter ran at the usual speed: from its trace."""
    with TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        browser.start_tracing(page=page, path=trace, categories=["viz", "benchmark"])
        page.locator(".scene .skip-it").click()
        page.locator(".so .judged").wait_for(timeout=120_000)
        browser.stop_tracing()
        events = json.loads(trace.read_text())["traceEvents"]
    begun = [each for each in events if (each["name"], each["ph"]) == (DRAWN, "b")]
    at_ms = sorted(each["ts"] / 1000 for each in begun)
    gaps = [b - a for a, b in itertools.pairwise(at_ms) if b - a < STILL_MS]
    late = sum(gap > 1.5 * FRAME_MS for gap in gaps)
    print(
        f"a chapter, while something moves: {1000 * len(gaps) / sum(gaps):.1f} frames/s, "
        f"{late} of {len(gaps)} frames late by more than half a frame (aim 60 frames/s)"
    )


def watched(origin: str, pid: int) -> int:
    """What 600 open streams cost, and how late an event comes to the last; how many it missed."""
    console = psutil.Process(pid)
    empty = console.memory_info().rss
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(WATCHERS):
            selector.register(stack.enter_context(watcher(origin)), selectors.EVENT_READ)
        read(selector, 2.0)
        print(f"{WATCHERS} watchers: {(console.memory_info().rss - empty) / 1e6:.1f} MB")
        before, began = console.cpu_times(), time.monotonic()
        late, missing = [], 0
        for number in range(WATCHED_RATE * LOAD_S):
            op = f"watched-{number}".encode()
            requests.get(f"{origin}/stateful/api/{op.decode()}", timeout=5)
            answered = time.monotonic()
            missing += WATCHERS - read(selector, 2.0, op)
            late.append(1000 * (time.monotonic() - answered))
            time.sleep(max(0.0, began + (number + 1) / WATCHED_RATE - time.monotonic()))
        after, took_s = console.cpu_times(), time.monotonic() - began
    used = (after.user + after.system - before.user - before.system) / took_s
    late.sort()
    print(
        f"{len(late) / took_s:.0f} events/s to {WATCHERS} watchers: console {used:.0%} of a core; "
        f"answer at the client → event at the last watcher: median {statistics.median(late):.0f} "
        f"ms, p95 {late[int(0.95 * len(late))]:.0f} ms; {missing} missing (aim ≤ 300 ms, none)"
    )
    return missing


def watcher(origin: str) -> socket.socket:
    """Open an event stream as a page does, with an id of its own."""
    cookie = requests.get(f"{origin}/lab/whoami", timeout=5).headers["Set-Cookie"].partition(";")[0]
    where = urlsplit(origin)
    stream = socket.create_connection((where.hostname, where.port), timeout=30)
    stream.sendall(
        f"GET /lab/events HTTP/1.1\r\nHost: {where.netloc}\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    return stream


def read(selector: selectors.BaseSelector, seconds: float, op: bytes = b"-") -> int:
    """Read what comes for some time, or until every stream has sent `op`; how many have."""
    end, seen = time.monotonic() + seconds, set()
    while time.monotonic() < end and len(seen) < len(selector.get_map()):
        for key, _ in selector.select(0.1):
            if op in key.fileobj.recv(1_000_000):
                seen.add(key.fd)
    return len(seen)


def under_load(page: Page, origin: str, rate: int) -> int:
    """Send `rate` requests a second over both lanes; frames of the stage, how late events arrive.

    Returns how many events had not arrived at the deadline.
    """
    answered: dict[str, float] = {}
    stop = threading.Event()
    threads = [
        threading.Thread(target=client, args=(origin, desk, rate / 2, answered, stop))
        for desk in ("stateful", "stateless")
    ]
    for thread in threads:
        thread.start()
    stamps = page.evaluate(FRAMES, LOAD_S)
    stop.set()
    for thread in threads:
        thread.join()
    waited(lambda: set(answered) <= set(page.evaluate("Object.keys(window.heard)")))
    heard = page.evaluate("window.heard")
    late = sorted(heard[op] - 1000 * at for op, at in answered.items() if op in heard)
    missing = len(answered) - len(late)
    if missing:
        print(f"{missing} of {len(answered)} events NEVER came to the page", file=sys.stderr)
    if not late:
        return max(missing, 1)
    gaps = [b - a for a, b in itertools.pairwise(stamps)]
    print(
        f"{len(answered) / LOAD_S:.0f} requests/s over both lanes "
        f"({rate / 2:.0f} at each asked for): "
        f"{len(gaps) / (sum(gaps) / 1000):.1f} frames/s, "
        f"longest {max(gaps):.0f} ms (aim 60); answer at the client → event on the page: median "
        f"{statistics.median(late):.0f} ms, p95 {late[int(0.95 * len(late))]:.0f} ms, "
        f"n = {len(late)} (aim ≤ 150)"
    )
    return missing


def client(
    origin: str, desk: str, rate: float, answered: dict[str, float], stop: threading.Event
) -> None:
    """Ask for a cart again and again, evenly; note when each answer was there (epoch, s)."""
    with requests.Session() as session:
        session.trust_env = False
        began, number = time.monotonic(), 0
        while not stop.wait(max(0.0, began + number / rate - time.monotonic())):
            op = f"bench-{desk}-{rate:.0f}-{number}"
            session.get(f"{origin}/{desk}/api/{op}", timeout=5)
            answered[op] = time.time()
            number += 1


def waited(condition: Callable[[], bool], deadline_s: float = 10.0) -> None:
    """Wait for it, or for the deadline."""
    end = time.monotonic() + deadline_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
