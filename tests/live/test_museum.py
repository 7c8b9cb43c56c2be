"""A visit to each piece of the museum: real packages, two real servers, the real checker."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import processes_of

from lab.core.errors import LabError
from lab.museum.installed import command_for_missing
from lab.museum.piece import find, pieces
from lab.museum.two_servers import two_servers
from lab.processes.ports import free_ports

PATIENCE_S = 280
HERE_IS_NO_NPM = "Node and npm are not here, or npm cannot install"


def lab(*words, cwd):
    command = [sys.executable, "-m", "lab", *words]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.fixture
def place(tmp_path, request):
    """A folder in which the piece has what it needs."""
    piece = request.getfixturevalue("piece")
    if piece.on_node:
        npm = shutil.which("npm")
        words = [npm or "npm", "install", "--no-audit", "--no-fund", *piece.label.npm]
        if npm is None or subprocess.run(words, cwd=tmp_path, timeout=PATIENCE_S).returncode:
            pytest.skip(HERE_IS_NO_NPM)
    if missing := command_for_missing(piece, tmp_path):
        pytest.skip(f"the museum's {piece.name} needs {missing}")
    return tmp_path


@pytest.mark.long
@pytest.mark.parametrize("piece", pieces(), ids=lambda each: each.name)
def test_visit_shows_the_fault_and_the_remedy_and_proves_both(place, piece):
    done = lab("museum", piece.name, "--json", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    tour = json.loads(done.stdout)
    for state, expected in (("before", piece.label.fault), ("after", piece.label.mended)):
        assert tour[state]["proof"]["verdict"] == expected
        assert len({*tour[state]["turns"]["pids"]}) == 2
        assert {each["server"] for each in tour[state]["turns"]["steps"]} == {"A", "B"}
    last = [tour[state]["turns"]["steps"][-1]["status"] for state in ("before", "after")]
    assert last[0] != last[1], "what people saw is gone after the remedy"
    assert tour["before"]["proof"]["shortest"]["confirmed"] > 0
    assert not tour["after"]["turns"]["stopped"]
    assert processes_of(place) == []


@pytest.mark.long
def test_visit_is_shown_on_a_terminal_with_its_proof_and_its_remedy(tmp_path):
    done = lab("museum", "ctfd", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        find("ctfd").label.title,
        "401",
        "STATE IN THE PROCESS",
        '+app.secret_key = os.environ["SECRET_KEY"]',
        "SELF-CONTAINED",
    ):
        assert words in done.stdout


SERVE = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.mark.skipif(os.name != "posix", reason="elsewhere two servers may share a port")
def test_server_whose_port_another_one_took_is_not_called_ready(tmp_path, monkeypatch):
    (tmp_path / "serve.py").write_text(SERVE)
    one = free_ports(1)
    monkeypatch.setattr("lab.museum.two_servers.free_ports", lambda count: one * count)
    servers = two_servers(tmp_path / "serve.py", [sys.executable], {}, tmp_path / "run")
    with pytest.raises(LabError, match="Address already in use"), servers:
        pass
