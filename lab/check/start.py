"""How a service is started, and how what stands behind it is made empty again."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from lab.check.command import Placeholders, check_port, split
from lab.check.container import COMPOSE_REFUSED, is_compose
from lab.check.family import MARK, end_marked
from lab.core.environment import current_environment
from lab.core.errors import LabError
from lab.core.text import without_codes

READY_S = 20.0


@dataclass(frozen=True)
class Start:
    """How the service is started, and how what stands behind it is made empty again.

    `command` and the values of `env` hold {port}, and may hold {dir}: a scratch folder that each
    process has of its own. `ready` is a path that answers when the service can be used; without
    one, any answer at / will do. `reset` is a shell command. `shared` are paths of a volume that
    several machines have. `host` is the name by which clients know the service.
    """

    command: str
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path()
    reset: str | None = None
    ready: str | None = None
    ready_s: float = READY_S
    shared: tuple[Path, ...] = ()
    host: str | None = None

    def said(self) -> list[str]:
        """Return the command's words as they were given; raise LabError if it is not a command."""
        return split(self.command, windows=os.name != "posix")

    def words(self, port: int, folder: Path = Path()) -> list[str]:
        """Return the command's words; raise LabError if it cannot be started, or not so."""
        check_port(self.command, self.env)
        fill = Placeholders(port, folder).fill
        words = [fill(word) for word in self.said()]
        path = self.environment(port, folder).get("PATH")
        program = shutil.which(words[0], path=path) if words else None
        if program is None and words and (self.cwd / words[0]).is_file():
            program = str((self.cwd / words[0]).absolute())
        if program is None:
            raise LabError(
                f"--start {self.command!r}: no such program on PATH; a shell's words need a "
                "shell: --start \"sh -c '…'\""
            )
        if is_compose(words):
            raise LabError(f"--start {self.command!r}: {COMPOSE_REFUSED}")
        return [program, *words[1:]]

    def environment(self, port: int, folder: Path = Path()) -> dict[str, str]:
        """Return the whole environment: this terminal's, and `env`."""
        fill = Placeholders(port, folder).fill
        mine = {name: fill(value) for name, value in self.env.items()}
        return {**current_environment(), "PYTHONUNBUFFERED": "1", **mine}


def run_reset(start: Start, patience_s: float, mark: str) -> None:
    """Run the reset; LabError with its last lines if it fails or takes longer."""
    assert start.reset is not None
    env = {**start.environment(0), MARK: f"{mark}/reset"}
    run_line("--reset", start.reset, start.cwd, env, patience_s)


def run_line(
    option: str, line: str, cwd: Path, env: Mapping[str, str] | None, patience_s: float
) -> None:
    """Run a shell line that an option gave; LabError with the end of what it said if it fails."""
    with tempfile.TemporaryFile() as said:
        process = _begin(line, cwd, env, said)
        try:
            status = process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"{option} did not end within {patience_s:.0f} s: {line}") from None
        finally:
            if process.poll() is None:
                _end_tree(process)
        if status:
            said.seek(0)
            text = without_codes(said.read().decode(errors="replace"))
            lines = text.strip().splitlines()[-3:]
            raise LabError(
                f"{option} failed (exit {status}): {line}"
                + "".join(f"\n    {each}" for each in lines)
            )


def _begin(
    line: str, cwd: Path, env: Mapping[str, str] | None, said: IO[bytes]
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            line,
            shell=True,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=sys.platform != "win32",
        )
    except KeyboardInterrupt:  # it may have begun already
        if env and MARK in env:
            end_marked(env[MARK])
        raise


def _end_tree(process: "subprocess.Popen[bytes]") -> None:
    with suppress(psutil.Error):
        root = psutil.Process(process.pid)
        for each in (*root.children(recursive=True), root):
            with suppress(psutil.Error):
                each.kill()
    process.wait()
