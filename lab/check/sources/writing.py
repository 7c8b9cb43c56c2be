"""How values are written into a request: parameters by their style, bodies by their media type."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from lab.check.sources.operations import FORM, MULTIPART, Body, Parameter
from lab.core.json_object import JsonObject

BOUNDARY = "two-desks-part-7d3f1c"
CANNOT = "its body is {}, which is not made up: give an example of it in the document"
_SEPARATORS = {"spaceDelimited": " ", "pipeDelimited": "|"}


class CannotWrite(ValueError):
    """A body that is not made up; the text says what to do."""


def as_text(value: Any) -> str:
    """Return a single value as it is written into a path, a query or a form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def path_piece(parameter: Parameter, value: Any) -> str:
    """Return what stands in the place of {name}."""
    return quote(_flat(parameter, value), safe="")


def query_pairs(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    """Return the pairs of the query, or of a Cookie header, that say a value."""
    name = parameter.name
    if parameter.content or not isinstance(value, dict | list):
        return [(name, as_text(value))]
    if isinstance(value, dict):
        if parameter.style == "deepObject":
            return list(_deep(name, value))
        if parameter.explode:
            return [(str(key), as_text(each)) for key, each in value.items()]
    elif parameter.explode:
        return [(name, as_text(each)) for each in value]
    return [(name, _flat(parameter, value))]


def header_value(parameter: Parameter, value: Any) -> str:
    """Return the value of a header."""
    return _flat(parameter, value)


def written(body: Body, value: Any) -> tuple[str, str]:
    """Return the media type and the text of a body; CannotWrite where it is not known how."""
    media = body.media.partition(";")[0].strip().lower()
    if media == FORM:
        return FORM, urlencode(list(_form(body, value)))
    if media == MULTIPART:
        return f"{MULTIPART}; boundary={BOUNDARY}", _multipart(body, value)
    if "json" in media or media == "*/*":
        kind = "application/json" if "*" in media else body.media
        return kind, json.dumps(value)
    if isinstance(value, str) and (body.examples or not media.endswith("xml")):
        return body.media, value
    raise CannotWrite(CANNOT.format(body.media))


def _flat(parameter: Parameter, value: Any) -> str:
    if parameter.content:
        return json.dumps(value)
    separator = _SEPARATORS.get(parameter.style, ",")
    if isinstance(value, dict):
        between = "=" if parameter.explode else separator
        return separator.join(f"{k}{between}{as_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return separator.join(map(as_text, value))
    return as_text(value)


def _fields(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _form(body: Body, value: Any) -> Iterable[tuple[str, str]]:
    for name, each in _fields(value).items():
        way = body.encoding.get(name) or {}
        if "json" in str(way.get("contentType", "")):
            yield name, json.dumps(each)
        elif isinstance(each, dict) or way.get("style") == "deepObject":
            yield from _deep(name, each)
        elif isinstance(each, list):
            yield from ((name, as_text(one)) for one in each)
        else:
            yield name, as_text(each)


def _deep(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """Yield pairs such as ("address[city]", "Delft"), as PHP, Rails and Stripe read them."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _deep(f"{name}[{key}]", each)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _deep(f"{name}[{number}]", each)
    else:
        yield name, as_text(value)


def _multipart(body: Body, value: Any) -> str:
    lines: list[str] = []
    properties = _fields(_fields(body.schema).get("properties"))
    for name, each in _fields(value).items():
        items = each if isinstance(each, list) else [each]
        for item in items:
            head, text = _part(name, item, _fields(properties.get(name)))
            lines += [f"--{BOUNDARY}", *head, "", text]
    return "\r\n".join([*lines, f"--{BOUNDARY}--", ""])


def _part(name: str, value: Any, schema: JsonObject) -> tuple[list[str], str]:
    quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    named = f'Content-Disposition: form-data; name="{quoted}"'
    inner = _fields(schema.get("items")) or schema
    media = inner.get("contentMediaType")
    if inner.get("format") == "binary" or media:
        kind = str(media or "text/plain")
        return [f'{named}; filename="lab-check.txt"', f"Content-Type: {kind}"], as_text(value)
    if isinstance(value, dict | list):
        return [named, "Content-Type: application/json"], json.dumps(value)
    return [named], as_text(value)
