"""What two checks can be compared by: their findings; a play has no chance in it."""

from lab.check.document import CheckDocument
from lab.core.quantity import Quantity, Stated


def check_quantities(made: CheckDocument) -> list[Quantity]:
    """Return the verdict on the service and on each call."""
    found: list[Quantity] = [
        Stated("conversation", "source", made.source or "none"),
        Stated("service", "started with", made.command),
        Stated("service", "verdict", str(made.verdict), "finding"),
    ]
    found += [
        Stated(f"call {each.call}", each.request, each.verdict, "finding") for each in made.calls
    ]
    return found
