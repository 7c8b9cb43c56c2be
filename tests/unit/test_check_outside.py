"""What is seen of the things behind a service."""

import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import psutil
import pytest
from conftest import wait_for

from lab.check import outside, peers
from lab.check.family import listening
from lab.check.outside import Outside
from lab.check.peers import Peers
from lab.check.sockets import connected, unix_peers
from lab.check.start import Start


class WithoutOwnDisk:
    """A pool of processes on a system that gives none a disk of its own."""

    start = Start("serve {port}")
    isolation = "only Linux can"


class WithOwnDisk:
    """A pool whose processes write in a view of their own."""

    isolation = ""

    def __init__(self, *written, shared=()):
        self.written = list(written)
        self.start = Start("serve {port}", shared=shared)


def test_files_on_a_disk_of_their_own_are_known_from_it(tmp_path):
    pool = WithOwnDisk()
    seen = Outside(pool, tmp_path, tmp_path / "own")
    seen.look()
    (tmp_path / "of somebody else").write_text("x")
    seen.look()
    assert seen.disk == []
    pool.written = ["/var/lib/sessions/1"]
    seen.look()
    assert seen.disk == ["it wrote /var/lib/sessions/1"] and seen.network == []


def test_change_on_a_shared_volume_is_behind_the_service_and_not_on_its_disk(tmp_path):
    pool = WithOwnDisk(shared=(tmp_path,))
    seen = Outside(pool, tmp_path / "service", tmp_path / "own")
    seen.look()
    assert seen.touched == []
    (tmp_path / "notes.db").write_text("x")
    seen.look()
    assert seen.network == [f"it wrote {tmp_path / 'notes.db'}, which is shared"]
    process = SimpleNamespace(
        family=lambda: [psutil.Process()],
        port=1,
        child=SimpleNamespace(log_path=tmp_path / "log"),
    )
    with (tmp_path / "open").open("w"), (tmp_path.parent / "own.db").open("w"):
        seen.ask(process, process.family())
    assert not any(str(tmp_path / "open") in each for each in seen.disk)
    assert any("own.db" in each for each in seen.disk)


def test_files_that_change_are_seen_and_our_own_are_not(tmp_path):
    own = tmp_path / "20260101-check"
    own.mkdir()
    seen = Outside(WithoutOwnDisk(), tmp_path, own)  # as with --out .
    seen.look()
    (own / "service.log").write_text("x")
    seen.look()
    assert seen.touched == []
    (tmp_path / "cart.db").write_text("x")
    seen.look()
    assert seen.touched == ["it wrote cart.db"] and seen.caveat == ""


def test_folder_that_is_too_full_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(outside, "MOST_FILES", 3)
    for number in range(3):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "file").write_text("x")
        (tmp_path / f"{number}" / "other").write_text("x")
    seen = Outside(WithoutOwnDisk(), tmp_path, tmp_path / "own")
    seen.look()
    assert "only the first were looked at" in seen.caveat


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_unix_socket_is_seen_from_the_end_that_has_no_name(tmp_path):
    family = [psutil.Process()]
    before = set(unix_peers(family))
    assert unix_peers([]) == []
    # Both ends are ours: nothing outside.
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "store.sock"))
        listener.listen()
        thread = threading.Thread(target=lambda: listener.accept()[0].close())
        thread.start()
        client.connect(str(tmp_path / "store.sock"))
        thread.join()
        assert set(unix_peers(family)) == before


def test_connection_of_a_moment_is_seen_while_it_is_open(monkeypatch):
    looks = []

    def look(*of):
        found = connected(*of)
        looks.append(found)
        return found

    monkeypatch.setattr(peers, "connected", look)
    with socket.create_server(("127.0.0.1", 0)) as store:
        port = store.getsockname()[1]
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {port})).recv(1)"
        client = subprocess.Popen([sys.executable, "-I", "-S", "-c", code])
        seen = Peers()
        family = [psutil.Process(client.pid)]
        process = SimpleNamespace(family=lambda: family, port=1, connects_to=None)
        with seen.watch(process):
            connection = store.accept()[0]
            wait_for(lambda: connected(process.family(), 1))
            before = len(looks)
            wait_for(lambda: len(looks) > before + 1)  # one that began after it was there
            connection.close()
        client.wait()
    assert seen.local() == [port]


def test_ports_of_a_process_are_seen_and_no_other_ones():
    here = psutil.Process()
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as other,
    ):
        ports = {each.getsockname()[1] for each in (one, other)}
        assert ports <= listening(here)
        assert not ports & listening(psutil.Process(1))
    assert not ports & listening(here)
