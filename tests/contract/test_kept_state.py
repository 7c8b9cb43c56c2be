"""What was kept by another version, or written by a stranger: a cart, a 401, and never a 500."""

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import redis

import stateful_app
from lab.shop.cart import SessionState
from lab.shop.http import ConfigError
from stateful_app.config import Config as StatefulConfig

from .conftest import Customer, Desk, Valkey, stateful
from .test_bad_input import problem

GOOD = {"user_id": "123", "name": "John", "lines": {"pen": 1}, "revision": 1}


def keep(desk: Desk, kept: Any, monkeypatch: pytest.MonkeyPatch) -> Customer:
    """Return a customer whose session holds `kept`, as another version might have written it."""
    customer = desk.customer()
    with monkeypatch.context() as other_version:
        other_version.setattr(SessionState, "to_dict", lambda self: kept)
        assert customer.add().status_code == 201
    return customer


def test_product_that_left_the_catalogue_leaves_the_cart(desk, monkeypatch) -> None:
    kept = GOOD | {"lines": {"fax": 2, "pen": 3}}
    customer = keep(desk, kept, monkeypatch)
    shown = customer.view()
    assert shown.status_code == 200
    assert shown.json["withdrawn"] == ["fax"]
    assert [(line["sku"], line["quantity"]) for line in shown.json["cart"]["lines"]] == [("pen", 3)]
    changed = customer.add("mouse")
    assert changed.status_code == 201
    assert "withdrawn" not in customer.view().json


NONSENSE = {
    "nothing": {},
    "no state": None,
    "a list": [1],
    "text": "cart",
    "no name": {name: value for name, value in GOOD.items() if name != "name"},
    "text as quantity": GOOD | {"lines": {"pen": "2"}},
    "a negative quantity": GOOD | {"lines": {"pen": -1}},
    "a quantity of nought": GOOD | {"lines": {"pen": 0}},
    "half a pen": GOOD | {"lines": {"pen": 0.5}},
    "more than are sold": GOOD | {"lines": {"pen": 100}},
    "a list of lines": GOOD | {"lines": ["pen"]},
    "a negative revision": GOOD | {"revision": -1},
    "a revision past all counting": GOOD | {"revision": 2**64 - 1},
    "a number as name": GOOD | {"name": 5},
    "an address in parts": GOOD | {"shipping_address": ["1 Main Street"]},
}


@pytest.mark.parametrize("kept", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_not_logged_in(desk, kept, monkeypatch) -> None:
    customer = keep(desk, kept, monkeypatch)
    for answer in (customer.view(), customer.add(), customer.request("POST", "/api/checkout")):
        assert problem(answer)["type"] == "urn:problem:two-desks:not-logged-in"
        assert answer.headers["WWW-Authenticate"]
    assert customer.login().status_code == 200
    assert customer.add().status_code == 201


class Canary:
    """A pickle that leaves a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


BYTES = {
    "junk": b"\xff\xfe junk",
    "nothing": b"",
    "a number": b"\x05",
    "text keys only": b"\x81\x01\x02",
    "nested deeper than any stack": b"\x81\xa1a" * 100_000 + b"\xc0",
}


@pytest.mark.parametrize("data", [*BYTES.values(), None], ids=[*BYTES, "a pickle"])
@pytest.mark.parametrize("store", ["file", "redis"])
def test_bytes_of_a_stranger_are_no_session(store, data, tmp_path, valkey: Valkey) -> None:
    canary = tmp_path / "canary"
    data = pickle.dumps({"state": GOOD, "x": Canary(canary)}) if data is None else data
    sessions = tmp_path / "sessions"
    desk = stateful(f"file:{sessions}" if store == "file" else valkey.url)
    customer = desk.customer()
    if store == "file":
        (file,) = sessions.iterdir()
        file.write_bytes(struct.pack("I", 0) + data)
    else:
        with redis.Redis.from_url(valkey.url) as client:
            prefix = desk.app.session_interface.key_prefix
            (key,) = client.keys(f"{prefix}*")
            client.set(key, data)
    assert problem(customer.view())["type"] == "urn:problem:two-desks:not-logged-in"
    assert not canary.exists()
    assert customer.login().status_code == 200


@pytest.mark.skipif(os.name != "posix", reason="mode bits are of POSIX systems")
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_directory_where_others_may_write_is_refused(mode: int, tmp_path: Path) -> None:
    tmp_path.chmod(mode)
    config = StatefulConfig.from_environ({"STATEFUL_STORE": f"file:{tmp_path}"})
    with pytest.raises(ConfigError, match="others may write"):
        stateful_app.create_app(config)
    tmp_path.chmod(0o755)
    stateful_app.create_app(config)


@pytest.mark.skipif(os.name != "posix", reason="mode bits are of POSIX systems")
def test_directory_below_one_of_others_is_refused(tmp_path: Path) -> None:
    config = StatefulConfig.from_environ({"STATEFUL_STORE": f"file:{tmp_path}/below/mine"})
    stateful_app.create_app(config)
    (tmp_path / "below").chmod(0o777)
    with pytest.raises(ConfigError, match="others may write"):
        stateful_app.create_app(config)
    (tmp_path / "below").chmod(0o1777)
    stateful_app.create_app(config)


def test_session_that_cannot_be_written_is_not_acknowledged(tmp_path, monkeypatch) -> None:
    sessions = tmp_path / "sessions"
    customer = stateful(f"file:{sessions}").customer()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("cachelib.file.tempfile.mkstemp", full)
        refused = customer.add()
    assert (refused.status_code, refused.mimetype) == (503, "application/problem+json")
    assert customer.view().json["cart"]["lines"] == []
