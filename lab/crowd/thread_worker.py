"""The engine of threads on `requests`: no extra to install, 200 shoppers at most."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from lab.core.errors import LabError, describe_failure
from lab.crowd.json_channel import JsonChannel
from lab.crowd.messages import Begun, Done, Failed, NewReport, Ready, StartJob
from lab.crowd.worker import REPORT_EVERY_S, SOON_S, CrowdWorker
from lab.evidence.requests_transport import RequestsTransport

THREADS_CLOSING = 16


def main() -> None:
    """Do the job that the lab sends, and report until it is done."""
    channel = JsonChannel.to_lab()
    try:
        _run(channel)
    except Exception as error:
        channel.send(Failed(describe_failure(error)))
    finally:
        channel.close()


def _run(channel: JsonChannel) -> None:
    start = channel.receive()
    if not isinstance(start, StartJob):
        raise LabError("the lab sent no job")
    worker = CrowdWorker(start.job, 0, RequestsTransport)
    users = [worker.virtual_user(number) for number in range(start.job.profile.shoppers)]
    channel.send(Ready())
    if channel.receive() is None:
        return
    start_s = time.monotonic() + SOON_S
    worker.journal.begin(start_s)
    channel.send(Begun(start_s))
    over = threading.Event()
    reporter = threading.Thread(target=_report, args=(channel, worker, over), daemon=True)
    reporter.start()
    try:
        _run_all([user.run for user in users], len(users))
        time.sleep(worker.time_left_s())
        _run_all(worker.closing_reads(), THREADS_CLOSING)
    finally:
        over.set()
        reporter.join()  # two threads that send at once would mix their lines
    worker.journal.close()
    channel.send(NewReport(worker.report()))
    channel.send(Done())


def _report(channel: JsonChannel, worker: CrowdWorker, over: threading.Event) -> None:
    while not over.wait(REPORT_EVERY_S):
        channel.send(NewReport(worker.report()))


def _run_all(actions: Iterable[Callable[[], None]], at_once: int) -> None:
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        for future in [pool.submit(action) for action in actions]:
            future.result()


if __name__ == "__main__":
    main()
