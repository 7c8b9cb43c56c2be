"""Challenges: each is solved by acting on the stage, and none by what comes near."""

import pytest
from conftest import wait_for

from browser.test_page_tour import findings
from browser.tour import look_closer

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


class Player:
    """A learner at the challenges, who uses what the page has."""

    def __init__(self, page):
        self.page = page
        self.panel = page.locator("lab-challenges")
        look_closer(page, "challenges")  # from the question: the stage comes by itself

    def begin(self, slug):
        self.panel.locator(f"[data-challenge={slug}]").click()
        before = self.page.evaluate(STAGE)
        self.panel.locator(".begin").click()
        wait_for(lambda: self.page.evaluate(STAGE)[0] != before[0])
        self.panel.locator("[name=who]").wait_for()
        self.idle()

    def idle(self):
        self.page.locator("lab-challenges:not([aria-busy])").wait_for()

    def does(self, *what, who="John", where="At both desks", server="the balancer's choice"):
        self.panel.locator("[name=server]").select_option(label=server)
        self.panel.locator("[name=who]").select_option(label=who)
        self.panel.locator("[name=desks]").select_option(label=where)
        for name in what:
            self.panel.get_by_role("button", name=name, exact=True).click()
            self.idle()
            wait_for(lambda: self.page.evaluate(CALM))
        assert not "".join(self.panel.locator("[role=alert]").all_inner_texts())

    def chooses(self, place, item, desk="stateful"):
        """Open the menu of a part of the drawing, and choose."""
        before = self.page.evaluate(STAGE)
        self.page.locator(f'.lane[data-desk="{desk}"] [data-place="{place}"] .opener').click()
        menu = self.page.locator(".stage-menu")
        menu.locator("[role^=menuitem]").get_by_text(item, exact=True).click()
        wait_for(lambda: self.page.evaluate(STAGE)[1] > before[1])

    def home(self, desk="stateful", who="me"):
        return self.page.evaluate(HOME, [desk, who])

    def solved(self, slug):
        wait_for(lambda: self.page.evaluate(CALM))
        return self.panel.locator(f"[data-challenge={slug}][data-solved]").count() == 1


STAGE = """
async () => {
  const { begun, faults } = (await import('/lab/static/state.js')).state.scene;
  return [begun, faults.length];
}
"""
CALM = "async () => (await import('/lab/static/state.js')).state.shown.travelling.size === 0"
HOME = """
async ([desk, as]) => {
  const { state } = await import('/lab/static/state.js');
  const own = (each) => each.desk === desk && each.who === state[as].who && each.served_by;
  return [...state.scene.exchanges.values()].findLast(own).served_by;
}
"""
BUY = ("Log in", "Put a laptop in")
SAME = {"server": "the one that answered last"}


@pytest.fixture
def player(window):
    return Player(window(where="?step=1", reduced_motion="reduce"))


def test_john_loses_his_cart_with_one_fault(player):
    player.begin("lose-the-cart")
    player.does(*BUY, **SAME)
    home = player.home()
    other = next(name for name in "ABC" if name != home)
    player.chooses(f"server:{other}", "Kill")
    player.does("Look at every server")
    assert not player.solved("lose-the-cart")  # it is kept, where it is
    player.chooses(f"server:{home}", "Kill")
    player.does("Look at every server")
    assert not player.solved("lose-the-cart")  # two faults
    player.begin("lose-the-cart")
    player.does(*BUY, **SAME)
    player.chooses(f"server:{player.home()}", "Kill")
    player.does("Look")
    assert not player.solved("lose-the-cart")  # a server that is left was not asked
    player.does("Look at every server")
    wait_for(lambda: player.solved("lose-the-cart"))
    assert findings(player.page) == []
    player.page.reload()  # and progress is kept
    player.page.locator("#line[data-state=open]").wait_for()
    look_closer(player.page, "challenges")
    wait_for(lambda: player.solved("lose-the-cart"))


def lose_none(player, *settings):
    player.begin("lose-none")
    for setting in settings:
        player.chooses("balancer", setting)
    for who in ("John", "Bob"):
        player.does(*BUY, who=who)
    player.chooses(f"server:{player.home()}", "Kill")
    for who in ("John", "Bob"):
        player.does("Look at every server", who=who)


def test_no_cart_is_lost_with_affinity(player):
    lose_none(player, "by cookie")
    assert not player.solved("lose-none")  # John's is
    lose_none(player, "a shared store")
    assert not player.solved("lose-none")  # without affinity it is another story
    lose_none(player, "a shared store", "by cookie")
    wait_for(lambda: player.solved("lose-none"))


def test_laptop_is_bought_twice(player):
    player.begin("sold-twice")
    player.does(*BUY, "Put a laptop in", "Order", where="Stateless only")
    assert not player.solved("sold-twice")  # two were put in
    player.begin("sold-twice")
    player.does(*BUY, "Order", "Send the last request again", where="Stateful only", **SAME)
    assert not player.solved("sold-twice")  # the second one is refused
    player.does(*BUY, "Order", where="Stateless only")
    player.does("Send the last request again", where="Stateless only")
    wait_for(lambda: player.solved("sold-twice"))


def test_johns_cart_gets_into_bobs_hands(player):
    for cache, solved in (("obeys headers", False), ("keeps everything", True)):
        player.begin("wrong-hands")
        player.chooses("balancer", cache)
        for who in ("John", "Bob"):
            player.does(*BUY, who=who, **SAME)
        player.does("Look", who="Bob")
        player.does("Look", who="John")
        assert not player.solved("wrong-hands")  # Bob's cart in John's hands, at most
        player.begin("wrong-hands")
        player.chooses("balancer", cache)
        for who in ("John", "Bob"):
            player.does(*BUY, who=who, **SAME)
        player.does("Look", who="John")
        player.does("Look", who="Bob")
        wait_for(lambda: player.page.evaluate(CALM))
        assert player.solved("wrong-hands") is solved


def test_every_cart_outlives_the_store(player):
    for where, what, solved in (
        ("At both desks", "Kill", False),  # what is in the store goes with it
        ("Stateless only", "Pause", False),  # no death
        ("Stateless only", "Kill", True),
    ):
        player.begin("store-dies")
        player.chooses("balancer", "a shared store")
        player.does(*BUY, where=where)
        player.chooses("store", what)
        player.does("Look at every server", where=where)
        assert player.solved("store-dies") is solved, (where, what)


def test_learner_without_rights_solves_one_on_a_stage_of_its_own(window):
    page = window(
        375, 667, instructor=False, where="?step=11", reduced_motion="reduce", color_scheme="dark"
    )
    player = Player(page)
    player.begin("lose-the-cart")
    player.does(*BUY, **SAME)
    player.chooses(f"server:{player.home()}", "Kill")
    player.does("Look at every server")
    wait_for(lambda: player.solved("lose-the-cart"))
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
