"""The checks of a sign-in that begins at one server and ends at another."""

from urllib.parse import parse_qs, urlsplit

from lab.exercises import Work, after, check, require
from lab.exercises.repaired import require_self_contained, some_name
from lab.exercises.service import Caller, Service

LEAST_STATE = 16  # characters
TALK = """
from urllib.parse import parse_qs, urlsplit

def script(http):
    away = http.get("/login").headers["location"]
    state = parse_qs(urlsplit(away).query)["state"][0]
    http.get("/callback", params={{"state": state, "code": "{name}"}})
    http.get("/me")
"""


def platform(work: Work) -> dict[str, str]:
    """Return what the platform gives to each server."""
    return {"SECRET_KEY": f"{work.random.getrandbits(256):064x}"}


def begin(server: Service, browser: Caller) -> str:
    """Begin to sign in; return the state."""
    answer = server.get("/login", caller=browser).require_status(302)
    away = urlsplit(answer.headers.get("location", ""))
    require(away.netloc == "id.example", f"it leads to {away.netloc!r}, and not to id.example")
    state = parse_qs(away.query).get("state", [""])[0]
    require(
        len(state) >= LEAST_STATE,
        f"the state is {state!r}, which can be guessed",
        help="It is to be a text by chance, or signed.",
    )
    return state


def come_back(server: Service, browser: Caller, state: str, name: str) -> None:
    """Come back with the right state, and require to be signed in."""
    answer = server.get("/callback", params={"state": state, "code": name}, caller=browser)
    answer.require_status(200, help="What does the server of the way back have to know?")
    require(answer.value("name") == name, f"signed in as {answer.value('name')!r}, not {name!r}")
    found = server.get("/me", caller=browser).require_status(200).value("name")
    require(found == name, f"GET /me says {found!r}, and not {name!r}")


def require_refused(server: Service, browser: Caller, query: dict[str, str], help: str) -> None:
    """Require that a way back is refused, and signs nobody in."""
    server.get("/callback", params=query, caller=browser).require_status(400, help=help)
    server.get("/me", caller=browser).require_status(401, help=help)


@check
def a_browser_that_comes_back_is_signed_in(work: Work) -> None:
    """Two browsers sign in at one server, each with a state of its own."""
    with work.start(env=platform(work)) as server:
        server.get("/me").require_status(401)
        browsers = [(work.caller(), some_name(work.random)) for _ in range(2)]
        states = [begin(server, browser) for browser, _ in browsers]
        require(len({*states}) == 2, "two sign-ins have the same state")
        for (browser, name), state in zip(browsers, states, strict=True):
            come_back(server, browser, state, name)


@check
@after(a_browser_that_comes_back_is_signed_in)
def a_state_that_was_not_given_is_refused(work: Work) -> None:
    """A browser that comes back with no state, or with one of its own making, is refused."""
    mallory = some_name(work.random)
    with work.start(env=platform(work)) as server:
        for state in ("", f"{work.random.getrandbits(128):032x}"):
            browser = work.caller()
            begin(server, browser)
            query = {"state": state, "code": mallory}
            require_refused(server, browser, query, "Is the state compared with what was given?")
        browser = work.caller()
        begin(server, browser)
        require_refused(server, browser, {"code": mallory}, "There is no state at all.")
        require_refused(server, work.caller(), {"state": "x", "code": mallory}, "It began nothing.")


@check
@after(a_browser_that_comes_back_is_signed_in)
def the_state_of_another_browser_is_refused(work: Work) -> None:
    """A state that was given to Mallory's browser signs in no other browser.

    Once with a browser that has begun nothing, once with one that has begun itself.
    """
    mallory, victim = work.caller(), work.caller()
    with work.start(env=platform(work)) as server:
        query = {"state": begin(server, mallory), "code": some_name(work.random)}
        help = "A good signature says that the state was given, not to whom."
        require_refused(server, work.caller(), query, help)
        begin(server, victim)
        require_refused(server, victim, query, help)


@check
@after(a_browser_that_comes_back_is_signed_in)
def the_way_back_may_lead_to_another_server(work: Work) -> None:
    """A sign-in that begins at one server ends at another one.

    Two servers run, each with a disk of its own, both with the same SECRET_KEY.
    """
    env, browser = platform(work), work.caller()
    with work.start(env=env) as one, work.start(env=env) as other:
        come_back(other, browser, begin(one, browser), some_name(work.random))


@check
@after(a_browser_that_comes_back_is_signed_in)
def the_first_server_may_die(work: Work) -> None:
    """A sign-in ends well when the server where it began is killed."""
    env, browser = platform(work), work.caller()
    with work.start(env=env) as one, work.start(env=env) as other:
        state = begin(one, browser)
        one.kill()
        come_back(other, browser, state, some_name(work.random))


@check(points=2)
@after(
    a_state_that_was_not_given_is_refused,
    the_state_of_another_browser_is_refused,
    the_way_back_may_lead_to_another_server,
    the_first_server_may_die,
)
def lab_check_finds_no_state(work: Work) -> None:
    """`lab check` finds that the service is self-contained."""
    talk = TALK.format(name=some_name(work.random))
    require_self_contained(work, talk, platform(work), ready="/me")
