"""The picture of the architecture, as a browser draws it."""

import pytest
from documents import DOCS

# Pixels that each text leaves free at the right of its box.
ROOM = """() => [...document.querySelectorAll("g")].flatMap(group => {
  const {x, width} = group.querySelector("rect").getBBox();
  return [...group.querySelectorAll("text")].map(text => {
    const drawn = text.getBBox();
    return [text.textContent, x + width - drawn.x - drawn.width];
  });
})"""


@pytest.mark.long
def test_every_text_of_the_architecture_stays_inside_its_box(browser):
    page = browser.new_page()
    page.goto((DOCS / "architecture.svg").as_uri())
    room = page.evaluate(ROOM)
    page.close()
    assert len(room) > 40
    assert [text for text, free in room if free < 6] == []
