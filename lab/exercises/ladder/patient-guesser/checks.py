"""The checks of a limit that has to hold for all servers together."""

import json
from collections import Counter
from pathlib import Path

from lab.exercises import Work, after, check, require
from lab.exercises.exchange import HttpExchange
from lab.exercises.repaired import at_the_same_time, require_state_is_shared, some_name
from lab.exercises.service import Service

MOST_WRONG, AT_ONCE = 3, 12
TALK = """
def script(http):
    for _ in range(4):
        http.post("/login", json={{"name": "{name}", "password": "{wrong}"}})
"""


class Shop:
    """Two accounts by chance, and what the platform gives to each server."""

    def __init__(self, work: Work, volume: Path) -> None:
        self.ada, self.ben = some_name(work.random), some_name(work.random)
        self.accounts = {name: some_name(work.random) for name in (self.ada, self.ben)}
        self.wrong = some_name(work.random)
        self.env = {"ACCOUNTS": json.dumps(self.accounts), "SHARED_DIR": str(volume)}

    def right(self, server: Service, name: str) -> HttpExchange:
        """Sign in."""
        return server.post("/login", json={"name": name, "password": self.accounts[name]})

    def guess(self, server: Service, name: str) -> HttpExchange:
        """Guess wrong."""
        return server.post("/login", json={"name": name, "password": self.wrong})

    def require_locked(self, server: Service, name: str, help: str = "") -> None:
        """Require that a name is locked, for a wrong password and for the right one."""
        for answer in (self.guess(server, name), self.right(server, name)):
            answer.require_status(429, help=help)
            wait = answer.headers.get("retry-after", "")
            require(
                wait.isdigit() and 0 < int(wait) <= 600,
                f"Retry-After is {wait!r}, and no number of seconds up to 600",
                evidence=answer,
            )


@check
def a_name_is_locked_after_three_wrong_passwords(work: Work) -> None:
    """A name is locked after three wrong passwords, and no other name is."""
    shop = Shop(work, work.new_volume())
    with work.start(env=shop.env) as server:
        require(shop.right(server, shop.ada).require_status(200).value("name") == shop.ada, "name")
        shop.guess(server, shop.ada).require_status(401)
        shop.right(server, shop.ada).require_status(200)
        for _ in range(MOST_WRONG - 1):
            shop.guess(server, shop.ada).require_status(401)
        shop.require_locked(server, shop.ada)
        shop.right(server, shop.ben).require_status(200, help="Each name has a count of its own.")
        server.post(
            "/login", json={"name": some_name(work.random), "password": shop.wrong}
        ).require_status(401)


@check
@after(a_name_is_locked_after_three_wrong_passwords)
def the_limit_is_of_all_servers(work: Work) -> None:
    """Guesses at two servers in turn count together.

    Two servers run, each with a disk of its own, both with the same SHARED_DIR.
    """
    shop = Shop(work, work.new_volume())
    with work.start(env=shop.env) as one, work.start(env=shop.env) as other:
        for server in (one, other, one)[:MOST_WRONG]:
            shop.guess(server, shop.ada).require_status(401)
        for server in (other, one):
            shop.require_locked(server, shop.ada, help="How many guesses does this server know of?")
            shop.right(server, shop.ben).require_status(200)


@check
@after(a_name_is_locked_after_three_wrong_passwords)
def a_restart_opens_no_lock(work: Work) -> None:
    """A name stays locked when the server is killed, and started again on a new machine."""
    shop = Shop(work, work.new_volume())
    with work.start(env=shop.env) as server:
        for _ in range(MOST_WRONG):
            shop.guess(server, shop.ada).require_status(401)
        server.restart(work.new_disk())
        shop.require_locked(server, shop.ada)
        shop.right(server, shop.ben).require_status(200)


@check
@after(the_limit_is_of_all_servers)
def guesses_at_the_same_time_count_too(work: Work) -> None:
    """Of twelve guesses that arrive at the same time, at two servers, three are looked at."""
    shop = Shop(work, work.new_volume())
    with work.start(env=shop.env) as one, work.start(env=shop.env) as other:
        shop.right(one, shop.ben).require_status(200)
        shop.right(other, shop.ben).require_status(200)
        servers = (one, other)
        answers = at_the_same_time(
            lambda number: shop.guess(servers[number % 2], shop.ada).status, AT_ONCE
        )
        found = Counter(answers)
        wanted = Counter({401: MOST_WRONG, 429: AT_ONCE - MOST_WRONG})
        require(
            found == wanted,
            f"of {AT_ONCE} guesses {found[401]} are answered 401 and {found[429]} are answered "
            f"429, and not {MOST_WRONG} and {AT_ONCE - MOST_WRONG}",
            help="To look whether a guess is left and to take it have to be one step.",
        )


@check(points=2)
@after(guesses_at_the_same_time_count_too, a_restart_opens_no_lock)
def lab_check_finds_state_only_in_the_shared_folder(work: Work) -> None:
    """`lab check` finds state in what all servers share, or none."""
    volume = work.new_volume()
    shop = Shop(work, volume)
    talk = TALK.format(name=shop.ada, wrong=shop.wrong)
    require_state_is_shared(work, talk, shop.env, volume)
