"""The checks of a service whose jobs have to outlive the process that accepted them."""

import time
from pathlib import Path

from lab.exercises import Work, after, check, require
from lab.exercises.exchange import HttpExchange
from lab.exercises.repaired import misspelt, require_state_is_shared
from lab.exercises.service import Service

PATIENCE_S, EVERY_S = 60.0, 0.1
TALK = """
import time

def script(http):
    report = http.post("/reports", json={{"sales": {sales}}}).json()["id"]
    time.sleep(0.5)
    for _ in range(100):
        if http.get(f"/reports/{{report}}").json()["status"] == "done":
            break
        time.sleep(0.1)
"""


def platform(volume: Path) -> dict[str, str]:
    """Return what the platform gives to each server."""
    return {"SHARED_DIR": str(volume)}


def sales(work: Work) -> list[int]:
    """Return sales by chance."""
    return [work.random.randint(1, 999) for _ in range(work.random.randint(3, 9))]


def order(server: Service, numbers: list[int]) -> str:
    """Order a report; return its id."""
    answer = server.post("/reports", json={"sales": numbers}).require_status(202)
    report = answer.value("id")
    require(
        isinstance(report, str) and report, f"the id is {report!r}, and no text", evidence=answer
    )
    return str(report)


def read(server: Service, report: str, help: str = "") -> HttpExchange:
    """Ask for a report that was ordered."""
    answer = server.get(f"/reports/{report}").require_status(200, help=help)
    status = answer.value("status")
    require(status in ("working", "done"), f"the status is {status!r}", evidence=answer)
    return answer


def require_done(server: Service, report: str, numbers: list[int], help: str = "") -> None:
    """Ask until the report is done, and require that it is right."""
    deadline = time.monotonic() + PATIENCE_S
    while (answer := read(server, report, help)).value("status") != "done":
        require(time.monotonic() < deadline, f"it is not done after {PATIENCE_S:.0f} s")
        time.sleep(EVERY_S)
    found = answer.value("total"), answer.value("highest")
    right = sum(numbers), max(numbers)
    require(
        found == right,
        f"the report of {numbers} has total and highest {found}, and not {right}",
        evidence=answer,
    )


@check
def reports_are_made(work: Work) -> None:
    """A report is accepted at once, and done soon after.

    Two reports are ordered from one server, and asked for until they are done; then some are
    asked for that nobody has ordered.
    """
    with work.start(env=platform(work.new_volume())) as server:
        ordered = [(numbers, order(server, numbers)) for numbers in (sales(work), sales(work))]
        for numbers, report in ordered:
            require_done(server, report, numbers)
        given = {report for _, report in ordered}
        alike = (each for report in sorted(given) for each in misspelt(work.random, report))
        for unknown in (f"{work.random.getrandbits(64):016x}", *alike):
            if unknown not in given:
                server.get(f"/reports/{unknown}").require_status(404)


@check
@after(reports_are_made)
def another_server_knows_the_report(work: Work) -> None:
    """A report that one server has accepted is known to another one, at once.

    Two servers run, each with a disk of its own, both with the same SHARED_DIR.
    """
    env, numbers = platform(work.new_volume()), sales(work)
    with work.start(env=env) as one, work.start(env=env) as other:
        report = order(one, numbers)
        read(other, report, help="What does the first server have that the second one has not?")
        require_done(other, report, numbers)


@check
@after(another_server_knows_the_report)
def no_server_loses_what_another_has_kept(work: Work) -> None:
    """Two servers accept reports at the same time, and each knows those of both."""
    env = platform(work.new_volume())
    with work.start(env=env) as one, work.start(env=env) as other:
        ordered = []
        for server, elsewhere in ((one, other), (other, one), (one, other), (other, one)):
            numbers = sales(work)
            ordered.append((server, elsewhere, order(server, numbers), numbers))
        for server, _, report, numbers in ordered:
            require_done(server, report, numbers)
        for _, elsewhere, report, numbers in ordered:
            require_done(elsewhere, report, numbers, "Which server has written last, and what?")


@check
@after(reports_are_made)
def a_server_may_die(work: Work) -> None:
    """A report that is done stays there when its server is killed."""
    env, numbers = platform(work.new_volume()), sales(work)
    with work.start(env=env) as one, work.start(env=env) as other:
        report = order(one, numbers)
        require_done(one, report, numbers)
        one.kill()
        require_done(other, report, numbers)


@check(points=2)
@after(another_server_knows_the_report, no_server_loses_what_another_has_kept, a_server_may_die)
def lab_check_finds_state_only_in_the_shared_folder(work: Work) -> None:
    """`lab check` finds state in what all servers share, or none."""
    volume = work.new_volume()
    talk = TALK.format(sales=sales(work))
    require_state_is_shared(work, talk, platform(volume), volume)
