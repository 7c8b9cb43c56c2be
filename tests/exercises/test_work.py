"""What a check can rely on: machines of their own, restarts, and services that do not start."""

import os
from pathlib import Path

import pytest
from conftest import processes_of

from lab.check.machine import CannotIsolate, Machine
from lab.exercises import NotMet
from lab.exercises.declare import CannotCheck
from lab.exercises.work import Work

pytestmark = pytest.mark.long
KEEPS = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(open({path!r}).read() if os.path.exists({path!r}) else "")

    def do_PUT(self):
        with open({path!r}, "w") as file:
            file.write(self.path)
        self.answer("")

    def answer(self, text):
        body = json.dumps({{"text": text, "name": os.environ.get("NAME")}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Server).serve_forever()
"""


@pytest.fixture
def work_of(tmp_path):
    """Make the work of a student from the text of app.py."""
    made = []

    def make(app):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "app.py").write_text(app, encoding="utf-8")
        (tmp_path / "scratch").mkdir()
        made.append(
            Work(tmp_path / "mine", tmp_path / "scratch", command="python app.py {port}", seed=1)
        )
        return made[0]

    yield make
    made[0].close()
    assert processes_of(tmp_path) == []


def test_disk_is_kept_over_a_restart_and_no_other_one_sees_it(work_of):
    work = work_of(KEEPS.format(path="kept.txt"))
    with work.start(env={"NAME": "Ada"}) as first, work.start() as second:
        first.put("/written")
        first.restart()
        assert first.get("/").json() == {"text": "/written", "name": "Ada"}
        assert second.get("/").value("text") == ""
        with work.start(disk=first.disk) as third:
            assert third.get("/").value("text") == "/written"
        first.restart(work.new_disk())
        assert first.get("/").value("text") == ""
    assert [each.name for each in work.folder.iterdir()] == ["app.py"]


def test_file_outside_the_folder_is_on_one_machine_too(work_of, tmp_path):
    try:
        Machine().close()
    except CannotIsolate as reason:
        pytest.skip(str(reason))
    outside = tmp_path / "outside.txt"
    work = work_of(KEEPS.format(path=str(outside)))
    with work.start() as first, work.start() as second:
        first.put("/written")
        first.restart()
        assert first.get("/").value("text") == "/written"
        assert second.get("/").value("text") == ""
    assert not outside.exists()


def test_failure_shows_what_led_to_it(work_of):
    work = work_of(KEEPS.format(path="kept.txt"))
    with work.start() as server:
        server.put("/written", headers={"X-Who": "O'Brien"})
        server.restart()
        answer = server.get("/a b")
        with pytest.raises(NotMet) as failure:
            answer.require_status(404)
        with pytest.raises(NotMet, match=r'has no \["text"\]\["deep"\]'):
            answer.value("text", "deep")
        server.kill()
        with pytest.raises(NotMet, match="GET /: connection refused"):
            server.get("/")
        assert server.get("/", may_fail=True).answer.status is None
    lines = failure.value.evidence.shown().splitlines()
    assert lines[0] == (
        "curl -sS -g -X PUT -H 'X-Who: O'\"'\"'Brien' http://127.0.0.1:8001/written"
    )
    assert lines[2] == "# server 1 is killed, and started again"
    assert lines[3] == "curl -sS -g http://127.0.0.1:8001/a%20b"
    assert lines[4].startswith('  # 200 {"text": "/written"')
    assert len(lines) == 5, "nothing that came later"


def test_service_that_does_not_start_says_so_once(work_of):
    work = work_of("raise SystemExit('the key is missing')\n")
    with pytest.raises(NotMet, match="ended before it answered") as failure, work.start():
        pass
    assert "the key is missing" in failure.value.evidence
    assert "--wait" not in str(failure.value) and str(work.folder.parent) not in str(failure.value)
    with pytest.raises(CannotCheck, match="does not start"), work.start():
        pass


@pytest.mark.skipif(os.name != "posix", reason="a shell types the path")
def test_program_that_is_not_here_is_named(work_of):
    work = work_of("")
    work._command = "no-such-program {port}"
    with pytest.raises(Exception, match="no such program on PATH"), work.start():
        pass


def test_text_of_a_student_that_cannot_be_read_fails_the_check(work_of):
    work = work_of("")
    for name, data in (("big.md", b"x" * 1_000_001), ("bad.md", b"\xff\xfe")):
        Path(work.folder, name).write_bytes(data)
    for name, said in (("big.md", "larger than"), ("bad.md", "cannot be read"), ("no.md", "no no")):
        with pytest.raises(NotMet, match=said):
            work.read(name)
