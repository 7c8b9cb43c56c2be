"""The handbook's page "Write your own exercise", typed as it stands there."""

import json
import re
import signal

import pytest
from conftest import wait_for
from documents import DOCS, FENCE, fences

PAGE = (DOCS / "own-exercise.md").read_text(encoding="utf-8")


def write_files(folder, below=""):
    for fence in FENCE.finditer(PAGE):
        note = (fence["note"] or "").split()
        if note[:1] == ["file"] and note[1].startswith(below):
            path = folder / note[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fence["text"], encoding="utf-8")


@pytest.mark.long
def test_exercise_of_the_handbook_is_made_begun_checked_and_graded(lab_here):
    write_files(lab_here.folder)
    (commands,) = fences(PAGE, "bash", "commands")
    ended = [lab_here(*line.split()[1:]) for line in commands["text"].splitlines()]
    assert [each.status for each in ended] == [0, 0, 1], ended
    assert "Let the client carry what the server remembers" in ended[0].out
    assert "✓ A visitor is greeted in their language  (1 of 1)" in ended[2].out
    assert "✕ A second server greets in the same language  (0 of 2)" in ended[2].out
    assert re.search(r"curl -sS -g -H 'Cookie: visitor=\w+' http://127.0.0.1:8002/", ended[2].out)

    solution = (lab_here.folder / "solution" / "app.py").read_text(encoding="utf-8")
    (lab_here.folder / "mine" / "app.py").write_text(solution, encoding="utf-8")
    assert "`lab exercise check mine`" in PAGE
    assert lab_here("exercise", "check", "mine").status == 0
    words = "lab grade --exercise greetings --from greetings mine"
    assert f"`{words}`" in PAGE
    graded = lab_here(*words.split()[1:], "--json")
    (found,) = json.loads(graded.out)
    assert [each["status"] for each in found["checks"]] == ["passed"] * 3, graded


SLOW = '''
from lab.exercises import Work, check

@check
def it_starts(work: Work) -> None:
    """It starts."""
    with work.start(ready="/greeting"):
        pass

@check
def it_waits(work: Work) -> None:
    """It waits."""
    with work.start(ready="/greeting") as server:
        server.get("/wait", timeout_s=300)
'''
WAITS = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/wait":
            time.sleep(300)
        self.send_response(204)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[1])), Server).serve_forever()
"""


@pytest.mark.long
def test_ctrl_c_keeps_what_was_found_and_leaves_nothing(lab_here):
    write_files(lab_here.folder, "greetings")
    (lab_here.folder / "greetings" / "checks.py").write_text(SLOW, encoding="utf-8")
    lab_here("exercise", "start", "greetings", "mine", "--from", "greetings")
    (lab_here.folder / "mine" / "app.py").write_text(WAITS, encoding="utf-8")
    process = lab_here.start("exercise", "check", "mine")
    wait_for(lambda: "✓ It starts" in process.out_path.read_text("utf-8"), 120)
    process.send_signal(signal.SIGINT)
    ended = lab_here.finish(process)
    assert ended.status == 130
    assert "✓ It starts" in ended.out
    assert "stopped by Ctrl-C after 1 of 2 checks" in ended.out
    wait_for(lambda: not lab_here.processes())
