"""Customers shop and leave without logging out, and what stays on the server is counted.

What is done: customers log in, put a laptop in the cart, ask for it, and go away without
logging out. Before and after, it is counted what the desk holds in its processes, in files
and in the store, how much the store was asked, how long a look at the cart took, and how
many bytes went over the wire for it. On Linux the bytes that its processes wrote to files are
counted too, wherever those are.

What would disprove it: one session kept on the server, or one store operation, at the
stateless desk.

What it depends on: nothing at the stateful desk spares it the sessions; the store decides
where they are, who has to keep it running, and what a request costs more. The server does
not learn that a customer has left: a session stays until it expires (an hour here). The
stateless desk pays in bytes on the wire instead, with every request.

How far the numbers go: the bytes in files are exact; those in the store are what it says
its keys take up; those of a process are the growth of its resident set, which below some
10,000 sessions is mostly chance, and so is not scaled up.

With `--crowd N` another N customers come at once and leave: with thousands the growth of a
process's memory is more than chance, and is given for 1,000 sessions too.

Try next: `lab run storage --crowd 200`; `lab run size`, where the bytes on the wire grow with
the cart.
"""

from collections.abc import Mapping, Sequence

from lab.core.statistics import Measure, latency
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.footprint import Footprint
from lab.experiments.matrix import FILE, MEMORY, REDIS, TOKEN
from lab.experiments.script_api import Lab

CLAIM = "No session storage to sync, maintain, or troubleshoot."
EXPECTED = Verdict.HOLDS
VARIANTS = (
    MEMORY.expecting(Verdict.FAILS, settings=Settings(servers=1)),
    FILE.expecting(Verdict.FAILS, settings=Settings(servers=1, store="file")),
    REDIS.expecting(Verdict.FAILS, settings=Settings(servers=1, store="redis")),
    TOKEN.expecting(Verdict.HOLDS, settings=Settings(servers=1)),
)
EXPECTATIONS = (
    *VARIANTS,
    MEMORY.expecting(Verdict.FAILS),
    FILE.expecting(Verdict.FAILS),
    REDIS.expecting(Verdict.FAILS),
    TOKEN.expecting(Verdict.HOLDS),
)
CUSTOMERS = 120
QUICK_CUSTOMERS = 20
CROWD = True  # `--crowd` can add one
WAKE_UP_BYTES = 16
CROWD_MOST_S = 600.0  # a limit: the crowd is over once each customer has been there
NO_STATE: dict[str, str | None] = {"Cookie": None, "Authorization": None}


def script(shopper: Shopper, lab: Lab) -> None:
    """Let customers come, buy, look and go; hold what the server has against what it had."""
    customers = list(lab.customers)
    warm_up = lab.shopper()  # connections and code are there before anything is compared
    for act in (warm_up.login, warm_up.view_cart, warm_up.logout):
        act()
    before = lab.held()

    def come_and_buy() -> None:
        for customer in customers:
            customer.login()
            customer.add("laptop")

    looks, strangers = [], []

    def look() -> None:
        for customer in customers:  # takes turns with a request to compare: the machine may be busy
            looks.append(customer.view_cart())
            strangers.append(customer.request("GET", "/api/server", headers=NO_STATE))

    operations = lab.store_operations(come_and_buy) + lab.store_operations(look)
    after = lab.held()
    lab.measure(
        **growth(before, after, len(customers)),
        store_operations_per_request=round(operations / (3 * len(customers)), 2),
        bytes_written_per_request=written_per_request(before, after, 3 * len(customers)),
        files_seen=after.sees_files or after.written_bytes is not None,
        **on_the_wire(looks, strangers),
    )
    if lab.crowd_shoppers:
        crowd_comes_and_goes(lab, after)


def buy_and_leave(shopper: Shopper, lab: Lab) -> None:
    """One shopper of a crowd: come, buy a laptop, go."""
    shopper.login()
    shopper.add("laptop")


def crowd_comes_and_goes(lab: Lab, before: Footprint) -> None:
    """Let many come and leave; hold what the server has against what it had."""
    many = lab.crowd_shoppers
    outcome = lab.crowd(buy_and_leave, many, None, for_s=CROWD_MOST_S, warm_up_s=0.0, once=True)
    grown = growth(before, lab.held(), many)
    grown["process_bytes_per_1000"] = round(grown["process_bytes_more_coarse"] / (many / 1000))
    lab.measure(crowd_left=grown, crowd=outcome.as_json())


