"""Checks of the punch card: it counts, any counter can read it, and only the café can make one."""

import re

from lab.exercises import Work, after, check, require
from lab.exercises.exchange import HttpExchange
from lab.exercises.service import Service

NAMES = ("Ada", "Zoë", "李雷", "O'Brien", "Grace", "Łukasz")


def new_key(work: Work) -> dict[str, str]:
    """Return the environment of a café with a secret of its own."""
    return {"CARD_KEY": f"{work.random.getrandbits(128):032x}"}


def new_card(work: Work, counter: Service) -> tuple[str, str]:
    """Return a fresh card, and the name on it."""
    name = f"{work.random.choice(NAMES)} {work.random.randint(100, 999)}"
    answer = counter.post("/cards", json={"name": name}).require_status(201)
    require_says(answer, name, 0)
    card = answer.value("card")
    require(
        isinstance(card, str) and re.fullmatch(r"[\w.-]+", card, re.ASCII),
        f"the card {card!r} has other characters than letters, digits, -, _ and .",
        help="base64.urlsafe_b64encode, without the = at its end, makes such text.",
    )
    return card, name


def stamp(counter: Service, card: str, coffees: int) -> HttpExchange:
    """Stamp a card."""
    return counter.post("/stamps", json={"card": card, "coffees": coffees})


def read(counter: Service, card: str) -> HttpExchange:
    """Read a card."""
    return counter.get(f"/cards/{card}")


def require_says(answer: HttpExchange, name: str, stamps: int) -> None:
    """Require that a card says this."""
    for field, wanted in (("name", name), ("stamps", stamps), ("free", stamps // 10)):
        seen = answer.value(field)
        require(
            seen == wanted and type(seen) is type(wanted),
            f"{field} is {seen!r}, and not {wanted!r}",
            evidence=answer,
        )


@check(points=2)
def a_card_counts(work: Work) -> None:
    """A card counts its coffees, and every tenth is free.

    Several customers come in turn to one counter; each card is read after each stamp.
    """
    with work.start(env=new_key(work)) as counter:
        cards = [[*new_card(work, counter), 0] for _ in range(3)]
        for _ in range(8):
            each = work.random.choice(cards)
            coffees = work.random.randint(1, 20)
            each[2] += coffees
            answer = stamp(counter, each[0], coffees).require_status(200)
            require_says(answer, each[1], each[2])
            each[0] = answer.value("card")
            require_says(read(counter, each[0]).require_status(200), each[1], each[2])
        for card, name, stamps in cards:
            require_says(read(counter, card).require_status(200), name, stamps)
        for wrong in (0, 21, 1.5, True, "3"):
            counter.post("/stamps", json={"card": cards[0][0], "coffees": wrong}).require_status(
                422, help="coffees is a whole number from 1 to 20."
            )


@check(points=3)
@after(a_card_counts)
def any_counter_reads_it(work: Work) -> None:
    """A card is good at every counter.

    Two counters run at once, on machines of their own. They share CARD_KEY and nothing else.
    """
    key = new_key(work)
    with work.start(env=key) as first, work.start(env=key) as second:
        card, name = new_card(work, first)
        stamps = 0
        for counter in (second, first, second, second, first):
            coffees = work.random.randint(1, 9)
            answer = stamp(counter, card, coffees).require_status(
                200, help="What does this counter have to know of the card? Let the card bring it."
            )
            stamps += coffees
            require_says(answer, name, stamps)
            card = answer.value("card")


@check(points=2)
@after(a_card_counts)
def a_restart_loses_nothing(work: Work) -> None:
    """A card is good after a restart.

    The counter is killed, and started again on a machine without its files.
    """
    with work.start(env=new_key(work)) as counter:
        card, name = new_card(work, counter)
        coffees = work.random.randint(1, 20)
        card = stamp(counter, card, coffees).require_status(200).value("card")
        counter.restart(work.new_disk())
        answer = read(counter, card).require_status(
            200, help="Where is the key from, and where does the number of stamps stand?"
        )
        require_says(answer, name, coffees)


@check(points=2)
@after(a_card_counts)
def a_changed_card_is_refused(work: Work) -> None:
    """Nobody can stamp their own card.

    A card is changed in one place after another, and shown. Each time the answer is to be 401.
    """
    with work.start(env=new_key(work)) as counter:
        card, _ = new_card(work, counter)
        card = stamp(counter, card, 9).require_status(200).value("card")
        places = {0, len(card) // 3, *work.random.sample(range(len(card) - 4), 6)}
        for place in sorted(places):
            letter = "A" if card[place] != "A" else "B"
            changed = card[:place] + letter + card[place + 1 :]
            stamp(counter, changed, 1).require_status(401, help="Sign it: see hmac in the manual.")


@check(points=1, hidden=True)
@after(a_changed_card_is_refused)
def the_card_of_another_cafe_is_refused(work: Work) -> None:
    """A card that another café has signed is refused.

    Two counters have different secrets in CARD_KEY.
    """
    with work.start(env=new_key(work)) as ours, work.start(env=new_key(work)) as theirs:
        card, _ = new_card(work, theirs)
        read(theirs, card).require_status(200)
        read(ours, card).require_status(401, help="The key is what CARD_KEY says, nothing else.")
