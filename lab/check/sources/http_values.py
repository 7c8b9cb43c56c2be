"""What the placeholders of a .http file stand for: variables, answers, and made-up values."""

import os
import random
import re
import string
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from lab.check.conversation import Ref, Template, joined, plain
from lab.core import pointer
from lab.core.errors import LabError, reason

PLACE = re.compile(r"{{([^{}]+)}}")
_OF_ANSWER = re.compile(r"([\w.-]+?)\.response\.(body|headers)(?:\.(.+))?")
_POINTER = re.compile(r"([\w-]+)?(\.[\w-]+|\[\d+\]|\['[^']+'\])*")
_SET = re.compile(
    r"client\.global\.set\(\s*[\"']([\w.-]+)[\"']\s*,\s*response\."
    r"(?:body((?:\??\.[\w$]+|\[\d+\]|\[[\"'][^\"']+[\"']\])*)"
    r"|headers\.valueOf\(\s*[\"']([\w-]+)[\"']\s*\))\s*\)"
)
_SPANS: dict[str, float] = {"y": 365 * 86_400, "M": 30 * 86_400, "w": 7 * 86_400, "d": 86_400}
_SPANS |= {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_DATE_PARTS = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_QUOTED_OR_WORD = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s(),]+")
MOST_CHARS = 1000


