"""`lab check --mcp` on a small server of the standard library: the verdicts, and their proofs."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from conftest import wait_for

from lab.processes.ports import free_ports, is_open

SERVER = Path(__file__).parents[1] / "mcp_servers" / "plain_server.py"
PROCESS, ALIKE = "state in the process", "self-contained"
NOTHING = {"session": ALIKE, "lists": ALIKE, "application state": ALIKE}
CASES = {
    "": (0, {}),
    "modern stream": (0, {}),
    "sessions": (1, {"session": PROCESS}),
    "sessions list": (1, {"session": PROCESS, "lists": PROCESS}),
    "sessions modern counter": (1, {"session": PROCESS, "application state": PROCESS}),
}
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.name != "posix", reason="the services are started as on POSIX"),
]


def check(folder, words, *more):
    folder.mkdir()
    start = f"{sys.executable} -I -S {SERVER} {{port}} {words}"
    started = [] if "--url" in more else ["--start", start]
    line = [sys.executable, "-m", "lab", "check", "--mcp", *started, "--json", *more]
    done = subprocess.run(line, capture_output=True, text=True, cwd=folder, timeout=240)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_each_part_has_its_verdict_and_a_script_that_shows_it(tmp_path):
    """Checks run beside each other, in one test: most of one is waiting for processes to start."""
    with ThreadPoolExecutor(2) as pool:
        held = {
            words: pool.submit(check, tmp_path / str(number), words)
            for number, words in enumerate(CASES)
        }
        found = {words: each.result() for words, each in held.items()}
    for words, (expected_status, state) in CASES.items():
        status, document = found[words]
        verdicts = {part["name"]: part["verdict"] for part in document["parts"]}
        assert verdicts == {**NOTHING, **state}, (words, document["parts"])
        assert status == expected_status, words
        assert {part["name"] for part in document["parts"] if part["shortest"]} == {*state}, words
    shown = [part["shortest"] for part in found["sessions list"][1]["parts"] if part["shortest"]]
    with ThreadPoolExecutor(2) as pool:
        [*pool.map(lambda each: assert_shows(each["script"], tmp_path), shown)]


def assert_shows(script, folder):
    shell = "bash" if script.startswith("#!/bin/bash") else "sh"
    done = subprocess.run(
        [shell, "-c", script], capture_output=True, text=True, cwd=folder, timeout=240
    )
    assert done.returncode == 0, (script, done.stdout, done.stderr)


def test_path_without_a_server_is_an_error_that_says_what_to_give(tmp_path):
    status, said = check(tmp_path / "none", "modern", "--mcp", "/nothing")
    assert status != 0
    assert "no MCP server at /nothing: initialize was answered 404" in said
    assert "--mcp PATH" in said


def test_replicas_that_run_are_asked_and_their_sessions_ended(tmp_path):
    ports = free_ports(2)
    with ExitStack() as last:
        for port in ports:
            line = [sys.executable, "-I", "-S", str(SERVER), str(port), "sessions", "list"]
            process = subprocess.Popen(line)
            last.callback(process.wait)
            last.callback(process.kill)
        wait_for(lambda: all(map(is_open, ports)))
        urls = [word for port in ports for word in ("--url", f"http://127.0.0.1:{port}")]
        status, found = check(tmp_path / "running", "", *urls)
        left = [requests.get(f"http://127.0.0.1:{port}/left", timeout=60).text for port in ports]
    verdicts = {part["name"]: part["verdict"] for part in found["parts"]}
    assert verdicts["session"] == "state in one replica"
    assert left == ["[]", "[]"]
    assert status == 1
