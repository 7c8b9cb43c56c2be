"""Reads the reply to a JSON-RPC request out of an answer: of JSON, or of an event stream."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from lab.core.http import Answer, Headers
from lab.core.json_object import JsonObject, json_or_none
from lab.core.text import one_line

MOST_SAID = 200  # characters of an error
_EVENT_STREAM, _JSON_TYPE = "text/event-stream", "application/json"
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Reply:
    """A result, or why there is none ("" with a result); `code` of a JSON-RPC error, else None."""

    result: JsonObject | None = None
    error: str = ""
    code: int | None = None
    data: Any = None


def id_of(body: str) -> object:
    """Return the id of a request; None for a notification, and for text that is not a message."""
    message = json_or_none(body)
    return message.get("id") if isinstance(message, dict) else None


def has_come(body: bytes, number: object) -> bool:
    """Return True if an event stream already contains the reply to a request."""
    if not body.endswith((b"\n", b"\r")):
        return False
    return any(_replies(each, number) for each in _messages(body))


def as_one_message(answer: Answer, number: object) -> Answer:
    """Return the answer with only the reply as its JSON body, if it contains one."""
    if _media_type(answer) == _EVENT_STREAM:
        found = [each for each in _messages(answer.content) if _replies(each, number)]
    elif isinstance(answer.body, list):  # a batch, as 2025-03-26 has it
        found = [each for each in answer.body if _replies(each, number)]
    else:
        return answer
    if not found:
        return answer
    kind = ("content-type", _JSON_TYPE)
    pairs = [kind if pair[0] == kind[0] else pair for pair in answer.headers.pairs]
    body = json.dumps(found[-1]).encode()
    return replace(answer, headers=Headers(pairs), content=body, complete=True, events=0)


def reply_of(answer: Answer, number: object) -> Reply:
    """Return the reply to a request in an answer, which holds one message."""
    if answer.status is None:
        return Reply(error=str(answer.error))
    message = answer.body
    if not isinstance(message, dict):
        why = f"answered {answer.status} with something other than a whole JSON-RPC message"
        said = one_line(answer.text[:MOST_SAID], MOST_SAID)
        return Reply(error=f"{why}: {said or 'the body is empty'}")
    if isinstance(error := message.get("error"), dict):
        code = error.get("code")
        said = one_line(str(error.get("message")), MOST_SAID)
        whole = isinstance(code, int) and not isinstance(code, bool)
        return Reply(
            error=f"answered {answer.status}, error {code}: {said}",
            code=code if whole else None,
            data=error.get("data"),
        )
    if not _replies(message, number) or not answer.ok:
        given = one_line(repr(message.get("id")), 40)
        return Reply(error=f"answered {answer.status}, with id {given} and no result for {number}")
    return Reply(message["result"])


def _messages(body: bytes) -> Iterator[Any]:
    for data in _events(body.decode("utf-8", "replace")):
        try:
            yield json.loads(data)
        except (ValueError, RecursionError):
            continue


def _events(text: str) -> Iterator[str]:
    """Yield the data of each event, except of one that was cut off (HTML standard, 9.2.6)."""
    data: list[str] = []
    lines = _LINE_END.split(text.removeprefix("\ufeff"))
    for line in lines[:-1]:  # the last has no end
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif not line:
            if data:
                yield "\n".join(data)
            data = []


def _replies(message: Any, number: object) -> bool:
    """Return True if a message replies to this request: 1 is neither "1" nor true."""
    if not isinstance(message, dict) or type(message.get("id")) is not type(number):
        return False
    named = message["id"] == number
    return named and (isinstance(message.get("result"), dict) or "error" in message)


def _media_type(answer: Answer) -> str:
    return (answer.header("content-type") or "").partition(";")[0].strip().lower()
