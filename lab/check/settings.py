"""The settings of `lab check` in a file: lab-check.toml, or [tool.lab.check] of pyproject.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from lab.check.known import KnownFinding
from lab.core.errors import LabError
from lab.core.json_object import JsonObject
from lab.core.text import one_line

SETTINGS_FILE, PYPROJECT, TABLE = "lab-check.toml", "pyproject.toml", ("tool", "lab", "check")
MOST_BYTES_OF_SETTINGS = 1_000_000
ValueKind = Literal["text", "list", "table", "flag"]
_KNOWN = {"request": True, "reason": True, "until": True, "conversation": False}
"""The keys of a known finding, with whether each is needed."""


@dataclass(frozen=True)
class CheckSettings:
    """What a file says: options as words of a command line, conversations, known findings."""

    path: Path
    words: tuple[str, ...]
    conversations: tuple[str, ...]
    known: tuple[KnownFinding, ...]


def find_settings(folder: Path, options: Mapping[str, ValueKind]) -> CheckSettings | None:
    """Return the settings of a folder, None if it has none; LabError if they are wrong.

    `options` are the names that the command knows, each with the kind of its value.
    """
    for name in (SETTINGS_FILE, PYPROJECT):
        path = folder / name
        if not path.is_file():
            continue
        text = _text(path)
        table = _table(path, text) if name == PYPROJECT else _parsed(path, text)
        if table is not None:
            return _TableReader(path, text, options).read(table)
    return None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES_OF_SETTINGS:
            raise LabError(f"{path.name} is too large for a settings file")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read {path.name}: {one_line(error, 120)}") from None


def _parsed(path: Path, text: str) -> JsonObject:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise LabError(f"{path.name} is not TOML: {one_line(error, 160)}") from None


def _table(path: Path, text: str) -> JsonObject | None:
    """Return [tool.lab.check] of a pyproject.toml, None if it has none."""
    found: Any = _parsed(path, text)
    for name in TABLE:
        found = found.get(name) if isinstance(found, dict) else None
    if found is not None and not isinstance(found, dict):
        raise LabError(f"{path.name}: tool.lab.check has to be a table: [tool.lab.check]")
    return found


class _TableReader:
    """Reads one table; each error names the file, the line and the key."""

    def __init__(self, path: Path, text: str, options: Mapping[str, ValueKind]) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._options = options

    def read(self, table: Mapping[str, Any]) -> CheckSettings:
        words: list[str] = []
        for key, value in table.items():
            if key not in ("conversations", "known"):
                words += self._words(key, value)
        conversations = self._texts("conversations", table.get("conversations", []))
        known = table.get("known", [])
        if not isinstance(known, list):
            raise self._wrong("known", "write one [[known]] table for each known finding")
        found = tuple(self._known(number, each) for number, each in enumerate(known))
        return CheckSettings(self._path, tuple(words), conversations, found)

    def _words(self, key: str, value: Any) -> Iterator[str]:
        name = {"urls": "url"}.get(key, key)
        kind = self._options.get(name)
        if kind is None:
            raise self._wrong(key, f"there is no such setting{self._nearest(key)}")
        if kind == "flag":
            if not isinstance(value, bool):
                raise self._wrong(key, "write true or false")
            yield from [f"--{name}"] * value
        elif kind == "table":
            yield from (f"--{name}={each}" for each in self._pairs(key, value))
        elif kind == "list":
            yield from (f"--{name}={each}" for each in self._texts(key, value))
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._wrong(key, "write a text or a number")
        else:
            yield f"--{name}={self._clean(key, str(value))}"

    def _pairs(self, key: str, value: Any) -> list[str]:
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise self._wrong(key, 'write a table of texts: { PORT = "{port}" }')
        return [self._clean(key, f"{name}={each}") for name, each in value.items()]

    def _texts(self, key: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise self._wrong(key, "write a list of texts")
        return tuple(self._clean(key, each) for each in value)

    def _known(self, number: int, value: Any) -> KnownFinding:
        where = f"entry {number + 1} of known"
        if not isinstance(value, dict):
            raise self._wrong("known", "write one [[known]] table for each known finding")
        for key in value:
            if key not in _KNOWN:
                raise self._wrong(key, f"{where}: its fields are {', '.join(_KNOWN)}", number)
        for key, needed in _KNOWN.items():
            if needed and key not in value:
                raise self._wrong(
                    "known", f"{where} has no {key}: its fields are {', '.join(_KNOWN)}", number
                )
            if key != "until" and not isinstance(value.get(key, ""), str | None):
                raise self._wrong(key, f"{where}: write a text", number)
            if needed and not value[key]:
                raise self._wrong(key, f"{where}: it is empty", number)
        return KnownFinding(
            one_line(value["request"], 500),
            one_line(value["reason"], 500),
            self._day(value["until"], where, number),
            value.get("conversation", ""),
            f"{self._path.name}:{self._line_of('request', number)}",
        )

    def _day(self, value: Any, where: str, number: int) -> date:
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        raise self._wrong("until", f"{where}: write a day, such as 2027-03-31", number)

    def _clean(self, key: str, text: str) -> str:
        if "\0" in text:
            raise self._wrong(key, "it has a NUL character, which a command cannot contain")
        return text

    def _nearest(self, key: str) -> str:
        names = [*self._options, "urls", "conversations", "known"]
        near = get_close_matches(key, names, 1)
        return f": {near[0]}?" if near else f"; there are {', '.join(sorted(names))}"

    def _wrong(self, key: str, why: str, number: int = 0) -> LabError:
        line = self._line_of(key, number)
        at = f"{self._path.name}:{line}" if line else self._path.name
        return LabError(f"{at}: {one_line(key, 60)}: {why}")

    def _line_of(self, key: str, number: int = 0) -> int:
        """Return the line of a key, 0 if it is not found; of known ones that with a number."""
        begins = 0
        if self._path.name == PYPROJECT:
            begins = next((n for n, line in enumerate(self._lines) if "tool.lab.check" in line), 0)
        pattern = re.compile(
            rf"""\s*(\[+[\w.\s]*)?["']?\b{re.escape(key)}["']?\s*(=|\]|\.)|.*[{{,]\s*{re.escape(key)}\s*="""
        )
        found = [n for n, line in enumerate(self._lines) if n >= begins and pattern.match(line)]
        return found[min(number, len(found) - 1)] + 1 if found else 0
