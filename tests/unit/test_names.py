"""What customers may be called: the same rule at both desks and in the page."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.console.orders import BadOrder, checked_name
from lab.shop.names import (
    MOST_NAME_CHARS,
    MOST_USER_ID_CHARS,
    NAME_RULE,
    USER_ID_RULE,
    customer_name,
    user_id,
)

NAMES = [
    *[
        "John",
        "Zoë",
        "李小龍",
        "عليّ",
        "שלום",
        "O'Neil & Co",
        "<b>x</b>",
        "-",
        "x" * 24,
        "a b",
        "a\u00a0b",
    ],
    *["👍", "👍🏽", "❤️", "1️⃣", "🇩🇪", "👩‍💻", "👩🏽‍🚀", "👨‍👩‍👧‍👦", "🏴‍☠️", "❤️‍🔥", "🧔‍♂️"],
    *["علی\u200cرضا", "क्\u200dष", "ශ්\u200dරී"],  # Alireza; a half form; Sri
    *["Nguyễn Thị Bưởi", "སྒྲོལ་མ", "མཁྱེན་བརྩེ", "ကျော်စွာ", "မြွှု့", "น้ำผึ้ง", "שָׁלוֹם", "مُحَمَّد"],
    *["ọ̀lá", "Łukasz", "Ấm", "Ǫ́", "க்ஷ்மி", "শ্রেয়া", "ខ្ញុំ", "ਸ਼ਿੰਦਰ", "ශ්‍රී"],
]
NO_NAMES = [
    *["", " ", "\u00a0", "\u3000", "\u2003\u00a0", "x" * 25, "x" * 10**6, "e\u0301" * 25],
    *["\u200b", "\u200d", "\u200c", "\ufe0f", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u180e"],
    *[
        "Jo\u200dhn",
        "Jo\u200chn",
        "John\u200d",
        "\u200dJohn",
        "👩\u200d",
        "\u200d💻",
        "👩\u200d\u200d💻",
    ],
    *["J\ufe0fohn", "❤\ufe0f\ufe0f", "1\ufe0f", "علی\u200c", "क्\u200d", "👩\u200dx"],
    *[
        "\U000e0041\U000e0042",
        "J\U000e0041",
        "🏴\U000e0067\U000e007f",
        "J\U000e0100",
        "\u115f\u1160",
    ],
    *[
        "\u3164",
        "John\u3164",
        "\u2800",
        "\uffa0",
        "John\n",
        "\nJohn",
        "\x00",
        "\x1b[31m",
        "Jo\x7fhn",
    ],
    *[
        "\u202eJohn",
        "\u2066x\u2069",
        "\u200eJohn",
        "\u061cx",
        "\u2028",
        "\ud800",
        "\ue000",
        "\u0378",
    ],
    *["\U0001d159", "\U0001da7f", "\U0001da80", "John\U0001d159", "a\U0001da7fb", "\u303f"],
    *["\u2422", "\ua8f9", "\U00016fe4", "x\U00016fe4", "\U0001da00", "\U0001da9b"],
    *["\u0301", "\u0301x", " \u0301", "a \u0301b", "\u20dd", "x\u200d\u0301"],
    *["Zo\u0352\u036b\u0343", "x\u0332\u0323\u0331", "x\u20dd\u20de\u20e0", "a\u033f\u033fb"],
    *[
        "ก" + "\u0e47" * 4,
        "x\u0334\u0335\u0336\u0337\u0338",
        "\u0e01\u0e31\u0e48\u0e49\u0e4a\u0e4b",
    ],
    *[None, 7, True, ["John"], b"John"],
]


@pytest.mark.parametrize("name", NAMES)
def test_name_that_is_seen_is_taken_at_both_places(name):
    assert customer_name(name) == checked_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", NO_NAMES, ids=lambda name: ascii(name)[:40])
def test_name_that_hides_something_is_refused_with_the_rule(name):
    with pytest.raises(ValueError, match="1 to 24 visible characters"):
        customer_name(name)
    with pytest.raises(BadOrder, match=NAME_RULE):
        checked_name(name)


def test_name_is_composed_before_it_is_measured_and_loses_spaces_around_it():
    assert customer_name("e\u0301" * MOST_NAME_CHARS) == "é" * MOST_NAME_CHARS
    assert customer_name(" \u00a0Jo\u0308rg ") == "Jörg"


@given(st.text(max_size=40))
def test_text_is_a_name_that_stays_as_it_is_or_is_refused(text):
    try:
        name = customer_name(text)
    except ValueError:
        return
    assert customer_name(name) == name
    assert 1 <= len(name) <= MOST_NAME_CHARS
    assert name.encode("utf-8")
    assert not any(unicodedata.category(each) in ("Cc", "Zl", "Zp") for each in name)


@pytest.mark.parametrize("text", ["123", "a.b_c-D9", "x" * 64, "Zoë", "李-१२३", "é" * 64, "हिन्दी"])
def test_user_id_may_be_of_any_script(text):
    assert user_id(text) == text


def test_user_id_is_composed():
    assert user_id("Zoe\u0308") == "Zoë"


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "a b", "123\n", "a/b", "a?b", "a%20", "a&b", "a#b", "x" * 65, "x" * 10**6],
        *[
            "１２３",
            "ﬁ",
            "Ⅷ",
            "x²",
            "\u200d",
            "a\u200db",
            "\u0301",
            "\ufe0f",
            "👍",
            "\u3164",
            "\ud800",
            "\x00",
        ],
        *["Zo\u0352\u036b\u0343", "\u0301a", "x\u0332\u0323\u0331", "a\U00016fe4"],
        *[None, 123, True, b"123", ["123"]],
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_text_that_is_no_user_id_is_refused_with_the_rule(text):
    with pytest.raises(ValueError, match=f"^1 to {MOST_USER_ID_CHARS} letters") as refused:
        user_id(text)
    assert str(refused.value) == USER_ID_RULE
