"""Which servers a fault is meant for."""

from collections.abc import Mapping

from lab.core.errors import LabError
from lab.core.faults import STORE, FaultKind


def targets(
    target: str, kind: FaultKind, states: Mapping[tuple[str, str], str]
) -> list[tuple[str, str]]:
    """Return desk and name of each targeted server; the store belongs to the stateful desk.

    `states` are those of the servers, by desk and name. Servers to which the fault does not
    apply are left out if there are others.
    """
    if target == STORE:
        return [("stateful", STORE)]
    desk, _, name = target.rpartition("/")
    chosen = {at: state for at, state in states.items() if at[1] == name and desk in ("", at[0])}
    if not chosen:
        names = ", ".join(sorted("/".join(at) for at in states))
        raise LabError(
            f"no server {target[:40]!r}: there are {names}; a letter alone means both desks"
        )
    fitting = [at for at, state in chosen.items() if state in kind.applies_to]
    for at, state in chosen.items() if not fitting else ():
        if kind is FaultKind.PAUSE and state == "paused":
            raise LabError(f"{'/'.join(at)} is paused already: resume it")
        if kind is FaultKind.RESUME and state == "up":
            raise LabError(f"{'/'.join(at)} is not paused: it runs")
    return fitting or list(chosen)
