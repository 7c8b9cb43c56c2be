"""The words, signs and rules that the page's scripts need: data, served to them as words.js."""

import json
from collections.abc import Mapping

import msgspec

from lab.console.code_view import session_code
from lab.console.settings import CHOICES
from lab.console.stack_state import CHANGE_WORDS, MOST_PAGE_SERVERS, SETTINGS, STATE_SIGNS
from lab.core.faults import STORE_FAULTS, FaultKind
from lab.core.http import UNANSWERED
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import SAFE_METHODS
from lab.report.symbols import GOODS_PATHS, SYMBOLS
from lab.report.wording import FATE_SIGNS, VERDICT_SIGNS
from lab.shop.desks import DESKS

_FAULT_DONE = {
    FaultKind.KILL: "killed",
    FaultKind.RESTART: "restarted with an empty memory",
    FaultKind.PAUSE: "paused",
    FaultKind.RESUME: "resumed",
    FaultKind.DRAIN: "drained and stopped",
    FaultKind.ADD: "added",
}
_GUESS_SIGNS = {"yes": "✓", "no": "≠", "none": "?", "open": "•", "skipped": "•"}
_SETTING_WORDS: dict[str, tuple[str, dict[str, str]]] = {
    "affinity": ("Affinity", {"none": "none: round robin", "cookie": "by cookie"}),
    "retry": ("Retries", {"off": "off", "on": "on"}),
    "cache": ("Cache", {"off": "off", "obedient": "obeys headers", "naive": "keeps everything"}),
    "store": (
        "Stateful carts in",
        {"memory": "process memory", "file": "files", "redis": "a shared store"},
    ),
}


def words() -> Mapping[str, object]:
    """Return the values that words.js exports, by name."""
    return {
        "DESKS": DESKS,
        "TITLES": {desk: desk.capitalize() for desk in DESKS},
        "VERDICT_SIGNS": VERDICT_SIGNS,
        "SYMBOLS": SYMBOLS,
        "GOODS_PATHS": GOODS_PATHS,
        "FATE_SIGNS": {str(fate): sign for fate, sign in FATE_SIGNS.items()} | {"unshown": "!"},
        "GUESS_SIGNS": _GUESS_SIGNS,
        "KNOWN_FATES": [fate for fate in Fate if fate is not Fate.UNKNOWN],
        "SAFE_METHODS": sorted(SAFE_METHODS),
        "STATE_SIGNS": STATE_SIGNS,
        "FAULTS": {
            kind: {
                "done": _FAULT_DONE[kind],
                "brings_up": kind.brings_up,
                "ends_process": kind.ends_process,
                "applies_to": kind.applies_to,
            }
            for kind in FaultKind
        },
        "STORE_FAULTS": STORE_FAULTS,
        "SESSION_CODE": msgspec.to_builtins(session_code()),
        "UNANSWERED": [0, *sorted(UNANSWERED)],
        "CHOICES": CHOICES,
        "CHANGE_WORDS": CHANGE_WORDS,
        "MOST_PAGE_SERVERS": MOST_PAGE_SERVERS,
        "SETTINGS": {
            name: {"label": label, "values": {value: values[value] for value in SETTINGS[name]}}
            for name, (label, values) in _SETTING_WORDS.items()
        },
    }


def script() -> str:
    """Return the text of words.js."""
    lines = [
        f"export const {name} = {json.dumps(value, ensure_ascii=False)};"
        for name, value in words().items()
    ]
    return "\n".join(["/** Made by lab/console/words.py. */", *lines, ""])


def phone_script() -> str:
    """Return the beginning of a phone's script, with the signs: it is not a module."""
    signs = {"STATE_SIGNS": STATE_SIGNS, "FATE_SIGNS": FATE_SIGNS}
    lines = [f"const {name} = {json.dumps(values)};" for name, values in signs.items()]
    return "\n".join(['"use strict";', *lines, ""])
