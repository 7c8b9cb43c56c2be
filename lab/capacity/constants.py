"""What was measured on a machine: each constant with its n, its spread and the run it is from.

A constant is identified by what it is (a key of `UNITS`), what it is of (one of `KINDS`) and,
where the cart matters, how many lines that cart had.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

import msgspec

from lab.core.errors import LabError, reason
from lab.core.json_object import json_text
from lab.core.run_folder import write_whole

CONSTANTS_SCHEMA = 2
"""1 held processor times of single requests; since 2 they are measured under load."""
MOST_CONSTANTS_BYTES = 4 * 1024 * 1024
FILE_NAME = "constants.json"
UNITS = {
    "desk_cpu": "µs",
    "balancer_cpu": "µs",
    "store_cpu": "µs",
    "store_operations": "operations",
    "request_bytes": "B",
    "answer_bytes": "B",
    "in_process": "B",
    "in_files": "B",
    "in_store": "B",
    "at_rest": "B",
    "served_by_another": "share",
}
REQUESTS = ("login", "read", "write", "logout")
KINDS = (*REQUESTS, "session", "server", "store")


@dataclass(frozen=True)
class Constant:
    """One constant: `value` with the lowest and highest seen, from `n`; `lines` in the cart."""

    what: str
    of: str
    lines: int
    value: float
    low: float
    high: float
    n: int

    def __post_init__(self) -> None:
        if self.what not in UNITS or self.of not in KINDS:
            raise ValueError(f"no constant {self.what!r} of {self.of!r}"[:120])
        if not 0 <= self.lines <= 500 or self.n < 1:
            raise ValueError(f"{self.what} has {self.lines} lines and n {self.n}"[:120])
        for value in (self.low, self.value, self.high):
            if not 0 <= value < 1e15:
                raise ValueError(f"{self.what} is {value}: not an amount"[:120])
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.what} is outside its own spread")

    @property
    def unit(self) -> str:
        """The unit of `value`."""
        return UNITS[self.what]


@dataclass(frozen=True)
class ConstantsRow:
    """A row: a place where a cart can live, and its constants. `app` is the desk."""

    name: str
    app: str
    constants: tuple[Constant, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= 40 or not self.name.isprintable():
            raise ValueError(f"a row is called {self.name!r}"[:120])
        if self.app not in ("stateful", "stateless"):
            raise ValueError(f"row {self.name!r} of app {self.app!r}"[:120])
        keys = [(each.what, each.of, each.lines) for each in self.constants]
        if len(set(keys)) < len(keys):
            raise ValueError(f"row {self.name} has a constant twice")

    def of(self, what: str, kind: str) -> list[Constant]:
        """Return one constant for each size of cart it was measured at, smallest first."""
        return self._by_name.get((what, kind), [])

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[Constant]]:
        found: dict[tuple[str, str], list[Constant]] = {}
        for each in sorted(self.constants, key=lambda each: each.lines):
            found.setdefault((each.what, each.of), []).append(each)
        return found

    def at_the(self, end: Literal["low", "high"]) -> Self:
        """Return this row with each constant at that end of its spread."""
        moved = (replace(each, value=getattr(each, end)) for each in self.constants)
        return replace(self, constants=tuple(moved))

    def value(self, what: str, kind: str, lines: float = 0) -> float:
        """Return a constant for a cart of so many lines, between two that were measured.

        LabError outside of what was measured: nothing is extrapolated. What was measured
        at one size only does not depend on the cart.
        """
        found = self.of(what, kind)
        if not found:
            raise LabError(f"{what} of {kind} was not measured for {self.name}: {REMEASURE}")
        if len(found) == 1:
            return found[0].value
        for below, above in pairwise(found):
            if below.lines <= lines <= above.lines:
                part = (lines - below.lines) / (above.lines - below.lines)
                return below.value + part * (above.value - below.value)
        raise LabError(
            f"{what} of {kind} was measured for {found[0].lines} to {found[-1].lines} lines, "
            f"not for {lines:g}: choose other --cart-lines"
        )


REMEASURE = "measure again: lab plan --measure"


@dataclass(frozen=True)
class Measured:
    """Where and when: the run's folder, its time (ISO 8601), and what it ran on."""

    run: str
    at: str
    cpu: str
    cores: int
    system: str
    python: str
    nginx: str
    store: str
    seconds: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, str) and not (value.isprintable() and len(value) <= 200):
                raise ValueError(f"measured: {name} is not a line of text")


@dataclass(frozen=True)
class Constants:
    """Everything that one run measured: what constants.json holds."""

    schema: int = field(default=CONSTANTS_SCHEMA, kw_only=True)
    measured: Measured
    rows: tuple[ConstantsRow, ...]

    def __post_init__(self) -> None:
        if not self.rows or len({row.name for row in self.rows}) < len(self.rows):
            raise ValueError("no rows, or two of one name")
        for row in self.rows:
            if not row.of("desk_cpu", "read"):
                raise ValueError(f"row {row.name} has no desk_cpu of read")

    def row(self, name: str) -> ConstantsRow | None:
        """Return the row of that name, None if it was not measured."""
        return next((row for row in self.rows if row.name == name), None)

    @property
    def lines(self) -> tuple[int, int]:
        """The smallest and the largest cart that every row was measured with."""
        sizes = [row.of("desk_cpu", "read") for row in self.rows]
        return max(each[0].lines for each in sizes), min(each[-1].lines for each in sizes)

    def require_carts_of(self, lines: int) -> None:
        """Raise LabError if carts of so many lines are beyond what was measured."""
        least, most = self.lines
        if not least <= lines <= most:
            raise LabError(
                f"carts of {least} to {most} lines were measured, not of {lines}, and nothing is "
                f"extrapolated: choose another --cart-lines, or {REMEASURE}"
            )

    @classmethod
    def read(cls, document: bytes, where: str) -> Self:
        """Return the constants in a document; LabError if it has none, or a later lab's."""
        try:
            schema = msgspec.json.decode(document, type=_Schema).schema
        except (msgspec.MsgspecError, RecursionError):
            raise LabError(f"{where} holds no constants of this lab: {REMEASURE}") from None
        if schema != CONSTANTS_SCHEMA:
            raise LabError(
                f"{where} is of schema {schema}, not {CONSTANTS_SCHEMA}: {REMEASURE}"[:300]
            )
        try:
            return msgspec.json.decode(document, type=cls)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise LabError(f"{where} is damaged ({str(error)[:200]}): {REMEASURE}") from None


class _Schema(msgspec.Struct):
    schema: int


def load(path: Path) -> Constants:
    """Read a constants.json, or the one in a run's folder; LabError that says what to do."""
    file = path / FILE_NAME if path.is_dir() else path
    try:
        if file.stat().st_size > MOST_CONSTANTS_BYTES:
            raise LabError(f"{file} is too large to be constants: {REMEASURE}")
        return Constants.read(file.read_bytes(), str(file))
    except FileNotFoundError:
        raise LabError(f"no {file}: {REMEASURE}") from None
    except OSError as error:
        raise LabError(f"cannot read {file}: {reason(error)}; {REMEASURE}") from None


def newest(root: Path) -> Path | None:
    """Return the newest finished measurement below `root`, None if there is none."""
    found = sorted(root.glob(f"*-constants*/{FILE_NAME}"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def save(constants: Constants, folder: Path) -> Path:
    """Write constants.json, whole or not at all; return its path."""
    path = folder / FILE_NAME
    write_whole(path, json_text(constants))
    return path
