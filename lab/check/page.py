"""A check as a page: the level, each call, the shortest script, the explanation."""

from collections.abc import Iterator

from lab.check.causes import LikelyCause
from lab.check.document import CheckDocument, CheckedCall, CheckedPart, Shortest
from lab.check.judge import ASSERTION_FAILED, LEVEL_SIGNS, Level
from lab.core.page import Figure, Graph, ReportPage, Section, Table

_PROCESSES = (
    "The conversation was run on one process, then again on fresh ones; an answer that changes "
    "depends on state that the server keeps."
)
_REPLICAS = (
    "The conversation was run on each of some replicas that run already, then spread over them; "
    "an answer that changes depends on which of them is asked."
)


def check_page(made: CheckDocument) -> ReportPage:
    """Return the page of a check."""
    found = [(LEVEL_SIGNS[made.verdict], made.because)]
    if made.failed_assertion:
        found.insert(0, (ASSERTION_FAILED, made.failed_assertion))
    cut = "Cut short: this is what was known when the check was stopped, or reached a limit."
    return ReportPage(
        "lab check: is this service stateless?",
        _REPLICAS if made.spread else _PROCESSES,
        found,
        facts=list(_facts(made)),
        sections=list(_sections(made)),
        footer="Drawn from check.json. Credentials are shortened: none of them can be used.",
        banners=(cut,) if made.partial and made.started else (),
    )


def _facts(made: CheckDocument) -> Iterator[tuple[str, str]]:
    yield "conversation", made.source or "none was run"
    if made.command:
        yield "started with", made.command
    yield "took", f"{made.seconds:.1f} s"
    yield "requests", f"{made.requests:,}"
    if made.spread:
        for each in made.spread.replicas:
            yield f"replica {each.name}", each.url
    else:
        yield "processes", f"{made.processes:,}"
    if allowed := [str(level) for level in made.allowed if level is not Level.SELF_CONTAINED]:
        yield "allowed", ", ".join(allowed)


def _sections(made: CheckDocument) -> Iterator[Section]:
    if made.calls:
        yield Section("The calls", tables=[_table(made.calls)], charts=[_chart(made.calls)])
    if made.spread:
        yield Section("How the calls were spread", [*made.spread.lines()])
    if made.parts:
        yield Section("The verdicts", tables=[_verdicts(made.parts)])
    if made.shortest and not made.parts:
        yield _shortest(made.shortest)
    for part in made.parts:
        if part.shortest:
            yield _of_part(part, part.shortest)
    yield from map(_likely, made.causes)
    remarks = [*(note for note in made.notes if note != made.because), *_noise(made)]
    if remarks:
        yield Section("Remarks", remarks)
    if made.explanation:
        yield Section("What was done, and what follows", made.explanation.split("\n\n"))


def _likely(cause: LikelyCause) -> Section:
    measured = ", ".join(f"lab run {each}" for each in cause.experiments)
    said = [f"{cause.title}; {cause.why}.", *cause.evidence]
    costs = f"What it costs: {cause.costs} Measured by {measured}."
    remedies = Table(("framework", "usual remedy"), [*cause.remedies.items()], frozenset())
    return Section("The likely cause", [*said, costs], tables=[remedies])


def _table(calls: list[CheckedCall]) -> Table:
    rows = [
        (
            str(each.call),
            each.request,
            str(each.status or "none"),
            each.verdict if each.verdict != each.level else LEVEL_SIGNS[each.level],
            f"as {each.like}" if each.like else ", ".join(map(str, each.needs or ())),
            str(each.differences[0]) if each.differences else each.why,
        )
        for each in calls
    ]
    headings = ("", "call", "status", "verdict", "needs calls", "first difference, or why")
    return Table(headings, rows, frozenset({0}))


def _chart(calls: list[CheckedCall]) -> Figure:
    counted = [(str(level), sum(each.level is level for each in calls)) for level in Level]
    points = [(level, float(number)) for level, number in counted if number]
    return Figure(
        "Calls by where their state is", "", "calls", [Graph("calls", "stateful", points)]
    )


def _shortest(found: Shortest) -> Section:
    numbers = ", ".join(map(str, found.calls))
    how = "to two processes that both live" if found.in_turn else "the last of them after a restart"
    if found.replicas:
        how = f"to replicas {', '.join(found.replicas)}"
    seen = f"seen again {found.confirmed} of {found.tries} times"
    if found.repeated:
        how = f"the last of them {found.repeated} times, to one server of several processes"
        seen = f"{found.confirmed} of {found.tries} answers differed"
    sentences = [
        f"Calls {numbers}, {how}: {seen}.",
        *map(str, found.differences),
    ]
    return Section("The shortest script that shows it", sentences, code=found.script)


def _verdicts(parts: list[CheckedPart]) -> Table:
    rows = [(each.name, LEVEL_SIGNS[each.verdict], each.because) for each in parts]
    return Table(("part", "verdict", "why"), rows, frozenset())


def _of_part(part: CheckedPart, found: Shortest) -> Section:
    sentences = [
        f"{', '.join(part.requests)}: seen again {found.confirmed} of {found.tries} times.",
        *map(str, found.differences),
        part.remedy,
    ]
    return Section(f"The shortest script for the {part.name}", sentences, code=found.script)


def _noise(made: CheckDocument) -> Iterator[str]:
    for call, places in made.varies.items():
        yield f"varies by itself, not compared: call {call}, {', '.join(places)}"
