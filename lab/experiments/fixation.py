"""A session id is planted before login, and sent afterwards to ask for the cart.

What is done: Mallory plants an id in the browser of a customer who then logs in with it and
fills a cart; Mallory asks for the cart with what he planted. It is once an id that he made
up, once the credential that he got by logging in himself, whatever that is. And he counts on
from his own, as one guesses ids that are numbers.

What would disprove it: one planted or guessed id that opens the cart of the customer.

What it depends on: the session getting a fresh id at login, and unknown ids never being
adopted. The variant login-keeps-id leaves the first out, and Mallory reads along. The token
desk has nothing to plant: login looks at no credential and gives a new one, and Mallory's
own token goes on showing his own cart.

Try next: read `start_session` in stateful_app/state.py.
"""

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from lab.core.statistics import share
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.matrix import ALONE, FILE, MEMORY, REDIS, TOKEN
from lab.experiments.script_api import Lab

CLAIM = "A session id that was planted before login does not open the cart after it."
EXPECTED = Verdict.HOLDS
KEEPS_ID = Variant(
    "login-keeps-id",
    "stateful",
    ALONE,
    module="lab.seeded_bugs",
    env={"SEEDED_BUG": "login-keeps-id", "DESK": "stateful_app"},
)
VARIANTS = (
    MEMORY.expecting(Verdict.HOLDS, settings=ALONE),
    REDIS.expecting(Verdict.HOLDS, settings=Settings(servers=1, store="redis")),
    KEEPS_ID.expecting(Verdict.FAILS),
    TOKEN.expecting(Verdict.HOLDS, settings=ALONE),
)
EXPECTATIONS = (*VARIANTS, FILE.expecting(Verdict.HOLDS))
GUESSES = 3
CREDENTIAL_HEADERS = ("Cookie", "Authorization")
THE_CUSTOMERS, THE_PLANTERS, NO_CART = "a customer's", "the planter's", "nothing"


def script(shopper: Shopper, lab: Lab) -> None:
    """Plant made-up ids and Mallory's own, let customers log in, look with what was planted."""
    desk = lab.servers[0]
    mallory = lab.shopper("Mallory", "666")
    looks, guesses = list[str](), list[bool]()
    for _ in range(lab.n(5, 2)):
        made_up = {"Cookie": f"desk_session={secrets.token_urlsafe(32)}"}
        mallory.login(server=desk)
        own = _credentials(mallory.view_cart(server=desk))
        looks += look_after_login(lab, made_up, desk)
        looks += look_after_login(lab, own, desk, mallory.user_id)
        guesses += look_with_guesses(lab, mallory, desk)
    lab.measure(
        guessed=len(guesses),
        opened_by_guess=guesses.count(True),
        planted=len(looks),
        opened=looks.count(THE_CUSTOMERS),
        refused=looks.count(NO_CART),
    )


def look_after_login(
    lab: Lab, planted: Mapping[str, str], desk: str, planter: str | None = None
) -> list[str]:
    """Return whose cart `planted` shows after a customer logged in with it; [] if untried.

    `planter` is the user id whose own credential it is; any other cart is a customer's.
    """
    customer, spy = lab.shopper(), lab.shopper("Mallory")
    customer.login(headers=dict(planted), server=desk)
    bought = customer.add("laptop", server=desk)
    look = spy.view_cart(headers=dict(planted), server=desk)
    if not (bought.ok and look.answered):
        return []
    if not look.ok:
        return [NO_CART] if look.status == HTTPStatus.UNAUTHORIZED else []
    shown = look.body["user"]["user_id"]
    return [THE_PLANTERS if shown == planter else THE_CUSTOMERS]


def look_with_guesses(lab: Lab, mallory: Shopper, desk: str) -> list[bool]:
    """Let a customer log in after Mallory; say which of the ids after his open that cart."""
    mallory.login(server=desk)
    own = _credentials(mallory.view_cart(server=desk))
    customer = lab.shopper()
    customer.login(server=desk)
    customer.add("laptop", server=desk)
    guesses = [
        {name: counted_on(value, by) for name, value in own.items()} for by in range(1, GUESSES + 1)
    ]
    looks = [lab.shopper("Mallory").view_cart(headers=each, server=desk) for each in guesses]
    # The last characters of a signature may say the same in another way: then it is his own cart.
    return [is_shown(look, customer.user_id) for look in looks if look.answered]


def is_shown(look: Exchange, user_id: str) -> bool:
    """Return True if a look shows this customer's cart."""
    return look.ok and bool(look.body["user"]["user_id"] == user_id)


def counted_on(credential: str, by: int) -> str:
    """Return a credential whose last digits are the number that is `by` larger."""
    number = credential[len(credential.rstrip("0123456789")) :]
    return f"{credential.removesuffix(number)}{int(number or 0) + by:0{len(number)}}"


def _credentials(exchange: Exchange) -> dict[str, str]:
    sent = exchange.request_headers
    return {name: sent[name] for name in CREDENTIAL_HEADERS if name in sent}


def observe(measured: Measurements) -> Observation:
    """Observe whether any planted credential opened the cart of a customer who logged in."""
    tried, opened = measured.get("planted", 0), measured.get("opened", 0)
    if not tried:
        return Observation.unknown("no customer logged in with a planted id")
    if guessed := measured.get("opened_by_guess"):
        number = share(guessed, measured["guessed"], "guessed ids opened the cart")
        return Observation(Verdict.FAILS, (number,))
    verdict = Verdict.FAILS if opened else Verdict.HOLDS
    return Observation(verdict, (share(opened, tried, "planted ids opened the cart"),))


def ABOUT(variant: Variant) -> bool:
    """The claim is about session ids: judge the session desk as it is."""
    return variant.app == "stateful" and not variant.module


def what_mallory_sees(by_variant: Mapping[str, Measurements]) -> int | None:
    """Return the choice that came true at the session desk, None if it was not there."""
    measured = by_variant.get(MEMORY.name) or by_variant.get(REDIS.name)
    if measured is None or not measured.get("planted"):
        return None
    if measured["opened"]:
        return 0
    return 1 if measured["refused"] == measured["planted"] else None


QUESTION = Question(
    "Mallory plants his session id in John's browser, and John logs in with it. "
    "What does Mallory's id show him then?",
    ("John's cart.", "Nothing: the desk does not know the id any more."),
    what_mallory_sees,
    "Login moves the session to a fresh id and forgets the old one. One forgotten line "
    "(login-keeps-id) gives John's cart to Mallory. A token cannot be fixed in advance: "
    "login reads none, and signs a new one.",
)
