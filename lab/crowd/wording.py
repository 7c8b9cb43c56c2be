"""Says in words what a crowd's result has in numbers: for the terminal and the page."""

from collections.abc import Mapping

from rich.text import Text

from lab.core.faults import FaultKind
from lab.core.statistics import format_measure
from lab.core.text import counted
from lab.crowd.loss_audit import LossAudit
from lab.crowd.result import CrowdResult

_OTHER_FATES = ("lost", "wrong", "duplicated", "unknown")


def describe_carts(audit: LossAudit) -> str:
    """Return the fates of the acknowledged carts as a phrase."""
    if not audit.owed:
        return "no cart was owed"
    if audit.unknown == audit.owed:
        return f"nothing is known of {audit.owed:,} acknowledged carts"
    others = [(getattr(audit, fate), fate) for fate in _OTHER_FATES]
    kept = format_measure(audit.kept_share)
    return kept + "".join(f", {number:,} {fate}" for number, fate in others if number)


def describe_servers(by_server: Mapping[str, int]) -> str:
    """Return how many requests each server answered: "answered by A 301, B 299"."""
    named = [f"{name} {number:,}" for name, number in sorted(by_server.items()) if name]
    answered = f"answered by {', '.join(named)}" if named else "answered by no server"
    return answered + (f"; by none {silent:,}" if (silent := by_server.get("", 0)) else "")


def describe_fault(kind: FaultKind, target: str, at_s: float, trouble: str | None) -> str:
    """Return a fault as a phrase: "kill B at 3.0 s"."""
    return f"{kind} {target} at {at_s:.1f} s" + (f" did not work: {trouble}" if trouble else "")


def sentences(each: CrowdResult) -> Text:
    """Return lines about one crowd: its carts, its figures, its faults, every doubt."""
    lines = Text()
    lines.append(f"{each.variant}", "bold")
    lines.append(f" ({_setup(each)}): ")
    lines.append(f"{describe_carts(each.carts)}; {_prediction(each.carts)}.\n")
    lines.append(
        f"  {each.requests:,} requests, {_model(each)}; {each.warm_up_requests_dropped:,} of the "
        f"warm-up excluded; {each.reads_that_showed_the_cart:,} of {each.reads:,} looks at a cart "
        "showed it.\n"
    )
    lines.append(f"  {_who_came(each)}; {describe_servers(each.answered_by)}.\n")
    for why in dict.fromkeys(each.latency.withheld.values()):
        names = [name for name, reason in each.latency.withheld.items() if reason == why]
        lines.append(f"  no {', '.join(names)}: {why}\n", "dim")
    if each.carts.kept and each.reads_that_showed_the_cart < each.reads:
        hidden = each.reads - each.reads_that_showed_the_cart
        lines.append(
            f"  A cart is kept if a live server shows it to the lab. {hidden:,} looks of the "
            "customers did not show theirs: they reached another server, or none.\n"
        )
    lines.append(
        f"  generator: {each.generator_busiest_share_of_a_core:.0%} of a core at most, its own "
        f"lateness p95 {milliseconds(each.lateness_of_the_generator.p95_ms)} ms, "
        f"{each.generator_bytes_per_shopper / 1000:,.0f} kB of memory for a shopper\n",
        "dim",
    )
    if not each.keeps_up:
        lines.append(
            f"  The shop did {each.rate_done_per_s:.0f}/s of the {each.rate_asked_per_s:.0f}/s "
            "asked of it: the queue grew, and latency with it.\n"
        )
    for fault in each.timetable:
        line = describe_fault(fault.kind, fault.target, fault.done_at_s, fault.trouble)
        lines.append(f"  ▲ {line}\n")
    for doubt in each.doubts:
        lines.append(f"  ? {doubt}\n", "yellow")
    lines.right_crop(1)
    return lines


def _who_came(each: CrowdResult) -> str:
    came = f"{each.shoppers_came:,} of {each.shoppers:,} shoppers came"
    return f"{came}; {each.carts.owed:,} acknowledged carts were owed"


def _setup(each: CrowdResult) -> str:
    setup = each.setup
    kept = "the cart in the token" if setup.store == "token" else f"sessions in {setup.store}"
    return (
        f"{kept}, {counted(setup.servers, 'server')}, affinity {setup.affinity}, "
        f"retry {setup.retry}, script {each.script}"
    )


def _prediction(audit: LossAudit) -> str:
    if audit.owed and audit.unknown == audit.owed:
        return "so nothing is compared"
    edge = f" ({audit.at_the_edge} reads too close to a death to tell)" * bool(audit.at_the_edge)
    if not audit.owed:
        return f"so none could be lost{edge}"
    if audit.as_predicted and not audit.predicted_lost:
        return f"none had to be lost{edge}"
    if audit.as_predicted:
        return f"lost are {audit.predicted_and_lost:,}, exactly those that had to be{edge}"
    return f"{audit.differing:,} came out differently than predicted{edge}"


def _model(each: CrowdResult) -> str:
    if each.rate_asked_per_s is None:
        return "closed model: latency counts from when a shopper sent the request"
    return "latency from the intended start"


def milliseconds(value: float | None) -> str:
    """Return milliseconds as a cell has them."""
    if value is None:
        return "–"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
