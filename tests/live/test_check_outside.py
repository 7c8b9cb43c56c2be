"""`lab check` on a service whose state is behind connections too short to be seen by looking."""

import json
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

import pytest

SERVICE = Path(__file__).parent / "services" / "short_store.py"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux reports connections")
TALK = 'def script(http):\n    http.post("/login", json={})\n    http.get("/me")\n'


NAMES = set()


class Store(socketserver.StreamRequestHandler):
    """Keeps names; FLUSH forgets all of them."""

    def handle(self):
        verb, _, name = self.rfile.readline().decode().strip().partition(" ")
        {"SET": NAMES.add, "FLUSH": lambda _: NAMES.clear()}.get(verb, str)(name)
        self.wfile.write(b"yes" if name in NAMES else b"no")


@pytest.fixture(params=["tcp", pytest.param("unix", marks=pytest.mark.long)])
def store(request, tmp_path):
    """Where a store is that no check has started."""
    NAMES.clear()
    kind, at = {
        "tcp": (socketserver.TCPServer, ("127.0.0.1", 0)),
        "unix": (socketserver.UnixStreamServer, str(tmp_path / "store.sock")),
    }[request.param]
    with kind(at, Store) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield str(server.server_address[1] if request.param == "tcp" else server.server_address)
        server.shutdown()
        thread.join()


def check(folder, place, *options):
    (folder / "talk.py").write_text(TALK)
    start = f"{sys.executable} -I -S {SERVICE} {place} {{port}}"
    words = [sys.executable, "-m", "lab", "check", "--json", "--start", start, *options, "talk.py"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=200)
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def test_connection_of_each_request_is_seen_however_short(tmp_path, store):
    report = check(tmp_path, store)
    assert report["verdict"] == "unknown"
    named = f"127.0.0.1:{store}" if store.isdigit() else f"unix socket {store}"
    assert f"it talks to {named}" in report["because"]


def test_service_behind_it_is_a_backing_service(tmp_path, store):
    code = f"import sys; sys.path.insert(0, {str(SERVICE.parent)!r}); sys.argv[1] = {store!r}\n"
    (tmp_path / "flush.py").write_text(f"{code}from short_store import ask\nask('FLUSH')\n")
    report = check(tmp_path, store, "--reset", f"{sys.executable} -S flush.py x")
    assert report["verdict"] == "state in a backing service", report["because"]
