"""Whose program listens on the port that a checked service was given."""

import os
import socket
import sys

import psutil
import pytest

from lab.check import family, launcher
from lab.check.family import is_a_strangers
from lab.check.sockets import listening_users

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux says whose a socket is")


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_users_of_a_port_are_those_of_its_listening_sockets(port):
    assert listening_users(port) == {os.geteuid()}
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        assert listening_users(held.getsockname()[1]) == set()


@pytest.mark.parametrize(
    ("users", "is_strange"), [(set(), False), ({0}, False), ({4242}, True), ({0, 4242}, True)]
)
def test_port_of_another_user_is_a_strangers_unless_the_service_itself_listens(
    monkeypatch, port, users, is_strange
):
    monkeypatch.setattr(family, "listening_users", lambda port: users)
    assert is_a_strangers(port, []) is is_strange
    # A service that gives up its rights, as root may start one.
    assert not is_a_strangers(port, [psutil.Process()])


def test_own_port_is_no_strangers(port):
    assert not is_a_strangers(port, [])


def test_refusal_says_what_to_do():
    said = launcher.TAKEN.format(port=20001)
    assert "port 20001" in said and "end it" in said
