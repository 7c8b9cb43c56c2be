"""A conversation written as Python: `def script(http)`, with a client that speaks like requests."""

import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.check.budget import Spent
from lab.check.conversation import Call, Conversation, Send, plain
from lab.check.correlation import address_of, infer
from lab.check.sources.challenge import next_call
from lab.check.sources.script_error import ScriptError
from lab.core.errors import LabError
from lab.core.http import Answer
from lab.core.neighbours import reach_neighbours

MOST_REDIRECTS = 10
_SET_ANEW = frozenset({"content-length", "host", "cookie"})


class Http:
    """What a script is given: get, post, put, patch, delete, head, options, request, cookies."""

    def __init__(self, send: Send, script: Path) -> None:
        self.calls: list[Call] = []
        self.answers: list[Answer] = []
        self.cookies: dict[str, str] = {}
        self._send = send
        self._script = script

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        files: Any = None,
        auth: Any = None,
        allow_redirects: bool = False,
        timeout: object = None,
    ) -> Answer:
        """Send one request to the service; the client keeps its cookies. `path` begins with /.

        Redirects are followed only where `allow_redirects` asks for it. `auth` is as in requests,
        and may answer a challenge. `timeout` is that of the check (--timeout), whatever is given
        here. A whole URL is taken as its path where an answer gave it.
        """
        import requests

        path = self._path_of(path)
        # A lone surrogate cannot be written into a URL by requests; the wire writes it.
        given = {str(name): str(value) for name, value in (headers or {}).items()}
        asked = requests.Request(
            method.upper(),
            "http://service/",
            params=params,
            json=json,
            data=data,
            files=files,
        ).prepare()
        query = asked.path_url.partition("?")[2]
        if query:
            path = f"{path}{'&' if '?' in path else '?'}{query}"
        if auth is not None:  # it may compute from the path
            asked.url = requests.utils.requote_uri(f"http://service{path}")
            asked.prepare_auth(auth)
        named = {name.lower() for name in given}
        made = {n: _str(v) for n, v in asked.headers.items() if n.lower() not in _SET_ANEW | named}
        call = Call(
            method.upper(),
            plain(path),
            tuple((name, plain(value)) for name, value in {**given, **made}.items()),
            None if asked.body is None else plain(_str(asked.body)),
            self._line(),
        )
        answer = self._said(call)
        if (again := next_call(asked, call, answer)) is not None:
            answer = self._said(again)
        for _ in range(MOST_REDIRECTS if allow_redirects else 0):
            target = address_of(answer.header("location") or "")
            if answer.status not in (301, 302, 303, 307, 308) or not target.startswith("/"):
                break
            kept = answer.status in (307, 308)
            answer = self._said(
                Call(method.upper(), plain(target), call.headers, call.body, call.origin)
                if kept
                else Call("GET", plain(target), (), None, call.origin)
            )
        return answer

    def _path_of(self, path: str) -> str:
        host = urlsplit(path).netloc
        if path.startswith(("http://", "https://")) and any(
            f"//{host}/" in text for answer in self.answers for text in _given_by(answer)
        ):
            return address_of(path) or "/"
        _check_path(path)
        return path

    def _said(self, call: Call) -> Answer:
        answer = self._send(call)
        self.calls.append(call)
        self.answers.append(answer)
        self.cookies.update(answer.cookies)
        return answer

    def get(self, path: str, **how: Any) -> Answer:
        """GET."""
        return self.request("GET", path, **how)

    def post(self, path: str, **how: Any) -> Answer:
        """POST."""
        return self.request("POST", path, **how)

    def put(self, path: str, **how: Any) -> Answer:
        """PUT."""
        return self.request("PUT", path, **how)

    def patch(self, path: str, **how: Any) -> Answer:
        """PATCH."""
        return self.request("PATCH", path, **how)

    def delete(self, path: str, **how: Any) -> Answer:
        """DELETE."""
        return self.request("DELETE", path, **how)

    def head(self, path: str, **how: Any) -> Answer:
        """HEAD."""
        return self.request("HEAD", path, **how)

    def options(self, path: str, **how: Any) -> Answer:
        """OPTIONS."""
        return self.request("OPTIONS", path, **how)

    def _line(self) -> str:
        script = str(self._script)
        for frame, line in traceback.walk_stack(None):
            if frame.f_code.co_filename == script:
                return f"{self._script.name}:{line}"
        return self._script.name


@dataclass(frozen=True)
class ScriptSource:
    """A Python file with `def script(http)`; it is run once in every play."""

    path: Path

    def record(self, send: Send) -> Conversation:
        """Run the script and return what it said, with the values it was given referred to.

        Raise ScriptError where an assertion of it fails, LabError for any other error in it.
        """
        http: Http | None = None
        try:
            http = self._run(send)
        except ScriptError as error:
            if error.assertion:
                raise
            raise LabError(f"{self.path.parent / str(error)}") from None
        if not http.calls:
            raise LabError(f"{self.path}: the script sent no request")
        conversation = Conversation(tuple(http.calls), self.path.name, (), self._replay)
        return infer(conversation, http.answers)

    def _replay(self, send: Send) -> None:
        self._run(send)

    def _run(self, send: Send) -> Http:
        script = _load(self.path)
        http = Http(send, self.path.absolute())
        try:
            with redirect_stdout(sys.stderr):  # what it prints is not part of our report
                script(http)
        except (KeyboardInterrupt, LabError, Spent):
            raise
        except (Exception, SystemExit) as error:
            raise ScriptError(error, self.path) from None
        return http


def _load(path: Path) -> Callable[[Http], object]:
    spec = importlib.util.spec_from_file_location(f"check_{path.stem}", path.absolute())
    if spec is None or spec.loader is None:
        raise LabError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    reach_neighbours(path)
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except FileNotFoundError:
        raise LabError(f"no such file: {path}") from None
    except (Exception, SystemExit) as error:
        raise LabError(f"{path} cannot be read: {type(error).__name__}: {error}") from None
    script: Callable[[Http], object] | None = getattr(module, "script", None)
    if not callable(script):
        raise LabError(f"{path} has no function `script(http)`")
    return script


def _given_by(answer: Answer) -> list[str]:
    return [*(value for _, value in answer.headers.pairs), answer.text]


def _check_path(path: str) -> None:
    parts = urlsplit(path)
    if not path.startswith("/") or parts.netloc:
        raise LabError(f"{path!r}: give the path alone, beginning with / (the service moves)")


def _str(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
