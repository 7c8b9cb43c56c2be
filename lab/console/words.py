"""The page's words and rules of faults and settings: data for its scripts, served as words.js."""

import json
from typing import Any

from lab.console.settings import MOST_PAGE_SERVERS, SETTINGS
from lab.core.faults import STORE_FAULTS, FaultKind
from lab.evidence.exchange import UNANSWERED
from lab.report.wording import VERDICT_SIGNS
from lab.shop.desks import DESKS

_DONE = {
    FaultKind.KILL: "killed",
    FaultKind.RESTART: "restarted with an empty memory",
    FaultKind.PAUSE: "paused",
    FaultKind.RESUME: "resumed",
    FaultKind.DRAIN: "drained and stopped",
    FaultKind.ADD: "added",
}
_SETTING_WORDS: dict[str, tuple[str, dict[str, str]]] = {
    "affinity": ("Affinity", {"none": "none: round robin", "cookie": "sticky cookie"}),
    "retry": ("Retries", {"off": "off", "on": "on"}),
    "cache": ("Cache", {"off": "off", "obedient": "obedient", "naive": "naive"}),
    "store": (
        "Stateful carts in",
        {"memory": "process memory", "file": "files", "redis": "a shared store"},
    ),
}


def words() -> dict[str, Any]:
    """Return what the page's scripts know of faults, answers and settings, by exported name."""
    return {
        "DESKS": DESKS,
        "FAULTS": {
            kind: {
                "done": _DONE[kind],
                "brings_up": kind.brings_up,
                "ends_process": kind.ends_process,
                "applies_to": kind.applies_to,
            }
            for kind in FaultKind
        },
        "STORE_FAULTS": STORE_FAULTS,
        "SIGNS": VERDICT_SIGNS,
        "UNANSWERED": [0, *sorted(UNANSWERED)],
        "MOST_SERVERS": MOST_PAGE_SERVERS,
        "SETTINGS": {
            name: {"label": label, "values": {value: values[value] for value in SETTINGS[name]}}
            for name, (label, values) in _SETTING_WORDS.items()
        },
    }


def script() -> str:
    """Return the text of words.js."""
    lines = [f"export const {name} = {json.dumps(value)};" for name, value in words().items()]
    return "\n".join(["/** Made by lab/console/words.py. */", *lines, ""])
