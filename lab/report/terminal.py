"""A run in the terminal: two lanes side by side, then what became of the carts."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.core.faults import FaultEvent, FaultKind
from lab.evidence.cart_tracker import Fate
from lab.evidence.compare import differs, side_by_side
from lab.evidence.exchange import Exchange, OpStatus
from lab.evidence.record import Event
from lab.evidence.result import ExperimentResult, Observation, VariantResult, Verdict

# Colour is never alone: each has its sign and its word.
_FATE_LOOK = {
    Fate.KEPT: ("✓", "green"),
    Fate.LOST: ("✕", "red"),
    Fate.WRONG: ("✕", "red"),
    Fate.DUPLICATED: ("✕", "red"),
    Fate.UNKNOWN: ("?", "yellow"),
}
_VERDICT_LOOK = {
    Verdict.HOLDS: ("✓", "green"),
    Verdict.FAILS: ("✕", "red"),
    Verdict.DEPENDS: ("~", "yellow"),
    Verdict.UNKNOWN: ("?", "yellow"),
}
_WORDS = {
    ("POST", "/api/login"): "log in",
    ("GET", "/api/cart"): "ask for the cart",
    ("POST", "/api/cart/items"): "add to the cart",
    ("DELETE", "/api/cart"): "empty the cart",
    ("PUT", "/api/shipping-address"): "say where it goes",
    ("POST", "/api/checkout"): "check out",
    ("POST", "/api/logout"): "log out",
}
MAX_ROWS = 24


def experiment_view(result: ExperimentResult) -> RenderableType:
    """Return the whole of one experiment: lanes, fates, verdict."""
    parts: list[RenderableType] = []
    if len(result.variants) == 2:
        parts.append(lanes_table(*result.variants))
    else:
        parts.append(variants_table(result))
    for variant in result.variants:
        if told := variant.traceback or variant.trouble:
            parts.append(Padding(Text(f"{variant.variant.name}: {told}", "yellow"), (1, 1, 0, 1)))
    parts.append(Padding(verdict_text(result), (1, 1)))
    return Group(*parts)


def lanes_table(left: VariantResult, right: VariantResult) -> Table:
    """Return the two lanes, step by step; a mark stands where their answers differ."""
    table = Table(box=None, padding=(0, 1), expand=False, header_style="bold")
    table.add_column("")
    table.add_column("step", ratio=2)
    table.add_column(_heading(left), style="blue", ratio=3)
    table.add_column(_heading(right), style="bright_yellow", ratio=3)
    pairs = side_by_side(left.record, right.record)
    several = len({exchange.customer for exchange in left.record.exchanges()}) > 1
    for number, pair in enumerate(pairs[:MAX_ROWS], start=1):
        mark = Text("≠", "bold magenta") if differs(pair) else Text(f"{number}", "dim")
        event = pair[0] or pair[1]
        assert event is not None
        table.add_row(mark, _step(event, several), *(_answer(each) for each in pair))
    if len(pairs) > MAX_ROWS:
        table.add_row("", f"… {len(pairs) - MAX_ROWS} more in result.json", "", "")
    table.add_section()
    table.add_row("", Text("acknowledged carts", "bold"), _fates(left), _fates(right))
    return table


def variants_table(result: ExperimentResult) -> Table:
    """Return one row a lane: where the cart lived, what came of the claim, the number.

    A lane that came out otherwise than the plain token *flips*.
    """
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in ("lane", "the claim", "", "because"):
        table.add_column(heading)
    flipped = flips(result)
    for lane in result.variants:
        seen = lane.observation or Observation(Verdict.UNKNOWN, lane.trouble or "not run")
        mark = Text("flips", "bold magenta") if lane.variant.name in flipped else ""
        table.add_row(lane.variant.name, _verdict(seen.verdict), mark, seen.number)
    return table


def flips(result: ExperimentResult) -> set[str]:
    """Return the lanes whose verdict is another than the plain token's; unknown never is."""
    verdicts = {
        lane.variant.name: lane.observation.verdict
        for lane in result.variants
        if lane.observation and lane.observation.verdict is not Verdict.UNKNOWN
    }
    plain = [lane.variant for lane in result.variants if lane.variant.is_plain_token]
    # A token with settings of its own (a short life, say) stands beside the plain one.
    as_written = next((each.name for each in plain if not each.env), None)
    token = verdicts.get(as_written or "")
    return {name for name, verdict in verdicts.items() if token and verdict is not token}


