"""Checks of capacity: the plan is one, is about this question, and has the student's numbers."""

import json
import re
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.capacity import document
from lab.capacity.crossings import CapacityPlan
from lab.capacity.rules import Need
from lab.core.json_object import JsonObject
from lab.exercises import NotMet, Work, after, check, require

PLAN, ANSWER, PARAGRAPH = "plan.json", "answer.toml", "answer.md"
DAY_S, GIB = 24 * 3600, 1024**3
ASKED = {
    "users": 2_000_000,
    "actions_per_user_s": 30 / DAY_S,
    "cart_lines": 5,
    "session_lifetime_s": 7 * DAY_S,
    "peak_factor": 4,
    "cores_per_machine": 4,
    "memory_per_machine": 8 * GIB,
}
ROWS = ("token", "redis")
LEAST_WORDS, MOST_WORDS = 80, 250
LEAST_NUMBERS = 2
MOST_BYTES = 1_000_000
NEAR = 0.01


def plan_text(work: Work) -> str:
    """Return plan.json as text, whatever encoding a shell has written it in."""
    path = work.folder / PLAN
    require(
        path.is_file() and path.stat().st_size <= MOST_BYTES,
        f"there is no {PLAN}",
        help="`lab plan` names a folder at its end; copy plan.json from there.",
    )
    data = path.read_bytes()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, "replace")


def plan_of(work: Work) -> CapacityPlan:
    """Return the plan, computed again from its constants."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / PLAN
        path.write_text(plan_text(work), encoding="utf-8")
        try:
            return document.read(path)
        except document.DamagedPlan as error:
            raise NotMet(f"{PLAN} is no plan of this lab: {error.why}", help=AGAIN) from None


AGAIN = "Copy plan.json from the folder that `lab plan` names at its end, and leave it as it is."


def needs_of(plan: CapacityPlan) -> dict[str, Need]:
    """Return what the rows of the question need."""
    return {need.row: need for need in plan.needs() if need.row in ROWS}


def answers(work: Work) -> JsonObject:
    """Return answer.toml."""
    try:
        return tomllib.loads(work.read(ANSWER))
    except tomllib.TOMLDecodeError as error:
        raise NotMet(f"{ANSWER} cannot be read: {error}") from None


def is_near(said: float, due: float) -> bool:
    """Return True if two numbers are the same but for rounding."""
    return abs(said - due) <= max(0.5, NEAR * abs(due))


@check
def plan_is_a_plan(work: Work) -> None:
    """plan.json is a plan of `lab plan`: its results follow from its constants."""
    plan = plan_of(work)
    due = needs_of(plan)
    missing = [row for row in ROWS if row not in due]
    require(not missing, f"the plan has no row {', '.join(missing)}", help=AGAIN)
    listed = json.loads(plan_text(work)).get("needs", [])
    said = {each.get("row"): each for each in listed if isinstance(each, dict)}
    for row, need in due.items():
        for name in ("machines", "sessions", "request_bytes_s"):
            value, computed = said.get(row, {}).get(name), getattr(need, name)
            same = value == computed or (
                isinstance(value, int | float) and computed and is_near(value, computed)
            )
            require(
                same,
                f"{PLAN} says {name} of {row} is {value}, and its constants give {computed}",
                help=AGAIN,
            )


@check
@after(plan_is_a_plan)
def plan_is_about_the_question(work: Work) -> None:
    """The plan is about the shop of the question."""
    assumed = plan_of(work).assume
    for name, due in ASKED.items():
        value = getattr(assumed, name)
        require(
            abs(value - due) <= 1e-6 * due,
            f"the plan has {name.replace('_', ' ')} = {value:g}, and the question {due:g}",
            help="`lab plan --help` has an option for each number of the question.",
        )


@check(points=3)
@after(plan_is_about_the_question)
def numbers_are_in_the_plan(work: Work) -> None:
    """The numbers of answer.toml are those of the plan."""
    said, needs = answers(work), needs_of(plan_of(work))
    token, store = needs["token"], needs["redis"]
    due = {
        "machines_with_tokens": token.machines,
        "machines_with_a_store": store.machines,
        "sessions_in_the_store": store.sessions,
        "request_bytes_with_tokens": token.request_bytes_s,
        "request_bytes_with_a_store": store.request_bytes_s,
    }
    for name, value in due.items():
        given = said.get(name)
        require(
            type(given) in (int, float) and value is not None and is_near(given, value),
            f"{ANSWER} says {name} = {given}, and the plan has another number",
            help="Look at `needs` in plan.json: one entry for each row.",
        )


@check
@after(plan_is_about_the_question)
def a_choice_is_made(work: Work) -> None:
    """answer.toml chooses one of the two; both can be right."""
    choice = answers(work).get("choice")
    require(choice in ROWS, f"choice is {choice!r}", help='Write "token" or "redis".')


@check
@after(numbers_are_in_the_plan)
def a_paragraph_argues(work: Work) -> None:
    """answer.md is a paragraph with numbers of the plan. A reader judges it by the rubric."""
    text = work.read(PARAGRAPH)
    words = len(re.findall(r"[^\W\d_]{2,}", text))
    require(
        LEAST_WORDS <= words <= MOST_WORDS,
        f"{PARAGRAPH} has {words} words, and is to have {LEAST_WORDS} to {MOST_WORDS}",
    )
    said = answers(work)
    numbers = {float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}
    known = [value for value in said.values() if type(value) in (int, float)]
    used = [value for value in known if any(in_words(number, float(value)) for number in numbers)]
    require(
        len(used) >= LEAST_NUMBERS,
        f"{PARAGRAPH} uses {len(used)} of the numbers of {ANSWER}",
        help="A decision needs numbers: use two of them or more. "
        "You may round, and write 1.2 million or 3.4 MB.",
    )


def in_words(number: float, value: float) -> bool:
    """True if a number of the text is `value`, perhaps rounded, in thousands or in millions."""
    units = (1, 10**3, 10**6, 10**9)
    return value > 0 and any(abs(number * unit - value) <= 0.06 * value for unit in units)
