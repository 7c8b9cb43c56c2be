"""Strict parsing of request bodies: JSON, at most 16 KiB, no unknown or missing fields."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnprocessableEntity

from lab.core.errors import LabError
from lab.core.json_object import JsonObject
from lab.shop.errors import BadJson
from lab.shop.validation import parse_json

MOST_REQUEST_BYTES = 16 * 1024

Rule = Callable[[str, Any], Any]
"""Takes the place of a value ("acts[0].label") and the value; returns the checked value."""


def read_object() -> JsonObject:
    """Return the JSON object of this request; raise BadRequest, 413 or 422."""
    # The app's MAX_CONTENT_LENGTH limits it, even without a Content-Length.
    try:
        body = parse_json(request.get_data())
    except RequestEntityTooLarge:
        raise RequestEntityTooLarge(f"send at most {MOST_REQUEST_BYTES} bytes") from None
    except BadJson as error:
        raise BadRequest(str(error)) from None
    if not isinstance(body, dict):
        raise UnprocessableEntity("the body must be a JSON object")
    return body


def read(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> JsonObject:
    """Return this request's fields, each checked by its rule; raise 400, 413 or 422."""
    body = read_object()
    try:
        checked: JsonObject = table(required, optional)("", body)
    except LabError as error:
        raise UnprocessableEntity(str(error)) from None
    return checked


def refuse(where: str, why: str) -> NoReturn:
    """Raise a LabError that says where a value is wrong, and why."""
    raise LabError(f"{where}: {why}")


def any_text(most: int) -> Rule:
    """Return the rule for text of up to `most` characters; the caller checks its meaning."""

    def check(where: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > most:
            refuse(where, f"must be text of at most {most} characters")
        return value

    return check


def whole(least: int, most: int) -> Rule:
    """Return the rule for a whole number; True is not one."""

    def check(where: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            refuse(where, f"must be a whole number from {least} to {most}, not {value!r}")
        return int(value)

    return check


def one_of(*allowed: str) -> Rule:
    """Return the rule for one of these words."""

    def check(where: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            near = get_close_matches(str(value), allowed, 1)
            hint = f"did you mean {str(near[0])!r}? " if near else ""
            few = allowed[:16]
            more = " …" if len(allowed) > len(few) else ""
            refuse(where, f"{str(value)[:40]!r} is unknown: {hint}there are {', '.join(few)}{more}")
        return value

    return check


def table(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    """Return the rule for a table with these keys, each checked by its own rule."""
    rules = {**required, **(optional or {})}

    def check(where: str, value: Any) -> JsonObject:
        if not isinstance(value, dict):
            refuse(where, f"must be a table with {', '.join(required)}")
        prefix = f"{where}." if where else ""
        for key in value.keys() - rules.keys():
            refuse(f"{prefix}{str(key)[:40]}", f"is unknown here: there are {', '.join(rules)}")
        for key in required:
            if key not in value:
                refuse(f"{prefix}{key}", "is missing")
        return {key: rules[key](f"{prefix}{key}", each) for key, each in value.items()}

    return check
