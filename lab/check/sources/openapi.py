"""Conversations made up from an OpenAPI 3 document: operations, links, examples, and Hypothesis.

A few candidates are held on a live process, until every operation has succeeded in one; that in
which most different ones did becomes the conversation.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.check.conversation import Call, Client, Conversation, plain
from lab.check.correlation import infer, leaves
from lab.check.sources.operations import DAMAGE, Operation, operations
from lab.core.errors import LabError
from lab.core.http import Answer

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject

NEEDS = 'an OpenAPI document needs two packages more: pip install ".[openapi]"'
CANDIDATES = 6
MOST_DRAWN_CALLS = 24


@dataclass(frozen=True)
class OpenApiSource:
    """An OpenAPI 3 document, JSON or YAML."""

    path: Path

    def record(self, send: Client) -> Conversation:
        """Hold candidates, a few at most, and return the one that got furthest."""
        known = operations(_read(self.path), self.path.name)
        best: tuple[tuple[int, int], list[Call], list[Answer]] | None = None
        try:
            plans = _drawn(known)
        except DAMAGE as error:
            raise LabError(f"{self.path}: a schema in it is damaged: {error}") from None
        for number, plan in enumerate(plans):
            if number:
                send.renew()
            talk = _Talk(send, self.path.name)
            for operation, body in plan:
                talk.say(operation, body)
            if best is None or talk.score > best[0]:
                best = (talk.score, talk.calls, talk.answers)
            if talk.score[0] == len(known):
                break  # no other gets further
        if best is None or best[0] == (0, 0):
            raise LabError(
                f"{self.path}: no operation succeeded with made-up values: add examples to the "
                "document, or write a script"
            )
        return infer(Conversation(tuple(best[1]), self.path.name), best[2])


class _Talk:
    """One candidate as it is held: values that answers gave are used in later calls."""

    def __init__(self, send: Callable[[Call], Answer], file: str) -> None:
        self.calls: list[Call] = []
        self.answers: list[Answer] = []
        self._send = send
        self._file = file
        self._given: dict[str, str] = {}  # the newest value by the name it was given under
        self._linked: dict[tuple[str, str], str] = {}

    @property
    def score(self) -> tuple[int, int]:
        """How many different operations succeeded, and how many calls."""
        good = [
            call.name
            for call, answer in zip(self.calls, self.answers, strict=True)
            if answer.status is not None and answer.status < 400
        ]
        return len(set(good)), len(good)

    def say(self, operation: Operation, body: Any) -> None:
        """Send one operation, with what is known by now."""
        try:
            address = operation.address(self._value)
        except DAMAGE as error:
            raise LabError(f"{self._file}: {operation.name} is damaged: {error!r}") from None
        call = Call(
            operation.method,
            plain(address),
            tuple((name, plain(value)) for name, value in self._headers(operation, body)),
            None if body is None else plain(json.dumps(body, default=str)),
            f"{self._file} {operation.name}",
            operation.name,
        )
        answer = self._send(call)
        self.calls.append(call)
        self.answers.append(answer)
        if answer.status is not None and answer.status < 400:
            self._learn(operation, answer)

    def _headers(self, operation: Operation, body: Any) -> Iterator[tuple[str, str]]:
        if body is not None:
            yield "Content-Type", "application/json"
        token = self._given.get("token") or self._given.get("access_token")
        if token and operation.wants_bearer:
            yield "Authorization", f"Bearer {token}"

    def _value(self, operation: str, name: str, example: str) -> str:
        return self._linked.get((operation, name)) or self._given.get(name) or example

    def _learn(self, operation: Operation, answer: Answer) -> None:
        for pointer, value in leaves(answer.document):
            if isinstance(value, str | int) and not isinstance(value, bool):
                self._given[pointer.rpartition("/")[2]] = str(value)
        for target, name, pointer in operation.links(answer.status or 0):
            found = dict(leaves(answer.document)).get(pointer)
            if found is not None:
                self._linked[target, name] = str(found)


def _drawn(known: list[Operation]) -> list[list[tuple[Operation, Any]]]:
    """Let Hypothesis draw candidates: every operation once, writes looked at afterwards."""
    try:
        from hypothesis import HealthCheck, Phase, given, settings
        from hypothesis import strategies as st
    except ImportError:
        raise LabError(NEEDS) from None
    plans: list[list[tuple[Operation, Any]]] = []

    @settings(
        max_examples=CANDIDATES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def draw(data: "DataObject") -> None:
        plans.append(_plan(known, data, len(plans)))

    draw()
    return plans


def _plan(known: list[Operation], data: "DataObject", number: int) -> list[tuple[Operation, Any]]:
    from hypothesis import strategies as st

    # Always the same draws, whatever becomes of them: Hypothesis holds the same example twice.
    order = data.draw(st.permutations(known))
    bodies = {id(each): data.draw(_body(each)) for each in known}
    looks = [each for each in known if each.method == "GET"]
    chosen = {id(each): data.draw(st.sampled_from(looks)) if looks else None for each in known}
    # The document's own order first: most are written in the order in which they are used.
    order = sorted(known if number == 0 else order, key=lambda each: each.rank)
    plan: list[tuple[Operation, Any]] = []
    for operation in order:
        plan.append((operation, bodies[id(operation)]))
        if operation.method != "GET" and looks:
            plan.append((_nearest(operation, looks) or chosen[id(operation)] or looks[0], None))
    return plan[:MOST_DRAWN_CALLS]


def _nearest(operation: Operation, looks: list[Operation]) -> Operation | None:
    """The GET whose path shares most with a write: what it changed is probably seen there."""

    def shared(look: Operation) -> int:
        pairs = zip(operation.path.split("/"), look.path.split("/"), strict=False)
        return sum(one == other for one, other in pairs)

    best = max(looks, key=shared)
    return best if shared(best) > 1 else None


def _body(operation: Operation) -> Any:
    from hypothesis import strategies as st

    if operation.body is None:
        return st.none()
    if operation.example is not None:
        return st.just(operation.example)
    return _strategy(operation.body)


def _strategy(schema: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a strategy for values of a JSON schema; the common words of it are understood."""
    from hypothesis import strategies as st

    for word in ("example", "default", "const"):
        if word in schema:
            return st.just(schema[word])
    if examples := schema.get("examples"):
        return st.sampled_from(list(examples))
    if "enum" in schema:
        return st.sampled_from(list(schema["enum"]))
    for word in ("oneOf", "anyOf"):
        if schema.get(word) and depth < 8:
            return st.one_of([_strategy(each, depth + 1) for each in schema[word]])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" and depth < 8:
        wanted = schema.get("required", list(schema.get("properties", {})))
        fields = {k: v for k, v in schema.get("properties", {}).items() if k in wanted}
        return st.fixed_dictionaries({k: _strategy(v, depth + 1) for k, v in fields.items()})
    if kind == "array" and depth < 8:
        return st.lists(_strategy(schema.get("items", {}), depth + 1), min_size=1, max_size=2)
    return _scalar(kind, schema)


def _scalar(kind: str, schema: Mapping[str, Any]) -> Any:
    from hypothesis import strategies as st

    low, high = schema.get("minimum", 1), schema.get("maximum", 99)
    if kind == "integer":
        return st.integers(int(low), max(int(low), int(high)))
    if kind == "number":
        return st.floats(float(low), max(float(low), float(high)), allow_nan=False)
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    letters = "abcdefghijklmnopqrstuvwxyz"
    least = min(int(schema.get("minLength", 3)), 1000)
    return st.text(
        letters,
        min_size=max(least, 1),
        max_size=max(least, min(12, int(schema.get("maxLength", 12)))),
    )


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read {path}: {error}") from None
    try:
        return json.loads(text)
    except ValueError:
        pass
    except RecursionError:
        raise LabError(f"{path} is nested too deeply") from None
    try:
        import yaml
    except ImportError:
        raise LabError(NEEDS) from None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise LabError(f"{path} is neither JSON nor YAML: {error}") from None
