"""The document of a plan, `plan.json`: the assumptions, the constants, and what follows."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from lab.capacity.assumptions import NOT_MODELLED, Assumptions
from lab.capacity.constants import CONSTANTS_SCHEMA, Constants
from lab.capacity.crossings import CapacityPlan, Crossing, Step, steps
from lab.capacity.intervals import Interval, intervals
from lab.capacity.rules import Need
from lab.core.errors import LabError, reason
from lab.core.json_object import json_text
from lab.core.text import one_line


class PlanDocument(msgspec.Struct, frozen=True):
    """The plan as `lab plan --json` prints it; `chart` is the path of the drawing."""

    schema: int
    assumptions: Assumptions
    needs: list[Need]
    intervals: list[Interval]
    steps: list[Step]
    crossings: Sequence[Crossing]
    not_modelled: tuple[str, ...]
    constants: Constants
    chart: str


class _Computed(msgspec.Struct):
    """What a plan is computed from; the rest of the document is computed again."""

    assumptions: Assumptions
    constants: Constants


def text(plan: CapacityPlan, found: Sequence[Crossing], chart: Path) -> str:
    """Return the document as JSON text."""
    return json_text(
        PlanDocument(
            CONSTANTS_SCHEMA,
            plan.assume,
            plan.needs(),
            intervals(plan),
            steps(plan),
            found,
            NOT_MODELLED,
            plan.constants,
            str(chart),
        )
    )


class DamagedPlan(LabError):
    """A file that is not a plan of this lab, and `why`."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is damaged, or of another lab: {why}; run lab plan again")
        self.why = why


def read(path: Path) -> CapacityPlan:
    """Read a plan.json; LabError if it cannot be read, DamagedPlan if it is not a plan."""
    try:
        computed = msgspec.json.decode(path.read_bytes(), type=_Computed)
        if computed.constants.schema != CONSTANTS_SCHEMA:
            raise ValueError(f"its constants are of schema {computed.constants.schema}")
        plan = CapacityPlan(computed.constants, computed.assumptions)
        plan.constants.require_carts_of(plan.assume.cart_lines)
        plan.needs()  # assumptions that no command accepts break here
    except OSError as error:
        raise LabError(f"cannot read {path}: {reason(error)}; `lab runs` lists the runs") from None
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise DamagedPlan(path, one_line(error, 120)) from None
    return plan
