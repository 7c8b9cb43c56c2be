"""The checks of a sign-in whose key has to be the platform's."""

import base64
from collections.abc import Iterator
from urllib.parse import unquote

from lab.exercises import Work, after, check, require
from lab.exercises.repaired import misspelt, require_self_contained, some_name

TALK = """
def script(http):
    http.post("/login", json={{"name": "{name}", "city": "{city}"}})
    http.get("/me")
"""


def platform(work: Work) -> dict[str, str]:
    """Return what the platform gives to each server."""
    return {"SECRET_KEY": f"{work.random.getrandbits(256):064x}"}


def customer(work: Work) -> dict[str, str]:
    """Return a customer by chance."""
    return {"name": some_name(work.random), "city": some_name(work.random)}


@check
def customers_are_known_by_their_cookies(work: Work) -> None:
    """A customer who has signed in is known, and nobody else.

    Two customers sign in at one server; each is asked for, and one without a cookie.
    """
    with work.start(env=platform(work)) as shop:
        people = [(customer(work), work.caller()) for _ in range(2)]
        for each, browser in people:
            answer = shop.post("/login", json=each, caller=browser).require_status(200)
            require(answer.value("name") == each["name"], "POST /login answers with another name")
        for each, browser in people:
            answer = shop.get("/me", caller=browser).require_status(200)
            require(answer.json() == each, f"GET /me answers {answer.json()}, and not {each}")
        shop.get("/me").require_status(401, help="Without a cookie the shop knows nobody.")


@check
@after(customers_are_known_by_their_cookies)
def forged_cookies_are_refused(work: Work) -> None:
    """A cookie that was changed on its way is refused.

    The name in the cookie is replaced by another one, wherever it can be read; then a letter here
    and there.
    """
    ada, mallory = customer(work), some_name(work.random)
    with work.start(env=platform(work)) as shop:
        browser = work.caller()
        shop.post("/login", json=ada, caller=browser).require_status(200)
        for name, value in browser.cookies.items():
            changed = [*renamed(value, ada["name"], mallory), *misspelt(work.random, value)]
            for each in changed:
                pairs = {**browser.cookies.get_dict(), name: each}
                cookie = "; ".join(f"{key}={text}" for key, text in pairs.items())
                answer = shop.get("/me", headers={"Cookie": cookie})
                require(
                    answer.status == 401 or answer.json() == ada,
                    f"the cookie {name} was changed, and the shop believes it",
                    help="A cookie is in the hands of the customer: it has to be signed.",
                )


def renamed(value: str, name: str, other: str) -> Iterator[str]:
    """Yield the value with the name replaced: as it stands, and in each part that is base64."""
    plain = unquote(value.strip('"'))
    if name in plain:
        yield plain.replace(name, other)
    parts = plain.split(".")
    for index, part in enumerate(parts):
        try:
            text = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_")
        except ValueError:
            continue
        if name.encode() in text:
            made = base64.b64encode(text.replace(name.encode(), other.encode()), altchars=b"-_")
            kept = made.decode() if part.endswith("=") else made.decode().rstrip("=")
            yield ".".join([*parts[:index], kept, *parts[index + 1 :]])


@check
@after(customers_are_known_by_their_cookies)
def another_server_knows_the_customer(work: Work) -> None:
    """A customer who has signed in at one server is known at another one.

    Two servers run, each with a disk of its own, both with the same SECRET_KEY.
    """
    env, ada, browser = platform(work), customer(work), work.caller()
    with work.start(env=env) as one, work.start(env=env) as other:
        one.post("/login", json=ada, caller=browser).require_status(200)
        answer = other.get("/me", caller=browser).require_status(
            200, help="What does the first server have that the second one has not?"
        )
        require(answer.json() == ada, f"GET /me answers {answer.json()}, and not {ada}")


@check
@after(customers_are_known_by_their_cookies)
def a_server_may_die(work: Work) -> None:
    """A customer stays known when the server of the sign-in is dead.

    The first server is killed after the sign-in, and another one is asked.
    """
    env, ada, browser = platform(work), customer(work), work.caller()
    with work.start(env=env) as one, work.start(env=env) as other:
        one.post("/login", json=ada, caller=browser).require_status(200)
        one.kill()
        answer = other.get("/me", caller=browser).require_status(200)
        require(answer.json() == ada, f"GET /me answers {answer.json()}, and not {ada}")


@check
@after(customers_are_known_by_their_cookies)
def the_key_is_the_platforms(work: Work) -> None:
    """A cookie of another shop, whose SECRET_KEY is another one, is refused."""
    browser = work.caller()
    with work.start(env=platform(work)) as ours, work.start(env=platform(work)) as theirs:
        theirs.post("/login", json=customer(work), caller=browser).require_status(200)
        ours.get("/me", caller=browser).require_status(
            401, help="A key that stands in the code is known to all who can read the code."
        )


@check(points=2)
@after(another_server_knows_the_customer, a_server_may_die)
def lab_check_finds_no_state(work: Work) -> None:
    """`lab check` finds that the service is self-contained."""
    talk = TALK.format(**customer(work))
    require_self_contained(work, talk, platform(work))
