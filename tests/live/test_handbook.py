"""The handbook is held to its word: what it shows is run, what it lists is what there is."""

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import documents
import pytest
from documents import DOCS, REPOSITORY, TOOLS, fences

from lab.cli.main import cli
from lab.core.environment import current_environment
from lab.docs import handbook
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper
from lab.experiments import app_diff
from lab.experiments.script_api import Lab
from lab.processes.ports import free_ports
from lab.processes.waiting import READY_TIMEOUT_S, wait_until
from lab.stack.server import server_info

CURL = (DOCS / "curl.md").read_text(encoding="utf-8")
SCRIPTS = (DOCS / "scripts.md").read_text(encoding="utf-8")
RESULTS = (DOCS / "results.md").read_text(encoding="utf-8")
DOCUMENTS = (*(DOCS / f"{name}.md" for name in handbook.PAGES), REPOSITORY / "README.md")
KEY = "a key for the handbook's test; no secret: 0123456789"
APPS = {"5001": "stateful_app", "5002": "stateless_app"}
MASKS = (r'"token":"[^"]*"', r'"pid":\d+', r'"instance":"[0-9a-f]+"', r'"requests_served":\d+')
# For the runner and the crowd of the lab; a script has no use for them.
NOT_FOR_SCRIPTS = {"extra", "crowd_of", "trial_run", "look_for_cart", "closing_looks", "transport"}
NOT_FOR_SCRIPTS |= {"tracker", "looked_after"}


@pytest.mark.parametrize("tool", ["refresh_commands", "refresh_exercises", "architecture"])
def test_handbook_shows_what_the_code_says(tool):
    done = documents.run([sys.executable, str(TOOLS / f"{tool}.py"), "--check"])
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="the commands are typed into a shell")
def test_documents_show_what_their_examples_print():
    done = documents.run([sys.executable, str(TOOLS / "refresh_examples.py"), "--check"])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", handbook.PAGES)
def test_handbook_links_lead_somewhere(name):
    assert not documents.broken_links(DOCS / f"{name}.md")


@pytest.mark.parametrize("name", handbook.PAGES)
def test_handbook_names_files_that_are_there(name):
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:lab|tests|stateful_app|stateless_app)/[\w/.-]*)`", text)
    assert not [path for path in paths if not (REPOSITORY / path).exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_commands_and_options_that_there_are(path):
    text = re.sub(r"```text\n.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = text.replace("\\\n", " ")  # a command on several lines
    named = re.findall(r"^(?:\$ |- run: )?lab ([a-z].*)$|`lab ([a-z][^`\n]*)`", text, re.MULTILINE)
    assert not [
        words for words in map("".join, named) if not is_command(shlex.split(words, comments=True))
    ]


def test_glossary_names_classes_that_are_in_their_packages():
    text = (DOCS / "glossary.md").read_text(encoding="utf-8").partition("## Names in the code")[2]
    rows = re.findall(r"^\| (`[A-Z].*?) \| `(.*?)` \|", text, re.MULTILINE)
    assert rows
    for names, package in rows:
        source = "".join(path.read_text("utf-8") for path in (REPOSITORY / package).rglob("*.py"))
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^class {name}\b", source, re.MULTILINE), f"{package}: no {name}"


def test_handbook_has_no_page_that_is_not_in_reading_order():
    assert {path.stem for path in DOCS.glob("*.md")} == set(handbook.PAGES)


def test_handbook_quotes_the_diff_as_it_is():
    (quoted,) = [fence["text"].rstrip("\n") for fence in fences(CURL, "diff")]
    assert quoted in "\n".join(app_diff.diff())


