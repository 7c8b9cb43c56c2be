"""What two plans can be compared by: assumptions, constants with their spread, machines."""

from dataclasses import asdict

from lab.capacity.constants_view import ROW_WORDS
from lab.capacity.crossings import CapacityPlan
from lab.core.quantity import Quantity, Ranged, Stated


def plan_quantities(plan: CapacityPlan) -> list[Quantity]:
    """Return everything that a plan rests on, and the machines that follow from it."""
    found: list[Quantity] = [
        Stated("assumed", name.replace("_", " "), f"{value:g}")
        for name, value in asdict(plan.assume).items()
    ]
    found.append(Stated("constants", "measured by run", plan.constants.measured.run))
    for need in plan.needs():
        machines = "none are enough" if need.machines is None else f"{need.machines:,}"
        found.append(Stated(need.row, "machines", machines, "result"))
    for row in plan.constants.rows:
        for each in row.constants:
            name = f"{ROW_WORDS.get(each.what, each.what)}, {each.of}"
            name += f" with {each.lines} lines" * bool(each.lines)
            spread = (each.value, each.low, each.high, each.n)
            found.append(Ranged(row.name, name, *spread, each.unit))
    return found