def growth(before: Footprint, after: Footprint, customers: int) -> Measurements:
    """Return how much more is held than before: counts, and bytes per 1,000 customers."""
    thousands = customers / 1000
    in_files = after.file_bytes - before.file_bytes
    in_store = after.store_bytes - before.store_bytes
    return {
        "customers_who_left": customers,
        "sessions_left": after.sessions - before.sessions,
        "sessions_left_in_processes": after.in_processes - before.in_processes,
        "sessions_left_in_files": after.in_files - before.in_files,
        "keys_left_in_store": after.in_store - before.in_store,
        "file_bytes_per_1000": round(in_files / thousands),
        "store_bytes_per_1000": round(in_store / thousands),
        "process_bytes_more_coarse": after.process_bytes - before.process_bytes,
    }


def written_per_request(before: Footprint, after: Footprint, requests: int) -> float | None:
    """Return how much the servers wrote to files and pipes for a request; None if not known.

    `requests` are the script's own. Where the servers had more, those of another program on this
    machine made them write as well.
    """
    if before.written_bytes is None or after.written_bytes is None:
        return None
    served = max(requests, after.requests_served - before.requests_served)
    return round((after.written_bytes - before.written_bytes) / served, 1)


def on_the_wire(looks: Sequence[Exchange], strangers: Sequence[Exchange]) -> Measurements:
    """Return what a look at the cart cost: bytes each way, its latency, and what state adds.

    `strangers` are requests that carry no state and so need none: what they take is this
    machine and nginx.
    """
    answered = [exchange for exchange in looks if exchange.ok]
    n = max(1, len(answered))
    look = latency([exchange.elapsed_ms for exchange in answered])
    bare = latency([exchange.elapsed_ms for exchange in strangers if exchange.ok])
    with_cart, without = look["p50_ms"], bare["p50_ms"]
    added = with_cart - without if with_cart is not None and without is not None else None
    return {
        "look_bytes_sent": round(sum(exchange.bytes_sent for exchange in answered) / n),
        "look_bytes_received": round(sum(exchange.bytes_received for exchange in answered) / n),
        "look_latency": look,
        "stranger_latency": bare,
        "state_adds_ms": None if added is None else round(added, 3),
    }


def observe(measured: Measurements) -> Observation:
    """Observe whether anything is left on the server, or any store was asked."""
    if not measured["carts_acknowledged"] or measured["state_adds_ms"] is None:
        return Observation.unknown("no cart was acknowledged and then seen")
    left, asked = measured["sessions_left"], measured["store_operations_per_request"]
    look, bare = measured["look_latency"], measured["stranger_latency"]
    wire = measured["look_bytes_sent"] + measured["look_bytes_received"]
    # A server wakes its own threads through a pipe: a byte or two for each request.
    written = measured["bytes_written_per_request"] or 0
    is_kept = written > WAKE_UP_BYTES
    if not (left or asked or is_kept or measured["files_seen"]):
        return Observation.unknown("nothing is left, but the servers' files were not seen")
    also = [Measure(written, unit="bytes a request written to files")] if is_kept else []
    return Observation(
        Verdict.FAILS if left or asked or is_kept else Verdict.HOLDS,
        (
            *also,
            Measure(left, unit=f"sessions left by {measured['customers_who_left']} customers"),
            Measure(asked, unit="store operations a request"),
            Measure(wire, unit="bytes for a look at the cart"),
            Measure(look["p50_ms"], unit=f"ms for a look (median of {look['n']})"),
            Measure(bare["p50_ms"], unit="ms for a request without state"),
        ),
    )


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    measured = [by_variant[name] for name in ("redis", "token") if name in by_variant]
    if len(measured) < 2 or any("sessions_left" not in each for each in measured):
        return None
    redis, token = measured
    if token["sessions_left"]:
        return 3
    left, came = redis["sessions_left"], redis["customers_who_left"]
    return 0 if not left else 2 if left == came else 1


QUESTION = Question(
    "Customers put a laptop in the cart and close the browser without logging out. How many "
    "of their sessions does the store still hold, and how many carts does the stateless desk?",
    (
        "none and none: they have left",
        "some and none: the store drops idle ones",
        "all and none",
        "all and all",
    ),
    _observed,
    "HTTP has no goodbye. A server that keeps sessions keeps those of customers who will never "
    "come back, until a time limit, which has to be chosen, and the store has to be watched. The "
    "stateless desk has nothing to tidy up: each customer took the cart along.",
)
