"""Figure 1: each desk and place against a bare Flask route on the same server."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from measuring import Row, Scale, Side, compare
from subjects import TOKEN, Desk, Line, customer, desk, places, served

BARE = str(Path(__file__).with_name("bare_desk.py"))
AIMS = {
    "memory": {"read": 0.85, "write": 0.8},
    TOKEN: {"read": 0.85, "write": 0.75},
    "redis": {"read": 0.7, "write": 0.55},
}
READ = ("GET", "/cart", b"")
WRITE = ("PATCH", "/cart/items/laptop", b'{"quantity": 1}')
"""The same result however often it is sent, so that all rounds do the same."""


def figure(scale: Scale) -> Iterator[Row]:
    """Requests per second of one keep-alive client, cart of one line, no nginx: desk ÷ bare."""
    for place in places():
        with desk(place) as ours, served([BARE], {}) as (port, process):
            bare = Desk(port, process, ours.folder, None)
            known = customer(f"http://127.0.0.1:{ours.port}")
            for name, request in (("read", READ), ("write", WRITE)):
                aim = AIMS.get(place, {}).get(name)
                yield _row(
                    f"{place}, {name} ÷ bare Flask", place, request, (ours, bare), known, scale, aim
                )


def _row(
    what: str,
    place: str,
    request: tuple[str, str, bytes],
    desks: tuple[Desk, Desk],
    known: dict[str, str],
    scale: Scale,
    aim: float | None,
) -> Row:
    (method, path, body), (ours, bare) = request, desks
    kind = TOKEN if place == TOKEN else "cookie"
    with (
        closing(Line(ours.port, method, f"/api{path}", known, body)) as here,
        closing(Line(bare.port, method, f"/{kind}{path}", known, body)) as there,
    ):
        desk_side = Side(here.ask, ours.process, scale.batch)
        bare_side = Side(there.ask, bare.process, scale.batch)
        ratios = compare(desk_side, bare_side, scale.rounds)
        cpu, bare_cpu = desk_side.mean_cpu_ms, bare_side.mean_cpu_ms
        return Row(
            what,
            ratios,
            f"{method}: {desk_side.per_s:.0f}/s, {here.size} B ÷ {bare_side.per_s:.0f}/s, "
            f"{there.size} B; by the server's CPU {bare_cpu / cpu:.2f} "
            f"({cpu:.2f} ms a request, bare {bare_cpu:.2f})",
            at_least=aim,
        )