@dataclass
class Values:
    """The values of one file: what its answers give by name, and what is made up, once each.

    `names` are the named requests above, `given` the values that scripts kept of answers.
    `folder` is where the file lies (for .env).
    """

    folder: Path = Path()
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    chance: random.Random = field(default_factory=random.SystemRandom)
    names: dict[str, int] = field(default_factory=dict)
    given: dict[str, Ref] = field(default_factory=dict)
    _made: dict[tuple[str, str], Template] = field(default_factory=dict)

    def template(self, text: str, scope: "Scope") -> Template:
        """Return a text with all its placeholders replaced."""
        return self._template(text, scope, ())

    def knows(self, name: str, scope: "Scope") -> bool:
        """Return True if a name is that of a variable."""
        return name in scope.variables or name in self.given

    def keep(self, script: str, call: int) -> bool:
        """Remember what a script keeps of the answer to a call; True if it does nothing else."""
        rest = script
        for found in _SET.finditer(script):
            name, path, header = found[1], found[2], found[3]
            where = f"header:{header.lower()}" if header else f"json:{_js_pointer(path)}"
            self.given[name] = Ref(call, where, "")
            rest = rest.replace(found[0], "")
        return not rest.strip(" \t\r\n;")

    def _template(self, text: str, scope: "Scope", within: tuple[str, ...]) -> Template:
        pieces: list[str | Ref] = []
        at = 0
        for found in PLACE.finditer(text):
            pieces.append(text[at : found.start()])
            at = found.end()
            pieces += self._place(found[1].strip(), scope, within)
        pieces.append(text[at:])
        return joined(pieces)

    def _place(self, place: str, scope: "Scope", within: tuple[str, ...]) -> Template:
        name = place.removeprefix("%")  # VS Code: to be percent-encoded; a service sees the same
        if name in within:
            raise LabError(f"{scope.origin}: @{name} is defined by itself: give it a value")
        if name in scope.variables:
            definition = scope.variables[name]
            key = (name, definition)
            if key not in self._made:  # a value that is made up stays the same in a variable
                self._made[key] = self._template(definition, scope, (*within, name))
            if sum(map(len, map(str, self._made[key]))) > 1_000_000:
                raise LabError(f"{scope.origin}: the value of @{name} is too long: shorten it")
            return self._made[key]
        if name in self.given:
            return (self.given[name],)
        if place.startswith("$"):
            return plain(self._dynamic(place, scope.origin))
        return (self._ref(place, scope),)

    def _ref(self, place: str, scope: "Scope") -> Ref:
        found = _OF_ANSWER.fullmatch(place)
        if found is None:
            if place in scope.prompts:
                raise LabError(
                    f"{scope.origin}: an editor asks for {place} (@prompt); "
                    f"write @{place} = … above"
                )
            raise LabError(f"{scope.origin}: {{{{{place}}}}} is not defined: write @{place} = …")
        if found[1] not in self.names:
            raise LabError(
                f"{scope.origin}: no request above is named {found[1]!r}: # @name {found[1]}"
            )
        call, where = self.names[found[1]], found[3]
        if found[2] == "headers":
            return Ref(call, f"header:{(where or '').lower()}", "")
        if where in (None, "*"):
            return Ref(call, r"match:(?s)\A(.*)\Z", "")
        return Ref(call, f"json:{_pointer(where, scope.origin)}", "")

    def _dynamic(self, place: str, origin: str) -> str:
        """Return a value that editors make: `$guid`, `$timestamp -1 d`, `$random.integer(1,5)`."""
        name, *words = _QUOTED_OR_WORD.findall(place)
        words = [word.strip("\"'") for word in words]
        try:
            if name in ("$processEnv", "$env", "$dotenv") or name.startswith("$env."):
                return self._from_environment(name, words, origin)
            if maker := _MAKERS.get(name):
                return maker(self, words)
            if name.startswith("$random."):
                return self._random(name.removeprefix("$random."), words)
        except (ValueError, OverflowError, IndexError):
            pass
        raise LabError(f"{origin}: {{{{{place}}}}} is not understood: write the value itself")

    def _from_environment(self, name: str, words: Sequence[str], origin: str) -> str:
        key = name.removeprefix("$env.") if name.startswith("$env.") else words[-1].lstrip("%")
        known = self.environ
        if name == "$dotenv":
            known = _read_dotenv(self.folder / ".env")
        if key not in known:
            where = ".env" if name == "$dotenv" else "the environment of lab check"
            raise LabError(f"{origin}: {key} is not set: set it in {where}")
        return known[key]

    def _random(self, kind: str, words: Sequence[str]) -> str:
        if kind in _ALPHABETS:
            count = min(int(words[0]), MOST_CHARS) if words else 10
            return "".join(self.chance.choice(_ALPHABETS[kind]) for _ in range(count))
        if kind == "uuid":
            return self.guid()
        if kind == "email":
            return f"{self._random('alphabetic', ()).lower()}@example.com"
        low, high = (float(words[0]), float(words[1])) if len(words) > 1 else (0.0, 1000.0)
        if kind == "integer":
            return str(self.chance.randrange(int(low), max(int(low) + 1, int(high))))
        if kind == "float":
            return str(self.chance.uniform(low, high))
        raise ValueError(kind)

    def guid(self) -> str:
        """Return a new UUID (version 4)."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def date(self, words: Sequence[str], *, local: bool = False) -> str:
        """Return `$datetime iso8601 1 d`: now, or so long before or after, in a form."""
        form = words[0] if words else "iso8601"
        when = self.later(words[-2:] if len(words) > 2 else ())
        when = when.astimezone() if local else when.astimezone(UTC)
        if form == "rfc1123":
            return format_datetime(when, usegmt=not local)
        if form == "iso8601":
            text = when.isoformat(timespec="milliseconds")
            return text.replace("+00:00", "Z") if not local else text
        for part, code in _DATE_PARTS.items():
            form = form.replace(part, code)
        return when.strftime(form)

    def later(self, words: Sequence[str]) -> datetime:
        """Return now, or the time that is `["-1", "d"]` away."""
        if not words:
            return self.now
        return self.now + timedelta(seconds=int(words[0]) * _SPANS.get(words[1], 1))


@dataclass(frozen=True)
class Scope:
    """Where a text stands: what is defined there, and its place for messages."""

    variables: Mapping[str, str]
    origin: str
    prompts: frozenset[str] = frozenset()


_MAKERS: dict[str, Callable[[Values, Sequence[str]], str]] = {
    "$guid": lambda values, words: values.guid(),
    "$uuid": lambda values, words: values.guid(),
    "$timestamp": lambda values, words: str(int(values.later(words).timestamp())),
    "$isoTimestamp": lambda values, words: values.date(()),
    "$datetime": lambda values, words: values.date(words),
    "$localDatetime": lambda values, words: values.date(words, local=True),
    "$randomInt": lambda values, words: values._random("integer", words),
}
_ALPHABETS = {
    "alphabetic": string.ascii_letters,
    "alphanumeric": string.ascii_letters + string.digits + "_",
    "hexadecimal": "0123456789abcdef",
}


def _pointer(path: str, origin: str) -> str:
    """Turn `$.items[0].id` (or /items/0/id) into a JSON pointer."""
    if path.startswith("/") and not path.startswith("//"):
        return path
    inner = path.removeprefix("$")
    if not _POINTER.fullmatch(inner):
        raise LabError(f"{origin}: {path!r}: only paths such as $.items[0].id are understood")
    return _joined_pointer(inner)


def _js_pointer(path: str) -> str:
    """Turn `.items[0]["id"]`, as it stands in JavaScript, into a JSON pointer."""
    return _joined_pointer(path.replace("?.", ".").replace('"', "'"))


def _joined_pointer(path: str) -> str:
    parts = re.findall(r"\['([^']+)'\]|\[(\d+)\]|\.?([\w$-]+)", path)
    return pointer.encode(*("".join(part) for part in parts))


def _read_dotenv(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(
            f"cannot read {path}: {reason(error)}; make it, with lines NAME=VALUE"
        ) from None
    pairs = (line.removeprefix("export ").partition("=") for line in text.splitlines())
    return {
        name.strip(): value.strip().strip("\"'")
        for name, equals, value in pairs
        if equals and not name.lstrip().startswith("#")
    }
