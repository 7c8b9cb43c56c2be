"""What a recording was made with: a date for the page's header, and one sentence."""

from collections.abc import Mapping

import msgspec

from lab.core.text import one_line

_PROGRAMS = {"lab": "lab", "nginx": "nginx", "store": "store", "python": "Python"}
_PROGRAM_CHARS = 40


class Provenance(msgspec.Struct, frozen=True):
    """`made` is a date, "2026-11-27"; `line` is a sentence with it."""

    made: str
    line: str


def provenance(made: str, components: Mapping[str, object], again: str) -> Provenance:
    """Return the provenance of a recording of local time `made`; `again` makes a new one."""
    date = one_line(made[:10])
    programs = [title(components.get(name), name_said) for name, name_said in _PROGRAMS.items()]
    made_with = f" with {', '.join(filter(None, programs))}" if any(programs) else ""
    line = f"Recorded on {date}{made_with}. Record your own: pip install two-desks, then {again}."
    return Provenance(date, line)


def title(component: object, known_as: str = "") -> str:
    """Return a program's name and version: "Valkey 8.1.8"; "" if there was none."""
    if isinstance(component, dict):
        said = [component.get("program", known_as), component.get("version", "")]
    else:
        said = [known_as, component] if component else []
    return one_line(" ".join(str(each) for each in said if each), _PROGRAM_CHARS)
