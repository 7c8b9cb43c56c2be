"""One exchange of a check with a student's service, and the lines for curl that repeat it."""

import json
from collections.abc import Callable
from typing import Any

from requests import PreparedRequest

from lab.core.http import Answer, TransportError, WithAnswer
from lab.core.shell import body_words, curl_line, quoted
from lab.core.text import one_line
from lab.exercises.declare import NotMet

_MOST_BODY_SHOWN = 160  # characters of a body
_UNSAID = ("content-length", "user-agent", "accept", "accept-encoding", "connection", "host")


class HttpExchange(WithAnswer):
    """A request and its answer. Its methods raise NotMet if the answer is not as asked for.

    `number` counts the servers of a check: evidence names server 1 as port 8001.
    """

    def __init__(
        self,
        number: int,
        path: str,
        sent: PreparedRequest,
        answer: Answer,
        history: Callable[["HttpExchange"], str],
    ) -> None:
        self.method = sent.method or "GET"
        self.path = path
        self._answer = answer
        self.curl = _curl(number, path, sent)
        self._history = history

    @property
    def answer(self) -> Answer:
        """The answer alone; its `status` is None if none came."""
        return self._answer

    @property
    def status_code(self) -> int:
        """The status of the answer."""
        if self.answer.status is None:
            raise NotMet(f"{self.line}: {self.answer.error}", evidence=self)
        return self.answer.status

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.status_code

    @property
    def error(self) -> str | None:
        """Why no answer came, as a sentence; None if one came."""
        return self.answer.error

    @property
    def failure(self) -> TransportError | None:
        """Why no answer came, as a typed error; None if one came."""
        return self.answer.failure

    @property
    def line(self) -> str:
        """The request's method and path."""
        return f"{self.method} {one_line(self.path, 80)}"

    def json(self) -> Any:
        """Return the body's JSON."""
        if not self.is_json:
            raise NotMet(
                f"{self.line} answers {self.status} with a body that is not JSON",
                evidence=self,
                help="Answer with JSON, and with Content-Type: application/json.",
            )
        return self.body

    def value(self, *keys: str | int) -> Any:
        """Return what stands in the JSON at these keys: `answer.value("items", 0, "id")`."""
        value = self.json()
        for key in keys:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                place = "".join(f"[{json.dumps(each)}]" for each in keys)
                raise NotMet(
                    f"the answer to {self.line} has no {place}",
                    evidence=self,
                    help=f"It must have {' > '.join(map(str, keys))}; see the README.",
                ) from None
        return value

    def require_status(self, *wanted: int, help: str = "") -> "HttpExchange":
        """Return this exchange if the answer has one of these statuses."""
        if self.status not in wanted:
            asked = " or ".join(map(str, wanted))
            raise NotMet(
                f"{self.line} answers {self.status}, and not {asked}", evidence=self, help=help
            )
        return self

    def summary(self) -> str:
        """Return the answer on one line: its status and the beginning of its body."""
        if self.answer.status is None:
            return f"no answer: {self.answer.error}"
        return f"{self.answer.status} {one_line(self.answer.text, _MOST_BODY_SHOWN)}".strip()

    def shown(self) -> str:
        """Return the lines for curl that led to this exchange and its own, with the answers."""
        return self._history(self)


def _curl(number: int, path: str, sent: PreparedRequest) -> str:
    body = sent.body or ""
    text = body.decode("utf-8", "backslashreplace") if isinstance(body, bytes) else str(body)
    headers = [
        (name, quoted(f"{name}: {value}"))
        for name, value in sent.headers.items()
        if name.lower() not in _UNSAID
    ]
    url = quoted(f"http://127.0.0.1:{8000 + number}{path}")
    return curl_line(sent.method or "GET", url, headers, body_words(text), jar=False)
