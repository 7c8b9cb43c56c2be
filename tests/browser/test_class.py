"""A class as a room sees it: the wall, led by a clicker's one key, and a phone of 375 × 667."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import LabHere, wait_for
from playwright.sync_api import expect
from rooms import Room

from .conftest import Windows

pytestmark = pytest.mark.long

BEAT = "document.querySelector('room-wall:not([hidden])')?.dataset.beat ?? 'page'"
RUN_S = 150  # of a chapter, on a slow machine
SMALL = """
[...document.querySelectorAll("button, input")].filter((each) => each.offsetParent)
  .map((each) => [each.textContent || each.id, each.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44).map(([name]) => name)
"""
CUT = """
[...document.querySelectorAll("room-wall :is(h1, p, dt, dd, li, text)")]
  .filter((each) => each.getClientRects().length)
  .map((each) => [each.textContent, each.getBoundingClientRect()])
  .filter(([, { right, bottom }]) => right > innerWidth + 1 || bottom > innerHeight + 1)
  .map(([text]) => text)
"""


@pytest.fixture(scope="module")
def one_room(tmp_path_factory):
    here = LabHere(tmp_path_factory.mktemp("class"))
    try:
        room = Room(here, "--rehearse", "20")
        yield room
        room.stop()
    finally:
        here.end_started()
    here.assert_nothing_left()


@pytest.fixture
def room(one_room):
    """The class, with a clean stage, and nothing asked that is not decided."""
    if one_room.wall()["vote"]:
        one_room.order("/lab/room/decide", seen=0)
    one_room.order("/lab/stage", servers=2, store="memory", affinity="cookie", cache="off")
    one_room.order("/lab/room/say", caption="", running="no")
    return one_room


@pytest.fixture
def windows(browser):
    opened = Windows(browser)
    yield opened
    opened.close()


def open_wall(windows, room, step, width=1280, height=720):
    ticket = room.order("/lab/ticket")["ticket"]
    page = windows.at(f"{room.origin}/?step={step}&pace=0&present#ticket={ticket}", width, height)
    page.locator("room-wall").wait_for()
    return page


def open_phone(windows, room, name="Zoë"):
    how = {"has_touch": True, "is_mobile": True, "refusals": True}
    phone = windows.at(f"{room.phones_at}/#{room.code}", 375, 667, **how)
    phone.fill("#name", name)
    phone.tap("#join button")
    phone.locator("#carts").wait_for()
    return phone


def assert_fits(phone):
    assert phone.evaluate(SMALL) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 375
    assert not Axe().run(phone).response["violations"]


def test_class_of_three_chapters_is_led_by_one_key(windows, room):
    wait_for(lambda: room.wall()["phones"] == 20)
    page = open_wall(windows, room, 5)
    expect(page.locator("room-wall")).to_contain_text(room.code)
    assert page.evaluate(CUT) == []
    page.keyboard.press("PageDown")
    for chapter in ("affinity", "the-crash", "no-session-storage"):
        on(page, room, chapter, "asked", 0)
        for number in (1, 2):
            page.keyboard.press("PageDown")
            on(page, room, chapter, "open", number)
            wait_for(lambda: room.wall()["vote"]["voted"] == 20)
            assert page.locator(".wall-bars").count() == 0, "no answer is counted in sight"
            page.keyboard.press("PageDown")
            on(page, room, chapter, "closed", number)
            assert page.locator(".wall-bars").count() == 0
        page.keyboard.press("PageDown")
        on(page, room, chapter, "shown", 2)
        page.locator(".wall-row").nth(7).wait_for()
        assert [sum(each) for each in room.wall()["vote"]["histogram"]] == [20, 20]
        assert page.evaluate(CUT) == []
        page.keyboard.press("PageDown")
        wait_for(lambda: page.evaluate(BEAT) == "watch")
        assert room.wall()["desks"]["stateful"]["marks"].count("-") < 20, "the room's carts are in"
        wait_for(lambda: page.evaluate(BEAT) == "verdict", RUN_S)
        vote = room.wall()["vote"]
        assert vote["decided"]
        expect(page.locator("room-wall h1")).to_contain_text(f"{vote['said_so'][0]} of 20")
        wait_for(lambda: room.wall()["desks"]["stateful"]["lost"] > 0)
        assert room.wall()["desks"]["stateless"]["lost"] == 0
        page.keyboard.press("PageDown")
        wait_for(lambda: page.evaluate(BEAT) == "page")
        page.locator("#claim").wait_for()
        page.keyboard.press("PageDown")


def on(page, room, chapter, phase, number):
    """Wait until the wall shows the vote of a chapter in a phase."""

    def there():
        vote = room.wall()["vote"]
        return vote and (vote["chapter"], vote["phase"], vote["round"]) == (chapter, phase, number)

    wait_for(there)
    shown = "(document.querySelector('room-wall').vote ?? {}).phase"
    wait_for(lambda: page.evaluate(shown) == phase)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_wall_takes_a_show_of_hands_and_fits(windows, room, width, height):
    page = open_wall(windows, room, 9, width, height)
    page.keyboard.press("PageDown")
    on(page, room, "caching", "asked", 0)
    page.keyboard.press("PageDown")
    wait_for(lambda: room.wall()["vote"]["phase"] == "open")
    page.get_by_role("button", name="Show of hands").click()
    for number, hands in enumerate((5, 0, 12, 3), 1):
        page.get_by_label(f"Hands for answer {number}").fill(str(hands))
    page.get_by_role("button", name="These hands count").click()
    on(page, room, "caching", "closed", 1)
    page.get_by_label("Hands for answer 1").wait_for(state="detached")  # who types gives no command
    page.keyboard.press("h")
    wait_for(lambda: room.wall()["vote"]["histogram"])
    assert room.wall()["vote"]["histogram"][-1] == [5, 0, 12, 3]
    page.locator(".wall-row").nth(3).wait_for()
    assert page.evaluate(CUT) == []
    page.keyboard.press("w")
    wait_for(lambda: page.evaluate(BEAT) == "page")
    page.keyboard.press("w")
    wait_for(lambda: page.evaluate(BEAT) == "vote")
    assert not Axe().run(page, context="room-wall").response["violations"]
    room.order("/lab/room/decide", seen=0)


def test_phone_votes_shops_loses_its_cart_and_says_so(windows, room):
    phone = open_phone(windows, room, "<b>Zoë</b>")
    expect(phone.locator("#who")).to_contain_text("<b>Zoë</b>")
    assert_fits(phone)
    phone.get_by_role("button", name="+ Laptop").tap()
    phone.get_by_text("kept in the memory of server").wait_for()
    phone.get_by_text("kept: in your parcel").wait_for()
    room.order("/lab/room/ask", chapter="any-server")
    room.order("/lab/room/vote", do="open")
    phone.locator(".choice:enabled").nth(2).tap()
    phone.get_by_text("Your vote is counted").wait_for()
    assert_fits(phone)
    room.order("/lab/room/vote", do="close")
    phone.get_by_text("Talk with your neighbour").wait_for()
    room.order("/lab/room/say", caption="A server is killed.", running="yes")
    phone.locator("#strips").wait_for()
    server = phone.locator("[data-mark=kept] .fate").first.inner_text()[-1]
    room.order("/lab/kill", server=server)
    phone.get_by_text(f"Your cart was in the memory of server {server}, and is lost").wait_for()
    expect(phone.locator("[data-mark=kept] .fate")).to_have_text("✓ kept: in your parcel")
    assert_fits(phone)


def test_phone_whose_place_is_gone_says_so_and_is_in_again(windows, room):
    phone = open_phone(windows, room)
    who = phone.inner_text("#who")
    phone.evaluate("send('leave', {})")
    phone.get_by_text("You were out of the room for a moment").wait_for()
    expect(phone.locator("#who")).not_to_have_text(who)
    tab = phone.context.new_page()
    tab.goto(room.phones_at)
    tab.locator("#carts").wait_for()
    assert tab.inner_text("#who") == phone.inner_text("#who"), "two tabs are one phone"
    assert_fits(phone)


def test_phone_without_a_network_says_what_to_do_and_goes_on(windows, room):
    phone = open_phone(windows, room)
    phone.context.set_offline(True)
    phone.get_by_text("Keep this page open").wait_for()
    phone.context.set_offline(False)
    phone.get_by_text("Keep this page open").wait_for(state="detached")
    phone.get_by_role("button", name="+ Pen").tap()
    phone.get_by_text("1 × Pen").first.wait_for()
