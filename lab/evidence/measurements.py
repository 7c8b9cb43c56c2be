"""Counts what a record and its trackers show. Pure: the same record gives the same numbers."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from lab.core.faults import FaultEvent, FaultKind
from lab.core.redaction import redact_text
from lab.core.text import counted, one_line
from lab.evidence.cart_tracker import CartTracker, Fate
from lab.evidence.closing import ClosingLooks
from lab.evidence.exchange import Exchange, OpStatus
from lab.evidence.record import Record
from lab.evidence.result import Counts

NO_ANSWER = "no answer"
MOST_OF_DETAIL = 200  # characters
_CHANGES = {
    ("POST", "/api/cart/items"): "add",
    ("PATCH", "/api/cart/items/"): "change",
    ("DELETE", "/api/cart/items/"): "remove",
    ("DELETE", "/api/cart"): "clear",
    ("PUT", "/api/shipping-address"): "ship_to",
    ("POST", "/api/checkout"): "checkout",
}


def measure(
    record: Record, trackers: Iterable[CartTracker], closing: ClosingLooks | None = None
) -> Counts:
    """Return what the lab counts in a variant; without `closing`, no cart was looked at."""
    exchanges = list(record.exchanges())
    trackers = list(trackers)
    owed = sum(tracker.owed is not None for tracker in trackers)
    fates = closing.fates if closing else Counter({Fate.UNKNOWN: owed})
    looks = closing or ClosingLooks()
    reads = Counter(exchange.fate for exchange in exchanges if exchange.fate is not None)
    kills = [
        fault.confirmed and not _answers_after(fault, exchanges)
        for fault in record.faults()
        if fault.kind is FaultKind.KILL
    ]
    return Counts(
        carts_acknowledged=fates.total(),
        **{f"carts_{fate}": fates[fate] for fate in Fate},
        carts_left=dict(sum((tracker.left for tracker in trackers), Counter[str]())),
        changes_acknowledged=changes_acknowledged(exchanges),
        changes_refused=changes_refused(exchanges),
        refusal_details=refusal_details(exchanges),
        reads_of_carts=reads.total(),
        reads_kept=reads[Fate.KEPT],
        closing_looks=looks.asked,
        closing_looks_kept=looks.shown,
        closing_silences=dict(looks.silences),
        kill_confirmed=all(kills) if kills else None,
        restarts_confirmed=sum(
            fault.confirmed is True for fault in record.faults() if fault.kind is FaultKind.RESTART
        ),
        faults_unconfirmed=sum(fault.confirmed is False for fault in record.faults()),
        requests=len(exchanges),
        requests_unanswered=sum(not exchange.answered for exchange in exchanges),
        bytes_sent=sum(exchange.bytes_sent for exchange in exchanges),
        bytes_received=sum(exchange.bytes_received for exchange in exchanges),
    )


def changes_refused(exchanges: Iterable[Exchange]) -> dict[str, dict[str, int]]:
    """Count the changes that were not acknowledged: {"add": {"422": 1, "no answer": 2}}."""
    refused: dict[str, dict[str, int]] = {}
    for each in exchanges:
        verb = change_of(each)
        if verb and not each.ok:
            answers = refused.setdefault(verb, {})
            answer = str(each.status) if each.answered else NO_ANSWER
            answers[answer] = answers.get(answer, 0) + 1
    return refused


def changes_acknowledged(exchanges: Iterable[Exchange]) -> dict[str, int]:
    """Count the changes that were answered with 2xx, from any customer: {"add": 2}."""
    return dict(Counter(filter(None, (change_of(each) for each in exchanges if each.ok))))


def refusal_details(exchanges: Iterable[Exchange]) -> dict[str, dict[str, str]]:
    """Return the first text of each kind of refusal: {"add": {"422": "'quantity' must be …"}}.

    Refused looks are under "view_cart".
    """
    details: dict[str, dict[str, str]] = {}
    for each in exchanges:
        verb = change_of(each) or ("view_cart" if _is_look(each) else None)
        if not verb or not each.answered or each.ok or not isinstance(each.body, dict):
            continue
        if said := each.body.get("detail"):
            text = redact_text(one_line(said, MOST_OF_DETAIL))
            details.setdefault(verb, {}).setdefault(str(each.status), text)
    return details


def _is_look(exchange: Exchange) -> bool:
    return exchange.method == "GET" and exchange.path.partition("?")[0] == "/api/cart"


def change_of(exchange: Exchange) -> str | None:
    """Return which change of a cart a request asks for, as a script calls it; None for none."""
    path = exchange.path.partition("?")[0]
    place = "/api/cart/items/" if path.startswith("/api/cart/items/") else path
    return _CHANGES.get((exchange.method, place))


def _answers_after(kill: FaultEvent, exchanges: Iterable[Exchange]) -> bool:
    """Return True if the process that was killed answered a request that was sent afterwards."""
    instance = kill.evidence.instance
    return any(
        instance and each.instance == instance and each.at_s > kill.at_s for each in exchanges
    )


def operations(record: Record) -> dict[str, int]:
    """Count operations by outcome: `{"ok", "failed", "unknown"}`."""
    counted = Counter(exchange.outcome for exchange in record.exchanges())
    return {str(outcome): counted[outcome] for outcome in OpStatus}


def disagreement(exchanges: Iterable[Exchange], logged_ops: Collection[str]) -> str | None:
    """Cross-check the client's exchanges with the balancer's log; None if they agree.

    Every request with a response, the balancer's own 502 included, stands in the log exactly once.
    """
    logged = Counter(logged_ops)
    responses = {exchange.op for exchange in exchanges if exchange.status is not None}
    missing = sorted(op for op in responses if not logged[op])
    repeated = sorted(op for op, times in logged.items() if op in responses and times > 1)
    if not missing and not repeated:
        return None
    return (
        "the load balancer's log disagrees with the client: "
        f"{counted(len(missing), 'request')} missing, "
        f"{len(repeated)} logged more than once ({', '.join((missing + repeated)[:3])} …)"
    )


def retried_ops(upstreams: Mapping[str, str]) -> list[str]:
    """Return the operations that nginx tried at several servers.

    `upstreams` maps an operation to nginx's `$upstream_addr`: after a retry it names two.
    """
    return sorted(op for op, addresses in upstreams.items() if "," in addresses)
