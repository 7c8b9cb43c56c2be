"""What customers may be called: one rule for both desks and for the page."""

import unicodedata

MOST_NAME_CHARS = 24
MOST_USER_ID_CHARS = 64
NAME_RULE = (
    f"1 to {MOST_NAME_CHARS} visible characters, none of which hides, reorders or covers text"
)
USER_ID_RULE = (
    f"1 to {MOST_USER_ID_CHARS} letters and digits of any script, dots, dashes or underscores, "
    "none of which only looks like another letter or digit (as \uff11 like 1)"
)
_JOINERS = ("\u200c", "\u200d")
_EMOJI_STYLE = ("\ufe0e", "\ufe0f")
_KEYCAP = "\u20e3"
_VIRAMA = 9  # canonical combining class, as RFC 5892 (appendix A) has it
# Control, format (bidirectional and tags too), surrogate, private, unassigned, line, paragraph.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# What Unicode calls so in a name shows nothing, whether it is a letter, a mark or a symbol.
_BLANK_WORDS = frozenset({"BLANK", "FILLER", "INVISIBLE", "NULL", "SPACE"})
# Marks that may be ignored where they have no use: joiners, inherent vowels, variants.
_BLANK = frozenset(
    (
        *(0x034F, 0x17B4, 0x17B5),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE0E),
        *range(0xE0100, 0xE01F0),
    )
)
MOST_MARKS = 4  # marks without a width of their own on one letter, as Unicode UTS 39 (5.4) has it
MOST_STACKED_MARKS = 2  # such marks above, below or around it: more cover other lines
_STACKED = 200  # combining classes from here on give a place, not a script


def customer_name(value: object) -> str:
    """Return a name in NFC, without spaces around it; raise ValueError with the rule.

    No character of it hides, reorders or covers text. A joiner stands only where it changes
    what is seen: between emoji, between Arabic letters, after a virama.
    """
    # NFC makes a text at most three times as long, so a longer one can never fit.
    if isinstance(value, str) and len(value) <= 10 * MOST_NAME_CHARS:
        whole = unicodedata.normalize("NFC", value)
        name = whole.strip()
        if 1 <= len(name) <= MOST_NAME_CHARS and any(map(_shows, name)) and not _hides(whole):
            return name
    raise ValueError(NAME_RULE)


def user_id(value: object) -> str:
    """Return a user id in NFC; raise ValueError with the rule.

    It stands in a URL and in the number of an order, so it has no space and no punctuation
    but `.`, `-` and `_`. A form that only looks like another letter or digit is refused (`１` is
    not `1`), since two ids must not look the same.
    """
    if isinstance(value, str) and len(value) <= 10 * MOST_USER_ID_CHARS:
        text = unicodedata.normalize("NFC", value)
        if (
            1 <= len(text) <= MOST_USER_ID_CHARS
            and all(map(_is_of_id, text))
            and any(map(_shows, text))
            and text == unicodedata.normalize("NFKC", text)
            and not _covers(text)
        ):
            return text
    raise ValueError(USER_ID_RULE)


def _is_of_id(character: str) -> bool:
    if character in "._-" or character in _EMOJI_STYLE:
        return character not in _EMOJI_STYLE
    return unicodedata.category(character)[0] in "LMN" and not _is_blank(character)


def _shows(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and not _is_blank(character)


def _is_blank(character: str) -> bool:
    """True if a character has no picture of its own. A space does not count."""
    if character < "\x7f" or unicodedata.category(character) == "Zs":
        return False
    words = unicodedata.name(character, "").replace("-", " ").split()
    return ord(character) in _BLANK or not _BLANK_WORDS.isdisjoint(words)


def _hides(name: str) -> bool:
    """True if a character of it shows nothing, or hides, reorders or covers others."""
    if name.isascii():
        return not name.isprintable()
    if _covers(name):
        return True
    around = zip(f" {name}", name, f"{name[1:]} ", strict=False)
    return any(not _is_seen(before, character, after) for before, character, after in around)


def _is_seen(before: str, character: str, after: str) -> bool:
    if character in _JOINERS:
        return _joins(before, character, after)
    if character in _EMOJI_STYLE:
        return unicodedata.category(before) in ("So", "Sm") or after == _KEYCAP
    return unicodedata.category(character) not in HIDDEN_CATEGORIES and not _is_blank(character)


def _covers(text: str) -> bool:
    """True if a mark stands on nothing, twice, or with so many others that they cover lines."""
    base, marks, stacked, last = " ", 0, 0, ""
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
            stacked += category == "Me" or unicodedata.combining(character) >= _STACKED
            if base.isspace() or character == last or marks > MOST_MARKS:
                return True
            if stacked > MOST_STACKED_MARKS:
                return True
        elif category != "Mc":
            base, marks, stacked = character, 0, 0
        last = character
    return False


def _joins(before: str, joiner: str, after: str) -> bool:
    if unicodedata.combining(before) == _VIRAMA:
        return unicodedata.category(after)[0] == "L"
    if joiner == "\u200c":
        return {unicodedata.bidirectional(before), unicodedata.bidirectional(after)} == {"AL"}
    is_emoji = before in _EMOJI_STYLE or unicodedata.category(before) in ("So", "Sk")
    return is_emoji and unicodedata.category(after) == "So"
