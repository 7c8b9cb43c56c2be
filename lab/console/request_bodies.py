"""Strict parsing of request bodies: JSON, at most 16 KiB, no unknown or missing fields."""

from collections.abc import Mapping
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnprocessableEntity

from lab.console.lesson.rules import Rule, refuse, table
from lab.core.errors import LabError
from lab.shop.errors import BadJson
from lab.shop.validation import parse_json

Json = dict[str, Any]

MOST_REQUEST_BYTES = 16 * 1024


def read_object() -> Json:
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


def read(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Json:
    """Return this request's fields, each checked by its rule; raise 400, 413 or 422."""
    body = read_object()
    try:
        checked: Json = table(required, optional)("", body)
    except LabError as error:
        raise UnprocessableEntity(str(error)) from None
    return checked


def any_text(most: int) -> Rule:
    """Text of up to `most` characters; the caller checks what it means."""

    def check(where: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > most:
            refuse(where, f"must be text of at most {most} characters")
        return value

    return check
