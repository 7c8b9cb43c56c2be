"""One client of a service that an OpenAPI document describes: it fills in, sends, and learns."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lab.check.conversation import Call
from lab.check.sources.description import Description
from lab.check.sources.draft import CallDraft
from lab.check.sources.given import KnownValues, thing_named
from lab.check.sources.operations import Body, Operation, Parameter, Scheme
from lab.check.sources.scalars import ANY_NUMBER
from lab.check.sources.settings import OpenApiSettings
from lab.check.sources.values import SchemaValues, kind_of, plain_value
from lab.check.sources.writing import written
from lab.core.http import Answer

MOST_VARIANTS = 5  # ways to fill in an operation


@dataclass(frozen=True)
class ApiStep:
    """An operation to send, filled in this way."""

    operation: Operation
    variant: int = 0


class ApiClient:
    """Sends operations with values from earlier answers; keeps `calls` and `answers`."""

    def __init__(
        self,
        send: Callable[[Call], Answer],
        description: Description,
        settings: OpenApiSettings,
        prefix: str | None = None,
        things: frozenset[str] = frozenset(),
    ) -> None:
        self.calls: list[Call] = []
        self.answers: list[Answer] = []
        self.given = KnownValues()
        self._things = things
        self._send = send
        self._description = description
        self._settings = settings
        self._prefix = settings.base_path if prefix is None else prefix

    def say(self, step: ApiStep) -> Answer:
        """Send an operation; DAMAGE (see description) where it cannot be filled in."""
        call, body = self.filled(step)
        answer = self._send(call)
        self.calls.append(call)
        self.answers.append(answer)
        if answer.ok:
            self.given.learn(step.operation, body, answer)
        return answer

    def is_ready(self, operation: Operation) -> bool:
        """Return True if every value that its path and body need is known."""
        if operation.body is not None:
            for name in _required(operation.body):
                thing = thing_named(name)
                if thing in self._things and not self.given.of_thing(name):
                    return False
        return all(
            self._known(operation, each) is not None
            for each in operation.parameters
            if each.where == "path"
        )

    def filled(self, step: ApiStep) -> tuple[Call, Any]:
        """Return an operation as a call, and the value of its body."""
        operation, body = step.operation, None
        draft = CallDraft(operation)
        for each in operation.parameters:
            if each.required or each.name in self._settings.fields:
                draft.put(each, self._value(operation, each, step.variant))
        if operation.body is not None:
            body = self._body(operation.body, step.variant)
            draft.put_body(*written(operation.body, body))
        self._introduce(operation, draft)
        prefix = operation.prefix if self._prefix is None else self._prefix
        return draft.call(prefix, self._settings.headers, self._description.file), body

    def _introduce(self, operation: Operation, draft: CallDraft) -> None:
        """Add credentials, by the first scheme whose values are known; the author's come first."""
        if operation.schemes is None:
            if self.given.token:
                draft.put_credential(Scheme("", "Bearer"), f"Bearer {self.given.token}")
            return
        said = self._settings.credentials
        for way in sorted(
            operation.schemes, key=lambda way: not all(each.name in said for each in way)
        ):
            known = [(scheme, self._credential(scheme) or "") for scheme in way]
            if all(value for _, value in known):
                for scheme, value in known:
                    draft.put_credential(scheme, value)
                return

    def _credential(self, scheme: Scheme) -> str | None:
        said = self._settings.credentials.get(scheme.name)
        if scheme.kind == "apiKey":
            return said or self.given.named(scheme.parameter)
        if said is not None and scheme.kind == "Basic" and ":" in said:
            from base64 import b64encode

            said = b64encode(said.encode()).decode()
        if said is not None and said.lower().startswith(f"{scheme.kind.lower()} "):
            return said
        value = said or (self.given.token if scheme.kind == "Bearer" else None)
        return f"{scheme.kind} {value}" if value else None

    def _known(self, operation: Operation, parameter: Parameter) -> Any:
        said = self._settings.fields.get(parameter.name)
        if said is not None:
            return said
        given = self._given(operation, parameter)
        if given is not None:
            return given
        schema = parameter.schema
        if parameter.examples:
            return plain_value(parameter.examples[0])
        return next((schema[each] for each in ("example", "const", "enum") if each in schema), None)

    def _given(self, operation: Operation, parameter: Parameter) -> str | None:
        """Return a known value for a parameter, if its schema allows it."""
        given = self.given.value_of(operation, parameter)
        if given is None:
            return None
        allowed = parameter.schema.get("enum")
        if isinstance(allowed, list) and given not in map(str, allowed):
            return None
        kind = kind_of(parameter.schema)
        if kind in ("object", "array", "boolean") or (kind == "integer" and not _is_number(given)):
            return None
        return given

    def _value(self, operation: Operation, parameter: Parameter, variant: int) -> Any:
        said = self._settings.fields.get(parameter.name)
        given = said if said is not None else self._given(operation, parameter)
        if given is not None:
            return given
        if parameter.examples:
            return plain_value(parameter.examples[variant % len(parameter.examples)])
        made = SchemaValues(self._description, self._settings.fields, branch=variant)
        value = made.of(parameter.schema, parameter.name)
        if parameter.where == "path" and value == ANY_NUMBER:
            return 1  # most services begin to count at 1
        return value

    def _body(self, body: Body, variant: int) -> Any:
        made = next(islice(self._bodies(body), variant, None))
        if not isinstance(made, dict):
            return made
        return {name: self._referred(name, value) for name, value in made.items()}

    def _referred(self, name: str, value: Any) -> Any:
        """Return the known id of the thing that a field such as trip_id names, else its value."""
        if name in self._settings.fields:
            return value
        given = self.given.of_thing(name)
        if given is None and "token" in name.lower():
            given = self.given.named(name)
        if given is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(given) if _is_number(given) else value
        return given if isinstance(value, str) else value

    def _bodies(self, body: Body) -> Iterator[Any]:
        """Yield possible bodies, the likeliest first: examples, required fields, all fields."""
        for example in body.examples:
            yield self._with_fields(plain_value(example))
        fields = self._settings.fields
        for values in (
            SchemaValues(self._description, fields),
            SchemaValues(self._description, fields, full=True),
            SchemaValues(self._description, fields, branch=1),
            SchemaValues(self._description, fields, examples=False),
        ):
            yield values.of(body.schema, "body")

    def variants(self, operation: Operation) -> list[int]:
        """Return the ways to fill in an operation that differ; DAMAGE where there is none."""
        if operation.body is None:
            return [0]
        different: dict[str, int] = {}
        for number, body in enumerate(self._bodies(operation.body)):
            different.setdefault(json.dumps(body, sort_keys=True, default=str), number)
        return list(different.values())[:MOST_VARIANTS]

    def _with_fields(self, example: Any) -> Any:
        if not isinstance(example, dict):
            return example
        said = {name: each for name, each in self._settings.fields.items() if name in example}
        return {**example, **said}


def _is_number(text: str) -> bool:
    return text.isascii() and text.lstrip("-").isdecimal()


def _required(body: Body) -> list[str]:
    """Return the required fields of a body, and the fields of its first example."""
    required = body.schema.get("required") or ()
    examples = [each for each in body.examples[:1] if isinstance(each, dict)]
    return [str(each) for each in (*required, *(name for each in examples for name in each))]
