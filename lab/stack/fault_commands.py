"""Commands that change a deployment: split into words, filled in, and run without a shell."""

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lab.core.environment import current_environment
from lab.core.errors import LabError, reason
from lab.core.text import without_codes

PLACEHOLDERS = ("{host}", "{port}", "{name}", "{name_lower}", "{desk}")
ENV_FILE = "{env_file}"
"""A file with the variables of a restart, NAME=VALUE; filled in while that command runs."""
OF_ONE_SERVER = ("{port}", "{name}", "{name_lower}")
WAIT_S = 60.0  # more than the 30 s that Docker and Kubernetes give a server to end by default
ASK_EVERY_S = 0.05
"""How often the lab looks whether a command has had its effect."""
QUOTED_BYTES = 2000


@dataclass(frozen=True)
class Ran:
    """How a command ended: `trouble` is None if it did well, `said` the end of its output."""

    trouble: str | None
    said: str


@dataclass(frozen=True)
class HowToRun:
    """What every command of a deployment is run with: its time limit, and variables."""

    wait_s: float = WAIT_S
    """How long a command may run, and a server may take to go or to come back."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """More environment for each command; it may hold the signing key."""


AS_USUAL = HowToRun()


def split_for_each(fault: str, commands: Sequence[str], servers: int) -> list[tuple[str, ...]]:
    """Return the words of a command for each server; LabError if they do not fit."""
    option = f"--{fault}-command"
    if len(commands) not in (1, servers):
        raise LabError(
            f"{len(commands)} {option} for {servers} servers: give one for each, in the same "
            f"order, or one for all with {', '.join(PLACEHOLDERS)}"
        )
    if len(commands) < servers and not any(each in commands[0] for each in PLACEHOLDERS):
        raise LabError(
            f"one {option} for {servers} servers has to say which is meant: "
            f"write {', '.join(PLACEHOLDERS)} in it"
        )
    words = [split(fault, command) for command in commands]
    return words * (servers // len(words))


def split(fault: str, command: str) -> tuple[str, ...]:
    """Return the words of a command; LabError if it cannot be parsed."""
    option = f"--{fault}-command"
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise LabError(f"{option}: {error}; it is split into words as a shell would") from None
    if not words or "\0" in command:
        raise LabError(f"{option} is empty or not a command: give a program and its arguments")
    return words


def filled(words: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Put values where the placeholders stand."""

    def fill(word: str) -> str:
        # Not str.format: braces of the command's own, as `docker --format` has them, stay.
        for placeholder, value in values.items():
            word = word.replace(placeholder, value)
        return word

    return [fill(word) for word in words]


def run(words: Sequence[str], timeout_s: float = WAIT_S, env: Mapping[str, str] = {}) -> Ran:
    """Run a command without a shell; return how it ended. `env` is added to its environment.

    Its words are not repeated: there may be a secret among them. What it leaves running in the
    background, such as a server that it started, is left alone unless it failed to end itself.
    """
    with tempfile.TemporaryFile() as output:  # not a pipe: that would wait for the background too
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**current_environment(), **env},
            )
        except (OSError, ValueError) as error:
            return Ran(f"cannot be run: {reason(error)}", "")
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return _failed(f"did not end within {timeout_s:g} s", output)
        finally:
            if process.poll() is None:
                _end(process)
        return _failed(f"failed (exit {status})", output) if status else Ran(None, _text(output))


def _failed(how: str, output: Any) -> Ran:
    said = _text(output)
    return Ran(f"{how}; it wrote{f': {said}' if said else ' nothing'}", said)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _text(output: Any) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - QUOTED_BYTES))
    text: str = output.read().decode(errors="replace")
    return without_codes(text).strip()
