"""Errors as problem details (RFC 9457): title, status, and what to do next."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from lab.console.admission import Crowded
from lab.console.orders import BadOrder
from lab.console.places import Full
from lab.core.errors import LabError

RETRY_AFTER_S = 5
UNEXPECTED = "the console failed: reload the page; the terminal of `lab up` shows why"


@dataclass(frozen=True)
class ErrorAnswer:
    """How an error is answered."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The answer's body."""
        members = {"title": self.title, "status": self.status, "detail": self.detail}
        return json.dumps(members).encode()


def problem_of(error: Exception) -> ErrorAnswer:
    """Return how to answer an error; 500 for one that is not expected."""
    match error:
        case HTTPException():
            allow = error.valid_methods if isinstance(error, MethodNotAllowed) else None
            headers = {"Allow": ", ".join(sorted(allow))} if allow else {}
            return ErrorAnswer(error.code or 500, error.name, _detail(error), headers)
        case Full():
            retry = {"Retry-After": str(RETRY_AFTER_S)}
            return ErrorAnswer(503, "Too many pages", str(error), retry)
        case Crowded():
            retry = {"Retry-After": str(error.retry_after_s)}
            return ErrorAnswer(error.status, "Too many customers", str(error), retry)
        case BadOrder():
            return ErrorAnswer(422, "Unprocessable order", str(error))
        case LabError():
            return ErrorAnswer(409, "Not possible now", str(error))
        case _:
            return ErrorAnswer(500, "Unexpected", UNEXPECTED)


def _detail(error: HTTPException) -> str:
    if isinstance(error, NotFound) and error.description == NotFound.description:
        return "there is nothing at this path: the page is at /"
    return error.description or ""
