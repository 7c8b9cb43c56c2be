"""Ports: different ones, free ones, and a clear word when one is taken."""

import socket

import pytest

from lab.core.errors import LabError
from lab.processes.ports import CAN_HOLD, FIRST, LAST, claim, free_ports, hold_ports, is_open


def test_ports_are_all_different_free_and_away_from_outgoing_connections():
    ports = free_ports(40)
    assert len(set(ports)) == 40
    assert all(FIRST <= port < LAST for port in ports)
    assert not any(map(is_open, ports))


def test_taken_port_is_refused_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_open(port)
        with pytest.raises(LabError, match=rf"port {port} is taken.*--port 0"):
            claim(port)
    assert not is_open(port)


def test_zero_is_any_and_a_free_one_is_itself():
    (port,) = free_ports(1)
    assert claim(port) == port
    assert FIRST <= claim(0) < LAST


@pytest.mark.skipif(not CAN_HOLD, reason="Linux only")
def test_held_port_refuses_connections_and_is_free_to_no_one_until_it_is_released():
    (held,) = hold_ports(1)
    try:
        assert held.is_shared
        assert not is_open(held.number)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", held.number))
        assert not set(hold_ports_of(200)) & {held.number}
        with socket.create_server(("127.0.0.1", held.number), reuse_port=True):
            assert is_open(held.number)
        assert not is_open(held.number)
    finally:
        held.release()
    held.release()
    assert claim(held.number) == held.number


def hold_ports_of(count):
    found = hold_ports(count)
    for each in found:
        each.release()
    return [each.number for each in found]
