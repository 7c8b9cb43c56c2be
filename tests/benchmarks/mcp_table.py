"""`lab check --mcp` against the SDKs: a table of each, with and without sessions and a fault.

    python tests/benchmarks/mcp_table.py [--sdk NAME] [--sdks DIR]

The SDKs are installed into DIR when they are not there yet (Python's each into an environment of
its own, JavaScript's by npm). The exit status is 1 where a cell is wrong. A check should take 30 s
at most on a quiet machine of two cores; what took longer is marked.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

SERVERS = Path(__file__).parents[1] / "mcp_servers"
MOST_S = 30.0
PROCESS, ALIKE = "state in the process", "self-contained"
PARTS = ("session", "lists", "application state")
PLANTED_IN = {"": None, "counter": "application state", "list": "lists", "map": "application state"}


@dataclass(frozen=True)
class Sdk:
    """An SDK: what is installed, and what starts a server of it."""

    name: str
    package: str
    settings: tuple[str, ...] = ()

    @property
    def javascript(self) -> bool:
        return self.package.startswith("@")


SDKS = {
    each.name: each
    for each in (
        Sdk("mcp-1", "mcp>=1.30,<2"),
        Sdk("mcp-2", "mcp>=2.3,<3"),
        Sdk("fastmcp", "fastmcp>=4,<5", ("SDK=fastmcp",)),
        Sdk("typescript", "@modelcontextprotocol/sdk@^1.32"),
    )
}


@dataclass(frozen=True)
class Cell:
    """One server: with or without sessions, and what it keeps in memory."""

    sdk: Sdk
    stateless: bool
    plant: str

    @property
    def expected(self) -> dict[str, str]:
        kept = {PLANTED_IN[self.plant], None if self.stateless else "session"}
        return {part: PROCESS if part in kept else ALIKE for part in PARTS}

    @property
    def settings(self) -> Iterator[str]:
        yield from self.sdk.settings
        yield f"STATELESS={'1' if self.stateless else ''}"
        yield f"PLANT={self.plant}"


def installed(sdk: Sdk, folder: Path) -> str:
    """Install an SDK where it is not there; return the command that starts a server of it."""
    home = folder / sdk.name
    if sdk.javascript:
        if not (home / "node_modules").is_dir():
            home.mkdir(parents=True, exist_ok=True)
            run(["npm", "init", "-y"], home)
            run(["npm", "install", "--silent", sdk.package, "zod"], home)
        shutil.copy(SERVERS / "javascript_server.mjs", home)
        return f"node {home / 'javascript_server.mjs'}"
    python = home / "bin" / "python"
    if not (home / "bin" / "uvicorn").is_file():
        venv.create(home, with_pip=True)
        run([str(python), "-m", "pip", "install", "-q", sdk.package, "uvicorn"], folder)
    return f"{python} -m uvicorn --app-dir {SERVERS} --port {{port}} python_server:app"


def run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def checked(cell: Cell, command: str) -> dict[str, object]:
    """Check one server; return its verdicts by part, and how many seconds it took."""
    settings = [*cell.settings, *(["PORT={port}"] if cell.sdk.javascript else [])]
    with tempfile.TemporaryDirectory() as folder:
        words = ["--call", "open_basket", "--call", "add_item", "--json", "--out", folder]
        for each in settings:
            words += ["--env", each]
        line = [sys.executable, "-m", "lab", "check", "--mcp", "--start", command, *words]
        done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=folder)
    if not done.stdout:  # the others are still of interest
        print(f"{command}: {done.stderr}", file=sys.stderr)
        return {"seconds": 0.0, "proven": set()}
    document = json.loads(done.stdout)
    verdicts = {part["name"]: part["verdict"] for part in document["parts"]}
    proven = {part["name"] for part in document["parts"] if part["shortest"]}
    return {**verdicts, "seconds": document["seconds"], "proven": proven}


def rows(names: list[str], folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield the lines of the table, and whether each is right."""
    for name in names:
        command = installed(SDKS[name], folder)
        for stateless, plant in product((False, True), PLANTED_IN):
            cell = Cell(SDKS[name], stateless, plant)
            found = checked(cell, command)
            state = {part for part, level in cell.expected.items() if level == PROCESS}
            right = all(found.get(part) == level for part, level in cell.expected.items())
            right = right and found["proven"] == state
            slow = ", slow" if float(str(found["seconds"])) > MOST_S else ""
            said = [str(found.get(part)).replace("state in the ", "") for part in PARTS]
            yield (
                f"{name:<11} {'stateless' if stateless else 'stateful':<10} {plant or '-':<8} "
                f"{said[0]:<15} {said[1]:<15} {said[2]:<15} {found['seconds']:>5.1f} s  "
                f"{'right' if right else 'WRONG'}{slow}",
                right,
            )


def main() -> int:
    """Print the table; return 1 where a cell of it is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sdk", action="append", choices=SDKS, help="only this one")
    default = Path.home() / ".cache" / "two-desks" / "mcp-sdks"
    parser.add_argument("--sdks", type=Path, default=default, help="where they are installed")
    asked = parser.parse_args()
    asked.sdks.mkdir(parents=True, exist_ok=True)
    print(f"{'SDK':<11} {'sessions':<10} {'planted':<8} {PARTS[0]:<15} {PARTS[1]:<15} {PARTS[2]}")
    wrong = 0
    for line, right in rows(asked.sdk or [*SDKS], asked.sdks.absolute()):
        print(line, flush=True)
        wrong += not right
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
