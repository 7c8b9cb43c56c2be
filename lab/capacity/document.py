"""The document of a plan, `plan.json`: the assumptions, the constants, and what follows."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from lab.capacity.constants import Constants
from lab.capacity.crossings import CapacityPlan, Crossing, plan_document
from lab.capacity.rules import Assumptions
from lab.core.errors import LabError
from lab.core.text import one_line


class _Computed(msgspec.Struct):
    """What a plan is computed from; the rest of the document is computed again."""

    assumptions: Assumptions
    constants: Constants


def text(plan: CapacityPlan, found: Sequence[Crossing], chart: Path) -> str:
    """Return the document as JSON text."""
    document = msgspec.to_builtins(plan_document(plan, list(found), str(chart)))
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def read(path: Path) -> CapacityPlan:
    """Read a plan.json; LabError that says what is wrong with it."""
    try:
        computed = msgspec.json.decode(path.read_bytes(), type=_Computed)
        plan = CapacityPlan(computed.constants, computed.assumptions)
        plan.constants.require_carts_of(plan.assume.cart_lines)
        plan.needs()  # assumptions that no command accepts break here
    except OSError as error:
        raise LabError(f"cannot read {path}: {error}") from None
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        why = one_line(error, 120)
        raise LabError(f"{path} is damaged, or of another lab: {why}; run lab plan again") from None
    return plan