def ledger_table(results: Sequence[ExperimentResult]) -> Table:
    """Return the ledger: claim, verdict, the number that decided it, where the evidence is."""
    table = Table(box=None, padding=(0, 1, 1, 1), header_style="bold")
    table.add_column("claim, and the command that shows it", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("decided by", ratio=3)
    for result in results:
        claim = Text(f"“{result.claim}”\n").append(f"lab run {result.name}", "bold")
        number = Text(result.judgement.number or result.judgement.because)
        for surprise in result.judgement.surprises:
            number.append(f"\n! not as expected: {surprise}", "bold red")
        for lane in result.variants:
            if lane.trouble:
                number.append(f"\n{lane.variant.name}: {lane.trouble}", "yellow")
        table.add_row(claim, _verdict(result.judgement.verdict), number)
    return table


def predictions_view(results: Sequence[ExperimentResult]) -> RenderableType:
    """Return predictions beside observations; those that were sure and wrong come first."""
    parts: list[RenderableType] = [Text("Predictions", "bold")]
    asked = [result for result in results if result.prediction]
    for result in sorted(asked, key=_surprise, reverse=True):
        made = result.prediction
        assert made is not None
        sign = {
            True: ("✓ right", "green"),
            False: ("✕ wrong", "red"),
            None: ("? unknown", "yellow"),
        }
        word, colour = sign[made.right]
        text = Text.assemble((f"{word}, {made.confidence}", f"bold {colour}"), f"  {made.question}")
        text.append(f"\n  you said  {made.choices[made.predicted]}")
        if made.observed is not None:
            text.append(f"\n  observed  {made.choices[made.observed]}")
        if made.explanation:
            text.append(f"\n  {made.explanation}", "dim")
        parts.append(Padding(text, (0, 1, 1, 1)))
    return Group(*parts)


def _surprise(result: ExperimentResult) -> int:
    made = result.prediction
    if made is None or made.right is not False:
        return 0
    return {"certain": 3, "fairly sure": 2}.get(made.confidence, 1)


def _verdict(verdict: Verdict) -> Text:
    sign, colour = _VERDICT_LOOK[verdict]
    return Text(f"{sign} {verdict}", f"bold {colour}")


def verdict_text(result: ExperimentResult) -> Text:
    """Return the verdict with the claim it is about and the numbers that decided it."""
    sign, colour = _VERDICT_LOOK[result.judgement.verdict]
    text = Text.assemble(
        (f"{sign} {result.judgement.verdict.upper()}", f"bold {colour}"),
        f"  “{result.claim}”",
    )
    if len(result.variants) == 2:
        text.append("\n  " + result.judgement.because.replace("; ", "\n  "))
    for surprise in result.judgement.surprises:
        text.append(f"\n  ! not as expected: {surprise}.", "bold red")
    unanswered = [v.measurements.get("requests_unanswered", 0) for v in result.variants]
    if any(unanswered):
        told = ", ".join(
            f"{n} at the {v.variant.name} desk"
            for n, v in zip(unanswered, result.variants, strict=True)
        )
        text.append(f"\n  Requests that no server answered: {told}.", "dim")
    return text


def _heading(result: VariantResult) -> Text:
    return Text(f"{result.variant.name} · {result.variant.keeps}")


def _step(event: Event, several: bool) -> Text:
    if isinstance(event, FaultEvent):
        return Text(f"{event.kind} {event.target}", "bold")
    who = f"{event.customer}: " if several else ""
    path = event.path.partition("?")[0]
    words = _WORDS.get((event.method, path), f"{event.method} {path}")
    return Text(f"{who}{words}{_at(event.server)}")


def _answer(event: Event | None) -> Text:
    if event is None:
        return Text("–", "dim")
    if isinstance(event, FaultEvent):
        return Text(_evidence(event), "bold")
    return _reply(event)


def _evidence(fault: FaultEvent) -> str:
    seen = fault.evidence
    if fault.kind is FaultKind.KILL and fault.confirmed and seen.process_gone is None:
        return f"✕ nobody answers there: {seen.signal}"
    if fault.kind is FaultKind.KILL and fault.confirmed:
        return f"✕ gone: pid {seen.pid}, {seen.signal}"
    if fault.kind is FaultKind.RESTART:
        return f"✓ back, instance {str(seen.instance)[:6]}"
    return f"{fault.kind} {fault.target}" + (
        "" if fault.confirmed is not False else " (unconfirmed)"
    )


def _reply(exchange: Exchange) -> Text:
    if exchange.status is None:
        return Text(f"no answer: {exchange.error}", "yellow")
    text = Text(f"{exchange.status} ")
    if not exchange.answered:
        return text.append("nobody answers", "yellow")
    text.append(f"{exchange.replica or '?'} ")
    body = exchange.body if isinstance(exchange.body, dict) else {}
    if exchange.fate:
        sign, colour = _FATE_LOOK[Fate(exchange.fate)]
        text.append(f"{sign} ", colour)
    if "cart" in body:
        text.append(_cart(body["cart"]))
    elif exchange.outcome is not OpStatus.OK and "title" in body:
        text.append(str(body["title"]))
    return text


def _at(server: str | None) -> str:
    return f" at {server}" if server else ""


def _cart(cart: dict[str, object]) -> str:
    lines = cart["lines"]
    assert isinstance(lines, list)
    if not lines:
        return "empty cart"
    first = f"{lines[0]['quantity']} {lines[0]['name']}"
    return first + (f" +{len(lines) - 1} more" if len(lines) > 1 else "")


def _fates(result: VariantResult) -> Text:
    counted = {fate: result.measurements.get(f"carts_{fate}", 0) for fate in Fate}
    text = Text()
    for fate, number in counted.items():
        if number:
            sign, colour = _FATE_LOOK[fate]
            text.append(f"{sign} {number} {fate.upper()}  ", f"bold {colour}")
    return text if text else Text("none", "dim")
