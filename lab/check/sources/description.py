"""Reads an OpenAPI 3 or Swagger 2 document, follows its references, and hides the version."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lab.core import pointer
from lab.core.errors import LabError, reason
from lab.core.json_object import JsonObject

NEEDS_YAML = 'to read YAML, the check needs one package more: pip install ".[openapi]"'
LARGEST_BYTES = 100_000_000
MOST_REFERENCES = 20  # references that lead to the next one
# What a document raises that does not say what it should.
DAMAGE = (LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)
# No constraints, so they may stand beside a $ref.
_WORDS_OF_A_SCHEMA = frozenset({"description", "summary", "title"})


class Description:
    """The document as values. `version` is 2 or 3; LabError if it is neither."""

    def __init__(self, root: Any, file: str) -> None:
        self.file = file
        if not isinstance(root, dict):
            raise LabError(f"{file} is not an OpenAPI document")
        self.root: JsonObject = root
        if str(root.get("openapi", "")).startswith("3."):
            self.version = 3
        elif str(root.get("swagger", "")).startswith("2."):
            self.version = 2
        else:
            raise LabError(f"{file} is neither an OpenAPI 3 nor a Swagger 2 document")

    def resolved(self, value: Any) -> Any:
        """Return a value with its reference followed; what stands beside the $ref is kept."""
        beside: JsonObject = {}
        for _ in range(MOST_REFERENCES):
            if not (isinstance(value, dict) and isinstance(value.get("$ref"), str)):
                return {**value, **beside} if beside and isinstance(value, dict) else value
            others = value.keys() - _WORDS_OF_A_SCHEMA - {"$ref"}
            beside = {**{name: value[name] for name in others}, **beside}
            value = self._at(value["$ref"])
        raise ValueError("a $ref that never ends")

    def object(self, value: Any) -> JsonObject:
        """Return a value as an object, its reference followed; {} for true, ValueError else."""
        found = self.resolved(value)
        if isinstance(found, bool) or found is None:
            return {}
        if not isinstance(found, dict):
            raise ValueError(f"{str(found)[:40]!r} stands where an object should")
        return found

    def objects(self, values: Any) -> list[JsonObject]:
        """Return the items of a list as objects; [] for none."""
        if values is None:
            return []
        if not isinstance(values, Iterable) or isinstance(values, str | bytes | dict):
            raise ValueError(f"{str(values)[:40]!r} stands where a list should")
        return [self.object(each) for each in values]

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise ValueError(
                f"{reference!r}: only references within the document are followed; bundle it into "
                "one file (npx @redocly/cli bundle)"
            )
        return pointer.resolve(self.root, reference)


def read(path: Path) -> Description:
    """Read a JSON or YAML file; LabError that says what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise LabError(f"{path} is larger than {LARGEST_BYTES // 1_000_000} MB: cut it")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read {path}: {reason(error)}; give a JSON or YAML file") from None
    try:
        return Description(json.loads(text), path.name)
    except ValueError:
        pass
    except RecursionError:
        raise LabError(f"{path} is nested too deeply") from None
    try:
        import yaml
    except ImportError:
        raise LabError(NEEDS_YAML) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where it is there
    try:
        return Description(yaml.load(text, Loader=loader), path.name)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise LabError(f"{path} is neither JSON nor YAML: {error}") from None
