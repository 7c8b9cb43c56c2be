"""The README is held to its word: what it shows is run, and must come out as it says."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.experiments import app_diff
from lab.processes.ports import free_ports
from lab.processes.waiting import READY_TIMEOUT_S, server_info, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TOOL = REPOSITORY / "tests" / "tools" / "refresh_readme.py"
FENCE = re.compile(r"(?:<!-- (?P<note>[^\n]+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)
KEY = "a key for the README's test; no secret: 0123456789"
APPS = {"5001": "stateful_app", "5002": "stateless_app"}
MASKS = (r'"token":"[^"]*"', r'"pid":\d+', r'"instance":"[0-9a-f]+"', r'"requests_served":\d+')
DEADLINE_S = 60


def fences(kind: str, note: str = "") -> list[re.Match[str]]:
    """The fences of a kind, with a note before them that begins with this (or none)."""
    return [
        fence
        for fence in FENCE.finditer(README)
        if fence["kind"] == kind
        and ((fence["note"] or "").startswith(note) if note else not is_file(fence))
    ]


def is_file(fence: re.Match[str]) -> bool:
    return (fence["note"] or "").startswith("file ")


def test_its_first_screen_names_two_commands():
    first_screen = README.partition("<!-- demo -->")[0]
    assert [fence["text"].splitlines() for fence in FENCE.finditer(first_screen)] == [
        ["pip install . && lab demo", 'pip install ".[test]" && pytest -n 2']
    ]
    for beside in (
        "python3 -m venv .venv && . .venv/bin/activate",
        r"py -m venv .venv; .venv\Scripts\Activate.ps1",
        "uv run lab demo",
        "uv run --extra test pytest -n 2",
    ):
        assert f"`{beside}`" in first_screen


def test_it_shows_what_the_demo_prints():
    done = run([sys.executable, str(TOOL), "--check"])
    assert done.returncode == 0, done.stderr


def test_it_quotes_the_diff_as_it_is():
    (quoted,) = [fence["text"].rstrip("\n") for fence in fences("diff")]
    assert quoted in "\n".join(app_diff.diff())


@pytest.mark.parametrize(
    "source", [fence["text"] for fence in fences("python")], ids=["plain", "with-a-claim"]
)
def test_its_scripts_run(source, tmp_path):
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    done = run([sys.executable, "-m", "lab", "run", "./mine.py", "--json"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (experiment,) = json.loads(done.stdout)["experiments"]
    stateful, stateless = experiment["variants"]
    assert stateless["measurements"]["reads_kept"] == stateless["measurements"]["reads_of_carts"]
    assert stateful["measurements"]["reads_kept"] == 0, "the desks should differ"


@pytest.mark.skipif(os.name != "posix", reason="the command is typed into a shell")
def test_it_shows_what_the_check_of_its_shop_prints(tmp_path):
    for fence in fences("python", "file "):
        (tmp_path / fence["note"].split()[1]).write_text(fence["text"], encoding="utf-8")
    (command,) = (fence["text"] for fence in fences("sh", "check"))
    (printed,) = (fence["text"] for fence in fences("text", "checked"))
    assert command.startswith("lab check ")
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    python = f'lab() {{ "{sys.executable}" -m lab "$@"; }}\n'
    done = run(["sh", "-c", python + command], cwd=tmp_path, env={"PATH": scripts, "COLUMNS": "80"})
    assert done.returncode == 1, done.stdout + done.stderr
    spent = re.compile(r"\d+ requests, \d+ processes, [\d.]+ s; kept: .*")
    assert spent.sub("…", done.stdout) == spent.sub("…", printed)


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="bash, curl")
def test_its_conversations_happen_word_for_word(tmp_path):
    ports = dict(zip(APPS, map(str, free_ports(len(APPS))), strict=True))
    for port, app in APPS.items():
        assert f"python -m {app} --port {port}\n" in README
    talk = [fence for fence in fences("console") if "curl" in fence["text"]]
    assert {port for fence in talk for port in ports if port in fence["text"]} == ports.keys()
    with desk("5001", ports) as stateful, desk("5002", ports) as stateless:
        desks = {"5001": stateful, "5002": stateless}
        with subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=tmp_path,
            env=os.environ
            | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as shell:
            for fence in talk:
                if (fence["note"] or "").startswith("restart "):
                    desks[fence["note"].split()[1]].restart()
                for command, expected in commands(fence["text"]):
                    for shown, real in ports.items():
                        command = command.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{real}")
                    assert masked(ask(shell, command)) == masked(expected), command
            shell.stdin.close()


class Desk:
    """One app in a process of its own, as the README starts it."""

    def __init__(self, app: str, port: str) -> None:
        self.app, self.port = app, port
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.app, "--port", self.port],
            env=os.environ | {"STATELESS_SIGNING_KEYS": KEY},
            stderr=subprocess.DEVNULL,
        )
        ready = wait_until(lambda: server_info(int(self.port)), READY_TIMEOUT_S)
        assert ready, f"{self.app} did not start"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()


@contextmanager
def desk(shown_port: str, ports: dict[str, str]) -> Iterator[Desk]:
    desk = Desk(APPS[shown_port], ports[shown_port])
    try:
        yield desk
    finally:
        desk.stop()


def commands(text: str) -> list[tuple[str, str]]:
    """Cut a conversation into commands and what each is said to print."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [part.split("\n", 1) for part in parts]


def ask(shell: subprocess.Popen, command: str) -> str:
    """Type a command into a running shell; what it prints."""
    shell.stdin.write(f"{command}\nprintf '\\n(end)\\n'\n")
    shell.stdin.flush()
    lines = []
    while (line := shell.stdout.readline()) != "(end)\n":
        assert line, "the shell has ended"
        lines.append(line)
    return "".join(lines)


def masked(text: str) -> str:
    for mask in MASKS:
        text = re.sub(mask, mask.split(":")[0] + ":…", text)
    return text.strip()


def run(command: list[str], env=None, **how) -> subprocess.CompletedProcess:
    return subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONUTF8": "1"} | (env or {}),
        timeout=DEADLINE_S,
        check=False,
        **how,
    )
