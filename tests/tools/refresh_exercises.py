"""Writes lab/docs/exercises.md: the ladder of exercises, from their descriptions.

`python tests/tools/refresh_exercises.py`; with `--check` it writes nothing, and exits with 1
if the page shows something else.
"""

import sys

from generated import DOCS, write_or_check

from lab.exercises.exercise import Exercise, ladder

PAGE = DOCS / "exercises.md"
KINDS = {
    "observe": "A script of yours makes the lab show something.",
    "repair": "A small service has one fault, out of a public report; the complaint of a customer "
    "is all that you get. It is mended when its contract holds at several servers, and `lab "
    "check` finds no state, or state only in what all servers share.",
    "build": "You write the part of a service where the state is.",
    "decide": "A question of capacity, answered with numbers and a paragraph.",
}
HEAD = """\
# Exercises

Coursework: `lab exercise` lists it, `lab exercise start NAME` writes a README and the files to \
begin with, and `lab exercise check` runs the checks, on real processes with names and quantities \
by chance. This page is made from the exercises by `python tests/tools/refresh_exercises.py`.
"""
TAIL = """\
## The platform of the repair exercises

Each server has a machine of its own: a copy of your folder as its disk, and a folder of its own \
for temporary files. What the README of an exercise names is given to all of them as environment \
variables: `SECRET_KEY`, and where something has to be shared, `SHARED_DIR`. That folder stands \
for a database server, a network disk or an object store: a file of SQLite or plain files may lie \
there. `lab check` calls it a backing service. Any server may be asked, and any may be killed.

The faults are those of [the museum](museum.md). Two of the services come in JavaScript too \
(Express, `server.js` beside `server.py`): `npm install` in the folder, then \
`lab exercise check --start "node server.js {port}"`. Any other language will do, if its server is \
started by one command with the port in it.
"""


def page() -> str:
    """Return the page."""
    found = ladder()
    parts = [HEAD]
    for kind, about in KINDS.items():
        rows = [_row(each) for each in found if each.described.kind == kind]
        table = "| exercise | what it teaches | minutes |\n|---|---|---|\n" + "\n".join(rows)
        parts.append(f"## {kind.capitalize()}\n\n{about}\n\n{table}\n")
    return "\n".join([*parts, TAIL])


def _row(exercise: Exercise) -> str:
    said = exercise.described
    return f"| `{exercise.name}`: {said.title} | {said.teaches} | {said.minutes} |"


if __name__ == "__main__":
    sys.exit(write_or_check({PAGE: page()}, sys.argv[1:], __doc__))
