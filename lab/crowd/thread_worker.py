"""A crowd of threads on `requests`: no more to install, a couple of hundred shoppers at most."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from lab.core.errors import LabError
from lab.crowd.json_channel import JsonChannel
from lab.crowd.load_profile import Job
from lab.crowd.worker import REPORT_EVERY_S, SOON_S, CrowdWorker
from lab.evidence.requests_transport import RequestsTransport

THREADS_CLOSING = 16


def main() -> None:
    """Do the job that the lab sends over the line, and report until it is done."""
    line = JsonChannel.to_lab()
    try:
        _run(line)
    except Exception as error:
        text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
        line.send({"error": text})
    finally:
        line.close()


def _run(line: JsonChannel) -> None:
    job = msgspec.convert((line.receive() or {})["job"], Job)
    generator = CrowdWorker(job, 0, RequestsTransport)
    visitors = [generator.visitor(number) for number in range(job.shoppers)]
    line.send({"ready": job.shoppers})
    if line.receive() is None:
        return
    start_s = time.monotonic() + SOON_S
    generator.journal.begin(start_s)
    line.send({"begun": start_s})
    over = threading.Event()
    reporter = threading.Thread(target=_report, args=(line, generator, over), daemon=True)
    reporter.start()
    try:
        _all([visitor.shop for visitor in visitors], job.shoppers)
        time.sleep(generator.time_left_s())
        _all(generator.left_to_settle(), THREADS_CLOSING)
    finally:
        over.set()
        reporter.join()  # before anything else is said: two at once would mix their words
    generator.journal.close()
    line.send({"done": generator.report()})


def _report(line: JsonChannel, generator: CrowdWorker, over: threading.Event) -> None:
    while not over.wait(REPORT_EVERY_S):
        line.send({"report": generator.report(), "worker": 0})


def _all(actions: Iterable[Callable[[], Any]], at_once: int) -> None:
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        for future in [pool.submit(action) for action in actions]:
            future.result()


if __name__ == "__main__":
    main()
