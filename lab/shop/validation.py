"""Strict parsing of request bodies: every rule about bad input is here."""

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any, NoReturn

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from lab.shop import names
from lab.shop.cart import MAX_QUANTITY, JsonObject
from lab.shop.errors import BadJson, Invalid, NotJson

MAX_BODY_BYTES = 16 * 1024
MAX_DEPTH = 32

# Control characters, and those that reorder the text around them (UAX #9).
_UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_ADDRESS = re.compile(rf"[^{_UNPRINTABLE}]{{1,200}}")

Field = Callable[[str, Any], Any]


def _text(pattern: re.Pattern[str], rule: str) -> Field:
    def read(field: str, value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Invalid(f"{field!r} must be {rule}")
        return unicodedata.normalize("NFC", value)

    return read


def _ruled(rule: Callable[[object], str]) -> Field:
    def read(field: str, value: Any) -> str:
        try:
            return rule(value)
        except ValueError as error:
            raise Invalid(f"{field!r} must be {error}") from None

    return read


def _quantity(field: str, value: Any) -> int:
    # bool is a subclass of int, and the contract takes no floats, not even 1.0.
    if type(value) is not int or not 1 <= value <= MAX_QUANTITY:
        raise Invalid(f"{field!r} must be a whole number from 1 to {MAX_QUANTITY}")
    return value


def _sku(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{field!r} must be text")
    return value


LOGIN: dict[str, Field] = {
    "user_id": _ruled(names.user_id),
    "name": _ruled(names.customer_name),
}
ITEM: dict[str, Field] = {"sku": _sku, "quantity": _quantity}
QUANTITY: dict[str, Field] = {"quantity": _quantity}
ADDRESS: dict[str, Field] = {"address": _text(_ADDRESS, "1 to 200 printable characters")}


def read_json(fields: dict[str, Field]) -> JsonObject:
    """Return the fields of this request's JSON object, validated.

    Raise NotJson (415), BadJson (400), Invalid (422), or Werkzeug's RequestEntityTooLarge
    (413) past `MAX_BODY_BYTES`.
    """
    if not request.is_json:
        raise NotJson("send the header Content-Type: application/json")
    data = request.get_data()
    if len(data) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    body = parse_json(data)
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    if body.keys() != fields.keys():
        raise _other_fields(body, fields)
    return {field: read(field, body[field]) for field, read in fields.items()}


def _other_fields(body: JsonObject, fields: dict[str, Field]) -> Invalid:
    wanted = ", ".join(map(repr, fields))
    if unknown := body.keys() - fields.keys():
        return Invalid(f"unknown field {min(unknown)!r}: this request takes {wanted}")
    missing = min(fields.keys() - body.keys())
    return Invalid(f"missing field {missing!r}: this request takes {wanted}")


def parse_json(data: bytes) -> Any:
    """Parse I-JSON (RFC 7493); raise BadJson.

    Stricter than Python's parser: no duplicate keys, no NaN or Infinity, no lone surrogates,
    no nesting deeper than `MAX_DEPTH`.
    """
    try:
        value = _STRICT.decode(data.decode("utf-8"))
        _check(value, MAX_DEPTH)
    except UnicodeError:  # before its base class ValueError
        raise BadJson("text must be valid UTF-8 without lone surrogates") from None
    except RecursionError:
        raise BadJson(f"nested too deeply; at most {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise BadJson(f"check the JSON: {error}") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise BadJson("an object names the same key twice: send each key once")
    return members


def _no_constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is not JSON: send a finite number")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _check(value: Any, levels_left: int) -> None:
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, (dict, list)):
        if not levels_left:
            raise RecursionError
        for item in value if isinstance(value, list) else [*value, *value.values()]:
            _check(item, levels_left - 1)
