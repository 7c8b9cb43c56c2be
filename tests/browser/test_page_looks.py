"""How the page looks where it is shown: sizes, presenter mode, phone, grey, without motion."""

import struct
import zlib

import pytest
from conftest import wait_for

SIZES = [(1280, 720, ""), (1920, 1080, "&present"), (375, 667, "")]
# Text whose box does not hold it, though nothing says that it may be cut, and boxes that overlap.
CLIPPED = """
() => [...document.querySelectorAll("body *")].filter((node) => {
  if (!node.checkVisibility() || node.closest("svg, .unseen, .dot, pre, noscript")) return false;
  const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim());
  const style = getComputedStyle(node);
  const cut = style.overflowX === "hidden" || style.overflowX === "clip";
  return own && node.clientWidth > 0 && node.scrollWidth > node.clientWidth + 1
    && (!cut || style.textOverflow !== "ellipsis") && style.display !== "inline";
}).map((node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 60)}`)
"""
OVERLAPS = """
() => {
  const parts = ["header.top", "lab-stage", "lab-lesson", ".lower", ".board"];
  const boxes = parts.map((part) => document.querySelector(part).getBoundingClientRect());
  return boxes.flatMap((a, i) => boxes.slice(i + 1).map((b, j) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1
      ? `${i} and ${i + 1 + j}` : null)).filter(Boolean);
}
"""
FONTS = """
(selector) => [...document.querySelectorAll(selector)].filter((n) => n.checkVisibility())
  .map((n) => parseFloat(getComputedStyle(n).fontSize))
"""


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("width", "height", "mode"), SIZES, ids=["720p", "1080p present", "phone"])
def test_nothing_scrolls_sideways_overlaps_or_is_cut_in_any_chapter(window, width, height, mode):
    page = window(width, height, where=f"?step=1{mode}")
    for step in range(1, 12):
        wait_for(lambda step=step: f"step={step}" in page.url)
        for when in ("before", "after"):
            if when == "after" and step in (1, 6, 9):
                page.locator(".question .skip-it").click()
                page.locator(".act.script .run").first.click()
                page.locator(".act.script .judged").first.wait_for()
                wait_for(lambda: page.locator(".dot, .falling").count() == 0, 20)
            elif when == "after":
                continue
            sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert sideways <= 0, (step, when, sideways)
            assert page.evaluate(OVERLAPS) == [], (step, when)
            assert page.evaluate(CLIPPED) == [], (step, when)
        if step < 11:
            page.locator("#next").click()
    if mode:
        assert (
            min(page.evaluate(FONTS, "lab-lesson p:not(.note), lab-stage .goods, lab-score td"))
            >= 28
        )
        assert min(page.evaluate(FONTS, "#claim")) >= 44
    if width == 375:
        small = page.evaluate(
            """() => [...document.querySelectorAll("lab-lesson button, .top button")]
              .filter((n) => n.checkVisibility() && n.getBoundingClientRect().height < 43.5)
              .map((n) => n.textContent)"""
        )
        assert small == []


def test_without_motion_nothing_moves_and_the_way_is_told(window):
    page = window(reduced_motion="reduce")
    page.locator(".question .skip-it").click()
    page.locator(".act.script .run").first.click()
    moved = """() => { window.moved = 0; new MutationObserver((all) => {
      for (const {addedNodes} of all) for (const node of addedNodes)
        if (node.matches?.(".dot, .falling")) window.moved += 1;
    }).observe(document.querySelector("lab-stage"), {subtree: true, childList: true}); }"""
    page.evaluate(moved)
    page.locator(".judged").first.wait_for()
    assert page.evaluate("window.moved") == 0
    steps = page.locator(".lane .steps").first
    assert steps.is_visible() and "1" in steps.inner_text()
    assert page.evaluate("document.getAnimations().length") == 0
    wait_for(lambda: page.locator("#announcer").inner_text() != "", 10)


def test_a_grey_picture_still_tells_kept_from_lost(window):
    page = window()
    page.locator(".question .skip-it").click()
    page.locator(".act.script .run").first.click()
    page.locator(".judged").first.wait_for()
    wait_for(lambda: page.locator(".dot, .falling").count() == 0, 20)
    lost = page.locator('.server[data-server="A"] .cart').first
    kept = page.locator('[data-desk="stateless"] .customer .cart').first
    # By sign, by word and by the line around it; colour is only the fourth.
    assert "✕" in lost.inner_text() and "lost" in lost.inner_text()
    assert "✓" in kept.inner_text() and "kept" in kept.inner_text()
    style = "n => getComputedStyle(n).borderTopStyle"
    assert (lost.evaluate(style), kept.evaluate(style)) == ("dashed", "solid")
    # And the pixels of the two are not the same in grey.
    page.evaluate("document.documentElement.style.filter = 'grayscale(1)'")
    shots = [each.screenshot() for each in (lost, kept)]
    assert all(_is_grey(shot) for shot in shots) and shots[0] != shots[1]


def _is_grey(png):
    """Whether every pixel of an 8-bit RGB(A) PNG has three equal parts."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert depth == 8 and kind in (2, 6)
    data, at = b"", 8
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + size] if name == b"IDAT" else b""
        at += size + 12
    return _rows_are_grey(zlib.decompress(data), width, height, 3 if kind == 2 else 4)


def _rows_are_grey(raw, width, height, channels):
    stride = width * channels
    before = bytearray(stride)
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 :][:stride])
        for x in range(stride):
            left = line[x - channels] if x >= channels else 0
            up, corner = before[x], before[x - channels] if x >= channels else 0
            line[x] = (line[x] + _predicted(kind, left, up, corner)) & 255
        if any(
            line[x] != line[x + 1] or line[x] != line[x + 2] for x in range(0, stride, channels)
        ):
            return False
        before = line
    return True


def _predicted(kind, left, up, corner):
    if kind == 4:  # Paeth, PNG specification 9.4
        distances = [abs(left + up - corner - each) for each in (left, up, corner)]
        return (left, up, corner)[distances.index(min(distances))]
    return (0, left, up, (left + up) // 2)[kind]
