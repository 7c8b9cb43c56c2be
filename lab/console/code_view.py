"""The code that serves a request at both desks, side by side, with marked differences."""

import ast
from difflib import SequenceMatcher
from itertools import zip_longest
from urllib.parse import urlencode

import msgspec
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.style import Style
from pygments.styles.onedark import OneDarkStyle
from pygments.styles.xcode import XcodeStyle
from pygments.token import Comment, Name

from lab.experiments import app_diff
from lab.experiments.app_diff import Passage
from lab.shop.desks import DESKS

_REFUSES = {"stateful": "raise sessions.not_found", "stateless": "_verified("}
LIGHT: type[Style] = XcodeStyle
_LINES = """\
.line { display: block; padding-left: .6rem; border-left: 4px solid transparent }
.line.changed { border-left-color: currentColor }
"""


class Dark(OneDarkStyle):
    """The style One Dark, with comments of enough contrast, and with names that are not red."""

    styles = {**OneDarkStyle.styles, Comment: "#99a2b1", Name: "#abb2bf"}  # noqa: RUF012 - as in the base class


class PassageShown(msgspec.Struct, frozen=True):
    """A function in colour: the file it is in, and its first line there.

    Each line of `html` is a `<span class="line">`, with the class "changed" if the other desk
    differs there; `differs` says that one has it.
    """

    file: str
    first_line: int
    html: str
    differs: bool


def serving(method: str, path: str) -> dict[str, list[PassageShown]] | None:
    """Return, by desk, the function that serves the request, and those of state.py behind it.

    None if there is no such route.
    """
    columns = []
    for app in (f"{desk}_app" for desk in DESKS):
        route = app_diff.serving(app, method, path)
        if route is None:
            return None
        columns.append([route, *app_diff.behind(app, route)])
    shown: dict[str, list[PassageShown]] = {desk: [] for desk in DESKS}
    for pair in zip_longest(*columns):
        ours, theirs = (each.text.splitlines() if each else [] for each in pair)
        for desk, passage, changed in zip(DESKS, pair, _changed(ours, theirs), strict=True):
            shown[desk] += [_rendered(passage, changed)] if passage else []
    return shown


def asked_at(method: str, path: str) -> str:
    """Return the path at which the page asks for the code that serves the request."""
    return f"/lab/code?{urlencode({'method': method, 'path': path})}"


class SessionCode(msgspec.Struct, frozen=True):
    """The function by which a desk finds a customer's state, without its docstring.

    `finds` and `refuses` are the numbers of the lines that end it, counted from 0.
    """

    file: str
    lines: list[str]
    finds: int
    refuses: int


def session_code() -> dict[str, SessionCode]:
    """Return current_session() of each desk's state.py, by desk."""
    return {desk: _session_code(desk) for desk in DESKS}


def _session_code(desk: str) -> SessionCode:
    source = app_diff.source_of(f"{desk}_app", "state.py").read_text(encoding="utf-8")
    [function] = [
        each
        for each in ast.parse(source).body
        if isinstance(each, ast.FunctionDef) and each.name == "current_session"
    ]
    docstring, first, *_ = function.body
    passage = source.splitlines()[: function.end_lineno]
    lines = passage[function.lineno - 1 : docstring.lineno - 1] + passage[first.lineno - 1 :]
    refuses = next(number for number, line in enumerate(lines) if _REFUSES[desk] in line)
    return SessionCode(f"{desk}_app/state.py", lines, len(lines) - 1, refuses)


def style() -> str:
    """Return the style sheet of these passages, light and dark."""
    light, dark = _rules(LIGHT), _rules(Dark)
    # Never both at once: a rule that only one of them has would apply in the other too.
    return (
        f"{_LINES}"
        f"@media not all and (prefers-color-scheme: dark) {{\n{light}\n}}\n"
        f"@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
    )


def _rules(chosen: type[Style]) -> str:
    return "\n".join(_formatter(chosen).get_token_style_defs(".line"))  # type: ignore[no-untyped-call]


def _formatter(chosen: type[Style]) -> HtmlFormatter[str]:
    return HtmlFormatter(style=chosen, nowrap=True)


def _changed(ours: list[str], theirs: list[str]) -> tuple[set[int], set[int]]:
    """Return the indices of the lines that only one of the two passages has."""
    left, right = set(range(len(ours))), set(range(len(theirs)))
    for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        left -= set(range(block.a, block.a + block.size))
        right -= set(range(block.b, block.b + block.size))
    return left, right


def _rendered(passage: Passage, changed: set[int]) -> PassageShown:
    # Strip nothing: the numbers of the lines must stay right.
    html = highlight(passage.text, PythonLexer(stripnl=False), _formatter(LIGHT))
    lines = [
        # The newline is inside the block, so that copied text keeps its lines.
        f'<span class="line{" changed" if number in changed else ""}">{line}\n</span>'
        for number, line in enumerate(html.removesuffix("\n").split("\n"))
    ]
    return PassageShown(passage.file, passage.first_line, "".join(lines), bool(changed))