@pytest.mark.parametrize(
    "source", [fence["text"] for fence in fences(SCRIPTS, "python")], ids=["plain", "with-a-claim"]
)
def test_handbook_scripts_run(source, tmp_path):
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    done = documents.run([sys.executable, "-m", "lab", "run", "./mine.py", "--json"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (experiment,) = json.loads(done.stdout)["experiments"]
    stateful, stateless = experiment["variants"]
    assert stateless["measurements"]["reads_kept"] == stateless["measurements"]["reads_of_carts"]
    assert stateful["measurements"]["reads_kept"] == 0, "the desks should differ"


@pytest.mark.parametrize(("kind", "prefix"), [(Shopper, ""), (Lab, "lab."), (Exchange, "")])
def test_handbook_lists_every_name_that_a_script_can_use(kind, prefix):
    missing = [
        name
        for name in public(kind)
        if not re.search(rf"`{re.escape(prefix)}{name}\b|, `?{name}\b", SCRIPTS)
    ]
    assert not missing, f"lab/docs/scripts.md does not explain {', '.join(missing)}"


def test_handbook_names_no_call_that_a_script_does_not_have():
    table = SCRIPTS.partition("## The lab")[2].partition("## Say what")[0]
    named = set(re.findall(r"`lab\.(\w+)", table))
    assert named <= set(public(Lab)), named - set(public(Lab))


def test_handbook_explains_every_field_of_a_result(tmp_path):
    (tmp_path / "mine.py").write_text(fences(SCRIPTS, "python")[0]["text"], encoding="utf-8")
    done = documents.run([sys.executable, "-m", "lab", "run", "./mine.py", "--json"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    explained = set(re.findall(r"`([\w ]+)`", RESULTS))
    assert not fields(json.loads(done.stdout)) - explained


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="bash, curl")
def test_handbook_conversations_happen_word_for_word(tmp_path):
    ports = dict(zip(APPS, map(str, free_ports(len(APPS))), strict=True))
    for port, app in APPS.items():
        assert f"python -m {app} --port {port}\n" in CURL
    talk = [fence for fence in fences(CURL, "console") if "curl" in fence["text"]]
    assert {port for fence in talk for port in ports if port in fence["text"]} == ports.keys()
    with desk("5001", ports) as stateful, desk("5002", ports) as stateless:
        desks = {"5001": stateful, "5002": stateless}
        with subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=tmp_path,
            env=current_environment()
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


def is_command(words):
    """Return True if a command has that name and takes those options."""
    context = click.Context(cli)
    command = cli.get_command(context, words[0])
    if isinstance(command, click.Group) and len(words) > 1 and not words[1].startswith("-"):
        command = command.get_command(context, words[1])
    if command is None:
        return False
    taken = {"--help", *(name for each in command.params for name in each.opts)}
    return {word.partition("=")[0] for word in words if word.startswith("--")} <= taken


def public(kind):
    """The public names of a class: methods, properties, and what its constructor sets."""
    names = set(getattr(kind, "__dataclass_fields__", ()))
    for each in kind.__mro__[:-1]:  # not of object
        names |= vars(each).keys() | inspect.get_annotations(each).keys()
        sets = r"^        self\.([a-z]\w*)\b[^=\n(]* = "
        names |= set(re.findall(sets, inspect.getsource(each), re.MULTILINE))
    return sorted(name for name in names - NOT_FOR_SCRIPTS if not name.startswith("_"))


def fields(value):
    """Every name of an object in a document; below headers, bodies and evidence anything goes."""
    if isinstance(value, list):
        return set().union(*map(fields, value))
    if not isinstance(value, dict):
        return set()
    free = {"headers", "body", "evidence", "changes_refused", "closing_silences"}
    free |= {"carts_left", "changes_acknowledged", "refusal_details"}
    return set(value) | set().union(
        *(fields(each) for name, each in value.items() if name not in free)
    )


class Desk:
    """One app in a process of its own, as the handbook starts it."""

    def __init__(self, app: str, port: str) -> None:
        self.app, self.port = app, port
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.app, "--port", self.port],
            env=current_environment() | {"STATELESS_SIGNING_KEYS": KEY},
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
