"""The pattern of texts of which parts vary fits them all, and not what misses the rest."""

from hypothesis import given
from hypothesis import strategies as st

from lab.check.text import Pattern, is_text, words

texts = st.text(st.sampled_from("ab1 \n<>=."), max_size=60)


@given(st.lists(texts, min_size=1, max_size=5))
def test_pattern_fits_every_text_it_has_learnt(known):
    pattern = Pattern()
    for text in known:
        pattern.learn(text)
    assert all(pattern.fits(text) for text in known)


def test_parts_in_common_have_to_be_there_in_order():
    pattern = Pattern()
    pattern.learn("hello 17 world, ada")
    pattern.learn("hello 99 and 3 world, ada")
    assert pattern.fits("hello x world, ada") and not pattern.is_empty
    assert not pattern.fits("hello x world, bob")
    assert not pattern.fits("ada world hello")


def test_texts_without_a_common_word_leave_nothing():
    pattern = Pattern()
    pattern.learn("abc")
    pattern.learn("xyz")
    assert pattern.is_empty and pattern.fits("anything")


def test_long_texts_are_compared_by_line():
    lines = [f"line {number} of a page" for number in range(2000)]
    pattern = Pattern()
    pattern.learn("\n".join(lines))
    pattern.learn("\n".join(["changed", *lines[1:]]))
    assert pattern.fits("\n".join(["again", *lines[1:]]))
    assert not pattern.fits("\n".join(lines[:-1]))


def test_bytes_are_text_or_not():
    assert is_text("ü".encode()) and not is_text(b"\xff") and not is_text(b"a\0b")


@given(texts)
def test_words_are_where_they_are_said_to_be(text):
    for word in words(text):
        assert text[word.at : word.at + len(word.text)] == word.text
        assert "\n" not in word.line(text)
