"""A conversation written as Python: `def script(http)`, with a client that speaks like requests."""

import importlib.util
import json as json_module
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from lab.check.budget import Spent
from lab.check.correlation import infer
from lab.check.conversation import Answer, Call, Conversation, plain
from lab.core.errors import LabError

Params = Mapping[str, Any] | list[tuple[str, Any]]


class Reply:
    """An answer as requests shows one."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.status_code = answer.status
        self.headers = {name.title(): value for name, value in answer.headers}
        self.content = answer.body

    @property
    def ok(self) -> bool:
        """Whether there is an answer and it is no error."""
        return self.status_code is not None and self.status_code < 400

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body's JSON; ValueError if it is none."""
        return json_module.loads(self.content)

    def __repr__(self) -> str:
        return f"<Reply {self.status_code}>"


class Http:
    """What a script is given: get, post, put, patch, delete, head, options, request."""

    def __init__(self, send: Callable[[Call], Answer], script: Path) -> None:
        self.calls: list[Call] = []
        self.answers: list[Answer] = []
        self._send = send
        self._script = script

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | str | bytes | None = None,
    ) -> Reply:
        """Send one request to the service; the client keeps its cookies. `path` begins with /."""
        kind, body = _body(json, data)
        given = dict(headers or {})
        if kind and not any(name.lower() == "content-type" for name in given):
            given["Content-Type"] = kind
        call = Call(
            method.upper(),
            plain(_path(path, params)),
            tuple((str(name), plain(str(value))) for name, value in given.items()),
            None if body is None else plain(body),
            self._line(),
        )
        answer = self._send(call)
        self.calls.append(call)
        self.answers.append(answer)
        return Reply(answer)

    def get(self, path: str, **how: Any) -> Reply:
        """GET."""
        return self.request("GET", path, **how)

    def post(self, path: str, **how: Any) -> Reply:
        """POST."""
        return self.request("POST", path, **how)

    def put(self, path: str, **how: Any) -> Reply:
        """PUT."""
        return self.request("PUT", path, **how)

    def patch(self, path: str, **how: Any) -> Reply:
        """PATCH."""
        return self.request("PATCH", path, **how)

    def delete(self, path: str, **how: Any) -> Reply:
        """DELETE."""
        return self.request("DELETE", path, **how)

    def head(self, path: str, **how: Any) -> Reply:
        """HEAD."""
        return self.request("HEAD", path, **how)

    def options(self, path: str, **how: Any) -> Reply:
        """OPTIONS."""
        return self.request("OPTIONS", path, **how)

    def _line(self) -> str:
        stack = traceback.extract_stack()
        theirs = [frame for frame in stack if Path(frame.filename) == self._script]
        return f"{self._script.name}:{theirs[-1].lineno}" if theirs else self._script.name


@dataclass(frozen=True)
class ScriptSource:
    """A Python file with `def script(http)`; it is run once, against a process of the service."""

    path: Path

    def hold(self, send: Callable[[Call], Answer]) -> Conversation:
        """Run the script and return what it said, with the values it was given referred to."""
        script = _load(self.path)
        http = Http(send, self.path.absolute())
        try:
            with redirect_stdout(sys.stderr):  # what it prints is no part of our report
                script(http)
        except (KeyboardInterrupt, LabError, Spent):
            raise
        except (Exception, SystemExit) as error:
            raise LabError(_where(error, self.path, http)) from None
        if not http.calls:
            raise LabError(f"{self.path}: the script sent no request")
        return infer(Conversation(tuple(http.calls), self.path.name), http.answers)


def _load(path: Path) -> Callable[[Http], object]:
    spec = importlib.util.spec_from_file_location(f"check_{path.stem}", path.absolute())
    if spec is None or spec.loader is None:
        raise LabError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.absolute().parent))  # as `python path` has it
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except FileNotFoundError:
        raise LabError(f"no such file: {path}") from None
    except (Exception, SystemExit) as error:
        raise LabError(f"{path} cannot be read: {type(error).__name__}: {error}") from None
    finally:
        sys.path.pop(0)
    script: Callable[[Http], object] | None = getattr(module, "script", None)
    if not callable(script):
        raise LabError(f"{path} has no function `script(http)`")
    return script


def _where(error: BaseException, path: Path, http: Http) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if Path(frame.filename) == path.absolute()]
    line = f":{theirs[-1].lineno}" if theirs else ""
    before = ""
    if http.calls:
        before = f"; the request before: {http.calls[-1].title} -> {http.answers[-1].status}"
    return f"{path}{line}: {type(error).__name__}: {error}{before}"


def _path(path: str, params: Params | None) -> str:
    parts = urlsplit(path)
    if not path.startswith("/") or parts.netloc:
        raise LabError(f"{path!r}: give the path alone, beginning with / (the service moves)")
    if not params:
        return path
    pairs = params.items() if isinstance(params, Mapping) else params
    return f"{path}{'&' if parts.query else '?'}{urlencode(list(pairs), doseq=True)}"


def _body(json: Any, data: Mapping[str, Any] | str | bytes | None) -> tuple[str, str | None]:
    if json is not None:
        return "application/json", json_module.dumps(json)
    if isinstance(data, Mapping):
        return "application/x-www-form-urlencoded", urlencode(data, doseq=True)
    if isinstance(data, bytes):
        return "", data.decode("utf-8", "surrogateescape")
    return "", data
