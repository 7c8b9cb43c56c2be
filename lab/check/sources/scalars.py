"""A plausible text or number for a JSON schema: by format, pattern, bounds and name."""

import math
import re
from typing import Any

from lab.check.sources.pattern import LOWER_CASE, matching
from lab.core.json_object import JsonObject

LONGEST_STRING = 10_000
ANY_NUMBER = 7  # not 1: the ids of a service often begin with it
_FORMATS = {
    "date-time": "2026-01-15T10:30:00Z",
    "date": "2026-01-15",
    "time": "10:30:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.7",
    "ipv6": "2001:db8::7",
    "uri": "https://example.com/a",
    "url": "https://example.com/a",
    "iri": "https://example.com/a",
    "uri-reference": "/a",
    "uri-template": "/a/{b}",
    "uuid": "6f0d5b1e-6c1f-4d0a-9b53-2f3a3c1d7e07",
    "byte": "bGFiIGNoZWNr",
    "binary": "lab check",
    "json-pointer": "/a",
    "regex": "^a$",
    "password": "Correct-Horse-7",
    "decimal": "7.5",
    "int64": "7",
}
# Where a schema says no more than that it is a text, its name often does.
_VALUES_BY_NAME = (
    (re.compile(r"e_?mail", re.I), _FORMATS["email"]),
    (re.compile(r"pass(word|wd|phrase)", re.I), _FORMATS["password"]),
    (re.compile(r"(ur[il]|link|website|homepage|webhook)$", re.I), _FORMATS["uri"]),
    (re.compile(r"(phone|mobile)", re.I), "+15550100"),
    (re.compile(r"(_at|At|timestamp|date_?time)$"), _FORMATS["date-time"]),
    (re.compile(r"(^|_)(date|day|birthday)$", re.I), _FORMATS["date"]),
    (re.compile(r"currency", re.I), "EUR"),
    (re.compile(r"country", re.I), "NL"),
    (re.compile(r"(lang|language|locale)$", re.I), "en"),
    (re.compile(r"time_?zone", re.I), "Europe/Amsterdam"),
    (re.compile(r"user_?name|login$", re.I), "ada"),
    (re.compile(r"name$", re.I), "Ada"),
)


def typed(text: str, kind: str) -> Any:
    """Return a value that the author gave as text, as its type asks for."""
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        return text
    return text.lower() == "true" if kind == "boolean" else text


def scalar(kind: str, schema: JsonObject, name: str) -> Any:
    """Return a text, a number, true or null for a schema of this type."""
    if kind in ("integer", "number"):
        return _number(kind, schema)
    if kind == "boolean":
        return True
    return None if kind == "null" else _string(schema, name)


def _number(kind: str, schema: JsonObject) -> int | float:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf") or 1
    # True in 3.0, where it excludes the minimum itself; in 3.1 it is the bound.
    least = _bound(low, above, step, +1)
    most = _bound(high, below, step, -1)
    value: float = ANY_NUMBER
    if most is not None and value > most:
        value = most
    if least is not None and value < least:
        value = least
    if schema.get("multipleOf"):
        value = (math.ceil if least is not None else math.floor)(value / step) * step
    return int(value) if kind == "integer" or value == int(value) else float(value)


def _bound(inclusive: Any, exclusive: Any, step: float, sign: int) -> float | None:
    if exclusive is True:
        return None if inclusive is None else float(inclusive) + sign * step
    if exclusive is not None and exclusive is not False:
        return float(exclusive) + sign * step
    return None if inclusive is None else float(inclusive)


def _string(schema: JsonObject, name: str) -> str:
    least = min(int(schema.get("minLength") or 0), LONGEST_STRING)
    most = int(schema.get("maxLength", LONGEST_STRING))
    if isinstance(schema.get("pattern"), str):
        found = matching(schema["pattern"], least, most)
        if found is not None:
            return found
    known = _FORMATS.get(str(schema.get("format", "")))
    if known is None:
        known = next((text for pattern, text in _VALUES_BY_NAME if pattern.search(name)), "text")
    if len(known) < least:
        known += (LOWER_CASE * (least // len(LOWER_CASE) + 1))[: least - len(known)]
    return known[:most]


def distinct(value: Any, number: int) -> Any:
    """Return the n-th item of a list: its items may have to differ."""
    if number == 0 or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value + number
    return f"{value}{number}" if isinstance(value, str) else value
