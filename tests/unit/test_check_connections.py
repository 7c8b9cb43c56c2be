"""Each connection of a process on a machine of its own is known, however short it is."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from lab.check.machine import CannotIsolate, Machine
from lab.check.peers import Peers

if sys.platform != "linux":
    pytest.skip("Linux reports connections", allow_module_level=True)

from lab.check.connections import SOMEWHERE, Connections, read_address
from lab.check.sockets import UNIX

CONNECT = "import socket, sys\n{0} = socket.create_connection(('127.0.0.1', {1})); {0}.close()"


@pytest.fixture
def connections():
    watching = Connections()
    yield watching
    watching.close()
    watching.close()


@pytest.fixture
def machine():
    try:
        with Machine() as view:
            yield view
    except CannotIsolate as reason:
        pytest.skip(str(reason))


@contextmanager
def store() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def made_by(machine, connections, code, *words):
    """Return what a program of Python connects to, once it has ended."""
    command = machine.command([sys.executable, "-I", "-c", code, *words], connections.name)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = process.communicate(timeout=60)[0]
    return connections.made_by(process.pid), said


def test_connections_are_known_also_of_what_it_starts(machine, connections):
    with store() as port:
        short = CONNECT.format("s", port)
        code = f"import os\nfor _ in range(50):\n  if os.fork() == 0:\n    exec({short!r})\n"
        code += "    os._exit(0)\n  os.wait()\n"
        found, _ = made_by(machine, connections, code)
        assert found == [("127.0.0.1", port)] * 50
        other, _ = made_by(machine, connections, "print('nothing')")
        assert other == []


def test_connection_is_made_and_answered(machine, connections):
    with store() as port:
        code = f"import socket\ns = socket.create_connection(('127.0.0.1', {port}))\n"
        code += "print(s.getpeername())"
        assert made_by(machine, connections, code)[1].strip() == f"('127.0.0.1', {port})"


def test_unix_sockets_are_reached_and_known_by_their_path(connections, tmp_path, request):
    code = """
import socket, sys
for name in sys.argv[1:]:
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(name.replace("@", chr(0)))
        except OSError as error:
            print(type(error).__name__)
"""
    path = str(tmp_path / "store.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as hidden:
        listener.bind(path)
        listener.listen()
        hidden.bind(f"\0two-desks-test-{os.getpid()}")
        hidden.listen()
        names = (path, f"@two-desks-test-{os.getpid()}", str(tmp_path / "is not there"))
        machine = request.getfixturevalue("machine")  # a service that runs before the check
        found, said = made_by(machine, connections, code, *names)
    assert found == [(path, UNIX), (names[1], UNIX)]
    assert said.split() == ["FileNotFoundError"]


def test_datagrams_and_a_port_without_a_listener_are_no_store(machine, connections):
    with store() as port:
        pass
    code = f"""
import socket
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.connect((host, 53))
try:
    socket.create_connection(("127.0.0.1", {port}))
except OSError as error:
    print(type(error).__name__)
"""
    assert made_by(machine, connections, code) == ([], "ConnectionRefusedError\n")


def test_address_that_cannot_be_read_is_not_left_out(machine, connections):
    code = """
import ctypes, socket
libc = ctypes.CDLL(None)
with socket.socket() as s:
    print(libc.connect(s.fileno(), ctypes.c_void_p(1), 16))
"""
    assert made_by(machine, connections, code) == ([SOMEWHERE], "-1\n")


def test_io_uring_is_not_there(machine, connections):
    code = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    code += "libc.syscall(425, 1, None); print(ctypes.get_errno())"
    assert made_by(machine, connections, code)[1] == "38\n"


def test_program_runs_where_the_lab_does_not_listen(machine):
    command = machine.command([sys.executable, "-I", "-c", "print('runs')"], "no such lab")
    assert subprocess.run(command, capture_output=True, text=True).stdout == "runs\n"


def test_stranger_at_the_door_is_no_process_of_ours(connections, machine):
    for sent in (b"", b"."):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(f"\0{connections.name}")
            stranger.send(sent)
    with store() as port:
        found, _ = made_by(machine, connections, CONNECT.format("s", port))
    assert found == [("127.0.0.1", port)] and connections.made_by(os.getpid()) is None


def test_process_that_takes_its_time_is_known_and_holds_up_no_other(connections, machine):
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as slow, store() as port:
        slow.connect(f"\0{connections.name}")
        found, _ = made_by(machine, connections, CONNECT.format("s", port))
        assert found == [("127.0.0.1", port)]
        socket.send_fds(slow, [b"."], [reading])
        assert slow.recv(1) == b"." and connections.made_by(os.getpid()) == []
    os.close(reading)
    os.close(writing)


def test_program_ends_if_the_lab_goes_away_in_between(machine):
    with socket.socket(socket.AF_UNIX) as lab:
        lab.bind(f"\0two-desks-test-{os.getpid()}")
        lab.listen()
        words = [sys.executable, "-I", "-c", "print('runs')"]
        command = machine.command(words, f"two-desks-test-{os.getpid()}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            caller, _ = lab.accept()
            caller.recv(1)
            caller.close()
            said, error = process.communicate(timeout=60)
    assert (said, process.returncode) == (b"", 1)
    assert b"the lab does not listen any more" in error


@pytest.mark.parametrize(
    ("sockaddr", "end"),
    [
        (b"", None),
        (b"\x02", None),
        (b"\x02\0\0\x50\x7f\0\0", None),
        (b"\x02\0\0\x50\x7f\0\0\x01", ("127.0.0.1", 80)),
        (b"\x02\0\0\x50\0\0\0\0", ("127.0.0.1", 80)),
        (b"\x0a\0\0\x50" + bytes(4) + bytes(16), ("::1", 80)),
        (b"\x0a\0\0\x50" + bytes(4) + bytes(10) + b"\xff\xff\x0a\0\0\x01", ("10.0.0.1", 80)),
        (b"\x0a\0\0\x50" + bytes(4), None),
        (b"\x01\0", None),
        (b"\x01\0/run/store\0rest", ("/run/store", UNIX)),
        (b"\x01\0\0name", ("@name", UNIX)),
        (b"\x01\0\xff", ("�", UNIX)),
        (b"\x10\0" + bytes(10), None),  # of the system
        (b"\0\0" + bytes(14), None),  # it is disconnected
    ],
)
@pytest.mark.skipif(sys.byteorder == "big", reason="bytes of a little-endian machine")
def test_address_is_read(sockaddr, end):
    assert read_address(sockaddr) == end


def test_unix_socket_of_its_own_is_reached(machine, connections, tmp_path):
    code = """
import socket, sys
with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
    listener.bind(sys.argv[1])
    listener.listen()
    client.connect(sys.argv[1])
    print("reached")
"""
    assert made_by(machine, connections, code, str(tmp_path / "own"))[1] == "reached\n"


class Reporting:
    """A process that reports its connections."""

    port = 2

    def __init__(self, *at_start):
        self.connects_to = [*at_start]

    def family(self):
        return [psutil.Process()]


def test_service_talks_to_what_it_connects_to_after_its_start():
    process, seen = Reporting(("10.0.0.1", 1)), Peers()
    with seen.watch(process):
        process.connects_to += [("10.0.0.1", 3), ("127.0.0.1", 2), ("/run/nscd/socket", UNIX)]
    assert seen.shown == {"10.0.0.1:3"}
    process.connects_to.append(("/run/store.sock", UNIX))  # after its answer
    seen.catch_up()
    seen.catch_up()
    assert seen.shown == {"10.0.0.1:3", "unix socket /run/store.sock"} and seen.local() == []
