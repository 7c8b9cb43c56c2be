"""JSON pointers (RFC 6901): the only place where one is written, taken apart and followed."""

import re
from typing import Any
from urllib.parse import unquote

_INDEX = re.compile(r"0|[1-9][0-9]{0,14}")  # RFC 6901, section 4: no sign, no leading zero


def encode(*names: str | int) -> str:
    """Return the pointer to what stands under these names: "/paths/~1carts/0"."""
    return "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in names)


def decode(pointer: str) -> list[str]:
    """Return the names in a pointer, which may have the form of a URI fragment: "#/paths/a%20b".

    LookupError if it is not a pointer.
    """
    if pointer.startswith("#"):
        pointer = unquote(pointer[1:])
    if pointer and not pointer.startswith("/"):
        raise LookupError(pointer)
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]


def resolve(document: Any, pointer: str) -> Any:
    """Return what a pointer points at; LookupError if there is nothing."""
    for name in decode(pointer):
        if isinstance(document, list) and _INDEX.fullmatch(name):
            document = document[int(name)]
        elif isinstance(document, dict):
            document = document[name]
        else:
            raise LookupError(pointer)
    return document
