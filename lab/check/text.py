"""Words and lines of a text, and the pattern of texts of which only parts stay the same."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

_UNBROKEN = re.compile(r"[^\s<>\"'=&;,]+")
_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")
MOST_PIECES = 4000  # a text with more words is compared line by line
_CONTEXT = 60  # characters of a long line around a word


@dataclass(frozen=True)
class Word:
    """A word of a text: `before` is what stands between it and the word before."""

    text: str
    before: str
    at: int

    def line(self, whole: str) -> str:
        """Return the line it stands in; of a long one, the part around it."""
        start = whole.rfind("\n", 0, self.at) + 1
        end = whole.find("\n", self.at)
        end = len(whole) if end < 0 else end
        start, end = max(start, self.at - _CONTEXT), min(end, self.at + len(self.text) + _CONTEXT)
        return whole[start:end].strip()


def words(text: str) -> list[Word]:
    """Return the words of a text, without HTML tags and punctuation."""
    found, at = [], 0
    for match in _UNBROKEN.finditer(text):
        found.append(Word(match[0], text[at : match.start()], match.start()))
        at = match.end()
    return found


def is_text(body: bytes) -> bool:
    """Return True if these bytes are UTF-8 text without control characters."""
    if b"\0" in body:
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class Pattern:
    """What several texts have in common: runs of pieces, in order, with anything in between."""

    def __init__(self) -> None:
        self._runs: list[list[str]] | None = None
        self._by_line = False

    def learn(self, text: str) -> None:
        """Keep only what this text has as well."""
        if self._runs is None:
            self._by_line = len(_WORD_OR_SIGN.findall(text)) > MOST_PIECES
            self._runs = [run] if (run := self._pieces(text)) else []
            return
        pieces, runs, at = self._pieces(text), [], 0
        for run in self._runs:
            blocks = SequenceMatcher(None, run, pieces[at:], autojunk=False).get_matching_blocks()
            runs += [run[block.a : block.a + block.size] for block in blocks if block.size]
            if last := [block for block in blocks if block.size]:
                at += last[-1].b + last[-1].size
        self._runs = runs

    def fits(self, text: str) -> bool:
        """Return True if a text has all parts that the known texts have in common, in order."""
        pieces, at = self._pieces(text), 0
        for run in self._runs or []:
            found = _find(pieces, run, at)
            if found is None:
                return False
            at = found + len(run)
        return True

    @property
    def is_empty(self) -> bool:
        """True if no word at all is common to the texts."""
        return not any(re.search(r"\w", piece) for run in self._runs or [] for piece in run)

    def _pieces(self, text: str) -> list[str]:
        if self._by_line:
            return [line.strip() for line in text.splitlines() if line.strip()]
        return _WORD_OR_SIGN.findall(text)


def _find(pieces: list[str], run: list[str], start: int) -> int | None:
    for at in range(start, len(pieces) - len(run) + 1):
        if pieces[at] == run[0] and pieces[at : at + len(run)] == run:
            return at
    return None
