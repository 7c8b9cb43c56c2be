"""Checks of find-the-leak: the student's lines, played at the shop and at a mended one."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.exercises import Work, after, check, require
from lab.exercises.exchange import HttpExchange

FILE = "leak.txt"
SHOP = "shop.py"
MOST_LINES = 8
LETTERS = "bcdfghjklmnpqrstvwz"
_LINE = re.compile(r"(ada|bob)\s+(GET|POST|PUT|PATCH|DELETE)\s+(/\S*)(?:\s+([{\[].*))?")


@dataclass(frozen=True)
class Line:
    """One line of leak.txt: who asks for what, with which body."""

    who: str
    method: str
    path: str
    body: str
    text: str


def lines_of(work: Work) -> list[Line]:
    """Return the student's lines; NotMet for one that cannot be read."""
    found = []
    for number, raw in enumerate(work.read(FILE).splitlines(), start=1):
        text = raw.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        require(match, f"{FILE}, line {number} is not a request: {text[:80]}", help=HOW)
        assert match is not None
        who, method, path, body = match.groups(default="")
        if body:
            try:
                json.loads(body)
            except ValueError as error:
                require(False, f"{FILE}, line {number}: the body is not JSON: {error}", help=HOW)
        found.append(Line(who, method, path, body, text))
    return found


HOW = 'Write WHO METHOD PATH and, if there is one, a JSON body: ada POST /login {"name": "Ada"}'


def secret(work: Work) -> str:
    """Return a word that stands nowhere else."""
    return "".join(work.random.choice(LETTERS) for _ in range(12))


def play(work: Work, lines: list[Line], shop: str) -> tuple[HttpExchange, str] | None:
    """Send the lines to a fresh shop; return the last exchange and the secret word."""
    word = secret(work)
    disk = work.new_disk()
    for path in disk.folder.iterdir():  # the shop, and nothing that lies beside it
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    source = work.exercise / shop
    Path(disk.folder / SHOP).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    people = {"ada": work.caller(), "bob": work.caller()}
    last = None
    with work.start(disk=disk) as service:
        for line in lines:
            how = {"json": json.loads(line.body.replace("{wish}", word))} if line.body else {}
            path = line.path.replace("{wish}", word)
            last = service.request(line.method, path, caller=people[line.who], **how)
    return None if last is None else (last, word)


def leaks(work: Work, lines: list[Line], shop: str = f"starter/{SHOP}") -> bool:
    """Return True if Bob's last request is answered with Ada's secret word."""
    played = play(work, lines, shop)
    return bool(played and lines[-1].who == "bob" and played[1] in played[0].text)


@check
def lines_can_be_read(work: Work) -> None:
    """Each line of leak.txt is a request: at most eight of them."""
    lines = lines_of(work)
    require(lines, f"there is no request in {FILE}", help=HOW)
    require(
        len(lines) <= MOST_LINES,
        f"{len(lines)} requests are more than {MOST_LINES}",
        help="Leave out what the leak does not need.",
    )


@check
@after(lines_can_be_read)
def only_ada_knows(work: Work) -> None:
    """Ada makes the wish, and Bob never says it himself."""
    lines = lines_of(work)
    by = {who: [line for line in lines if line.who == who] for who in ("ada", "bob")}
    require(
        any("{wish}" in line.text for line in by["ada"]),
        "Ada never uses {wish}, so there is no secret that could leak",
    )
    said = [line.text for line in by["bob"] if "{wish}" in line.text]
    require(
        not said,
        "Bob says the wish himself",
        evidence="\n".join(said),
        help="What Bob sends, he knows already.",
    )


@check(points=2)
@after(only_ada_knows)
def bob_sees_the_wish(work: Work) -> None:
    """The last request is Bob's, and its answer contains Ada's wish."""
    lines = lines_of(work)
    require(
        lines[-1].who == "bob",
        "the last request is Ada's",
        help="Whom does it harm? End with the request that shows it to Bob.",
    )
    played = play(work, lines, f"starter/{SHOP}")
    assert played is not None
    last, word = played
    require(
        word in last.text,
        f"Bob's {last.line} does not show Ada's wish ({word})",
        evidence=last,
        help="Which answers are kept for the next one who asks? Under what?",
    )


@check
@after(bob_sees_the_wish)
def is_a_leak(work: Work) -> None:
    """A shop without the bug does not show it: it was not published on purpose."""
    played = play(work, lines_of(work), f"mended/{SHOP}")
    assert played is not None
    last, word = played
    require(
        word not in last.text,
        f"a shop without any bug also answers Bob's {last.line} with the wish",
        evidence=last,
        help="The wall is there to be read by all. Find what was meant for Ada alone.",
    )


@check
@after(is_a_leak)
def is_the_shortest(work: Work) -> None:
    """It is the shortest: without any one of the lines nothing leaks."""
    lines = lines_of(work)
    for number, line in enumerate(lines):
        rest = [*lines[:number], *lines[number + 1 :]]
        require(
            not rest or not leaks(work, rest),
            f"it leaks without this line, too: {line.text}",
            evidence="\n".join(["# these lines are enough:", *(each.text for each in rest)]),
            help="The shortest proof is the one that people read.",
        )
