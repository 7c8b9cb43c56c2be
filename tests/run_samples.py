"""A check, a crowd and a plan as they might have been kept, for tests."""

from lab.capacity.assumptions import Assumptions
from lab.capacity.constants import Constant, Constants, ConstantsRow, Measured
from lab.capacity.crossings import CapacityPlan
from lab.check.differences import Difference
from lab.check.document import CheckDocument, CheckedCall, Shortest
from lab.check.judge import Level
from lab.core.faults import FaultKind
from lab.crowd.loss_audit import LossAudit
from lab.crowd.result import CrowdResult, CrowdSetup, TimetableEntry
from lab.crowd.tally import Percentiles

ALIKE = "answered alike"


def a_check(text="GET /cart", level=Level.PROCESS, **changes):
    """A check in which every text is `text`."""
    difference = Difference(text, "200", text)
    calls = [
        CheckedCall(
            call=1, request=text, verdict=str(level), level=level, differences=[difference]
        ),
        CheckedCall(call=2, request=text, verdict="answered alike", level=Level.SELF_CONTAINED),
    ]
    shortest = Shortest(
        calls=[1, 2],
        wiped=False,
        elsewhere=False,
        printable=True,
        in_turn=False,
        differences=[difference],
        confirmed=5,
        tries=6,
        script=f"# {text}",
    )
    values = {
        "verdict": level,
        "because": text,
        "source": text,
        "command": text,
        "calls": calls,
        "shortest": shortest,
        "varies": {"1": [text]},
        "notes": [text],
        "explanation": f"{text}\n\n{text}",
    }
    return CheckDocument(**values | changes)


def a_crowd(text="stateful", **changes):
    """A crowd in which every text is `text`."""
    values = {
        "variant": text,
        "setup": CrowdSetup(desk="stateful", store=text, servers=3, affinity=text, retry=text),
        "interrupted": False,
        "model": "open",
        "script": text,
        "engine": "threads",
        "workers": 1,
        "seed": 1,
        "shoppers": 10,
        "once": False,
        "for_s": 4.0,
        "warm_up_s": 1.0,
        "rate_asked_per_s": 100.0,
        "rate_done_per_s": 99.0,
        "requests": 400,
        "ok": 390,
        "failed": 8,
        "unknown": 2,
        "warm_up_requests_dropped": 100,
        "responses": 500,
        "reads": 20,
        "reads_that_showed_the_cart": 18,
        "logged_by_the_balancer": 500,
        "latency": Percentiles(400, 3.0, 9.0),
        "lateness_of_the_generator": Percentiles(400, 0.1, 0.3),
        "generator_busiest_share_of_a_core": 0.2,
        "generator_bytes_per_shopper": 1000,
        "carts": LossAudit(settled=20, kept=18, lost=2, predicted_lost=2, predicted_and_lost=2),
        "carts_as_predicted": True,
        "timetable": [TimetableEntry(FaultKind.KILL, text, 2.0, 2.1, trouble=text)],
        "doubts": [],
    }
    return CrowdResult(**values | changes)


def a_plan(**assumed):
    where = Measured("run-1", "2026-01-01", "a CPU", 2, "Linux", "3", "1", "8", 20.0)
    kinds = (("login", 0), ("read", 1), ("read", 50), ("write", 1), ("write", 50), ("logout", 0))
    found = [
        Constant(what, kind, lines, value, value, value, 9)
        for kind, lines in kinds
        for what, value in (
            *(("desk_cpu", 900.0), ("balancer_cpu", 90.0), ("store_cpu", 0.0)),
            *(("store_operations", 0.0), ("request_bytes", 300.0), ("answer_bytes", 600.0)),
        )
    ]
    for of, sizes in (("session", (0, 1, 50)), ("write", (1, 50)), ("logout", (0,))):
        found += [
            Constant(what, of, lines, 0.0, 0.0, 0.0, 9)
            for lines in sizes
            for what in ("in_files", "in_store")
        ]
    found.append(Constant("at_rest", "server", 0, 1e7, 1e7, 1e7, 9))
    found.append(Constant("served_by_another", "read", 0, 1.0, 1.0, 1.0, 9))
    row = ConstantsRow("token", "stateless", tuple(found))
    return CapacityPlan(Constants(where, (row,)), Assumptions(**assumed))


def journal(folder, lines, name="exchanges-0.jsonl"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"".join(lines))
