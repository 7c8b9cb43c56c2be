"""Figure 2: a token made and read, against PyJWT and a raw HMAC, and its share of a request."""

import base64
import hashlib
import hmac
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import jwt
from flask import Flask
from measuring import Row, Scale, Side, alternate
from subjects import KEY, TOKEN, Line, customer, desk, goods

from lab.shop.cart import SessionState
from lab.shop.http import InstanceInfo
from stateless_app import create_app, state
from stateless_app.config import Config

LINES = (1, 20, 100, 500)
AUDIENCE = "two-desks"


def figure(scale: Scale) -> Iterator[Row]:
    """µs of CPU to make and to read one token; all three carry the same facts as JSON."""
    with desk(TOKEN) as server:
        for lines in LINES:
            session = SessionState(
                "123", "John", dict.fromkeys(goods(lines), 1), None, lines, "0" * 16
            )
            known = customer(f"http://127.0.0.1:{server.port}", lines)
            with closing(Line(server.port, "GET", "/api/cart", known)) as line:
                request = Side(line.ask, server.process, max(scale.batch // 3, 20))
                alternate(scale.rounds, request.run)
            yield from _rows(session, request.mean_cpu_ms * 1000, scale)


def _rows(session: SessionState, request_us: float, scale: Scale) -> Iterator[Row]:
    app = create_app(Config(InstanceInfo("benchmark"), (KEY,)))
    with app.app_context():
        token = state.token_for(session)
    known = {"Authorization": f"Bearer {token}"}
    with app.test_request_context(headers=known):
        rivals = {
            "ours": (lambda: state.token_for(session), state.current_session),
            "PyJWT": _pyjwt(session),
            "raw": _raw(session),
        }
        spent = {name: _Timed(make, read, scale) for name, (make, read) in rivals.items()}
        # In turn, so that a slow spell falls on all of them.
        alternate(scale.rounds, *(each.run for each in spent.values()))
        sizes = {name: len(make()) for name, (make, _) in rivals.items()}
    assert rivals["PyJWT"][1]() == rivals["raw"][1]() == session
    name = f"token, {len(session.lines)} lines"
    text = "; ".join(f"{name} {each.describe()}, {sizes[name]} B" for name, each in spent.items())
    yield Row(f"{name}: make + read", [s * 1e6 for s in spent["ours"].seconds], text, unit="µs")
    inside = [_inside(app, known, scale) for _ in range(scale.rounds)]
    yield Row(
        f"{name}: share of a request",
        [us / request_us for us in inside],
        f"a GET reads one token and makes one: {statistics.median(inside):.0f} µs in the signer "
        f"(nothing is as warm as in a loop) of {request_us:.0f} µs CPU",
    )


def _inside(app: Flask, known: dict[str, str], scale: Scale) -> float:
    """µs of CPU that the signer takes of a whole request."""
    signer = app.extensions["signer"]
    clocked = app.extensions["signer"] = _Clocked(signer)
    try:
        with app.test_client() as client:
            for _ in range(scale.batch):
                assert client.get("/api/cart", headers=known).status_code == 200
    finally:
        app.extensions["signer"] = signer
    return clocked.seconds * 1e6 / scale.batch


class _Clocked:
    """A signer that counts the time it takes."""

    def __init__(self, signer: Any) -> None:
        self._signer = signer
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def timed(*values: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return getattr(self._signer, name)(*values, **named)
            finally:
                self.seconds += time.thread_time() - began

        return timed


class _Timed:
    """Making and reading, in batches: CPU of this thread, so that a busy machine does no harm."""

    def __init__(
        self, make: Callable[[], object], read: Callable[[], object], scale: Scale
    ) -> None:
        self._sides = (make, read)
        self._batch = scale.batch
        self._seconds: list[tuple[float, float]] = []

    def run(self) -> None:
        """One batch of each."""
        self._seconds.append((self._timed(self._sides[0]), self._timed(self._sides[1])))

    @property
    def seconds(self) -> list[float]:
        """For one token made and read, round by round."""
        return [sum(each) for each in self._seconds]

    def describe(self) -> str:
        """Both medians."""
        make, read = (statistics.median(each) * 1e6 for each in zip(*self._seconds, strict=True))
        return f"{make:.0f} + {read:.0f} µs"

    def _timed(self, act: Callable[[], object]) -> float:
        act()
        began = time.thread_time()
        for _ in range(self._batch):
            act()
        return (time.thread_time() - began) / self._batch


def _pyjwt(session: SessionState) -> tuple[Callable[[], str], Callable[[], SessionState]]:
    def make() -> str:
        claims = {"aud": AUDIENCE, "iat": int(time.time()), "session": session.to_dict()}
        return jwt.encode(claims, KEY, "HS256")

    def read() -> SessionState:
        claims = jwt.decode(token, KEY, ["HS256"], audience=AUDIENCE)
        return SessionState.from_dict(claims["session"])

    token = make()
    return make, read


def _raw(session: SessionState) -> tuple[Callable[[], bytes], Callable[[], SessionState]]:
    """The least there is: JSON, base64, one HMAC-SHA-256. No expiry, no header, no checks."""

    def make() -> bytes:
        facts = json.dumps({"session": session.to_dict()}, separators=(",", ":")).encode()
        payload = base64.urlsafe_b64encode(facts)
        return payload + b"." + base64.urlsafe_b64encode(_sign(payload))

    def read() -> SessionState:
        payload, _, signature = token.partition(b".")
        assert hmac.compare_digest(base64.urlsafe_b64decode(signature), _sign(payload))
        return SessionState.from_dict(json.loads(base64.urlsafe_b64decode(payload))["session"])

    token = make()
    return make, read


def _sign(payload: bytes) -> bytes:
    return hmac.digest(KEY.encode(), payload, hashlib.sha256)
