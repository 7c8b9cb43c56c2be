"""What a recording was made with: a date for the page's header, and one sentence."""

import msgspec

from lab.core.components import Components, UsedProgram
from lab.core.text import one_line

_PROGRAM_CHARS = 40


class Provenance(msgspec.Struct, frozen=True):
    """`made` is a date, "2026-11-27"; `line` is a sentence with it."""

    made: str
    line: str


def provenance(made: str, components: Components, again: str, lab: str = "") -> Provenance:
    """Return the provenance of a recording of local time `made`; `again` makes a new one."""
    date = one_line(made[:10])
    programs = [
        title(lab and UsedProgram("lab", lab)),
        title(components.nginx, "nginx"),
        title(components.store, "store"),
        title(components.python and UsedProgram("Python", components.python)),
    ]
    made_with = f" with {', '.join(filter(None, programs))}" if any(programs) else ""
    how = f"pip install . in a clone of Two Desks, then {again}"
    line = f"Recorded on {date}{made_with}. Record your own: {how}."
    return Provenance(date, line)


def title(program: object, known_as: str = "") -> str:
    """Return a program's name and version: "Valkey 8.1.8"; "" if there was none."""
    if not isinstance(program, UsedProgram):
        return ""
    return one_line(f"{program.program or known_as} {program.version}".strip(), _PROGRAM_CHARS)
