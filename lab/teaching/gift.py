"""The concept questions in GIFT, the text format that Moodle imports.

https://docs.moodle.org/en/GIFT_format: the characters of `SPECIAL` are escaped, a blank line ends
a question, `=` marks the right answer, `~` a wrong one, `#` begins what is said of that answer.
"""

import re

from lab.teaching.questions import Bank, ConceptQuestion, Pair, When

SPECIAL = re.compile(r"[\\~=#{}:]")


def gift(bank: Bank) -> str:
    """Return all questions, in one category for before the class and one for after it."""
    blocks = []
    category = ""
    for pair, when, question in bank.asked():
        if category != when:
            category = when
            blocks.append(f"$CATEGORY: Two Desks/{when} the class")
        blocks.append(_question(bank, pair, when, question))
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Return text for a GIFT file, on one line."""
    return SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))


def _question(bank: Bank, pair: Pair, when: When, question: ConceptQuestion) -> str:
    lines = [
        f"// {' '.join(pair.idea.split())}",
        f"::{escaped(f'{pair.name}, {when}')}::[markdown]{escaped(question.question)} {{",
    ]
    for answer in bank.answers(question):
        sign = "=" if answer.is_right else "~"
        lines.append(f"\t{sign}{escaped(answer.text)}#{escaped(answer.feedback)}")
    return "\n".join([*lines, "}"])
