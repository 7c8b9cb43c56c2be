"""The command that starts a service: its words, its placeholders, and what it must not be."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import LabError

_WINDOWS_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
NO_PORT = (
    "neither --start nor --env has {port}, so the service cannot listen where it is asked to: "
    "put {port} into --start, or --env PORT={port}"
)


def split(command: str, *, windows: bool) -> list[str]:
    """Return the words of a command; raise LabError if a quote has no end."""
    if windows:  # a backslash is part of a path there
        if command.count('"') % 2:
            raise LabError(f"--start {command!r}: unmatched quotation mark: add the missing one")
        return [word.replace('"', "") for word in _WINDOWS_WORD.findall(command)]
    try:
        return shlex.split(command)
    except ValueError as error:
        raise LabError(f"--start {command!r}: {error}") from None


@dataclass(frozen=True)
class Placeholders:
    """What {port} and {dir} stand for in one process."""

    port: int
    folder: Path

    def fill(self, text: str) -> str:
        """Return the text with {port} and {dir} replaced."""
        return text.replace("{port}", str(self.port)).replace("{dir}", str(self.folder))


def check_port(command: str, env: Mapping[str, str]) -> None:
    """Raise LabError if neither the command nor the environment contains {port}."""
    if not any("{port}" in text for text in (command, *env.values())):
        raise LabError(NO_PORT)


def uses_folder(command: str, env: Mapping[str, str]) -> bool:
    """Return True if a process wants a scratch folder of its own."""
    return any("{dir}" in text for text in (command, *env.values()))


def relay(words: Sequence[str]) -> str:
    """Return why a command only forwards to a process that runs elsewhere; "" if it does not.

    Such programs do not end what answers when they are killed, and what they lead to cannot be
    seen from here. Other relays are found by what they connect to.
    """
    program = Path(words[0]).stem.lower() if words else ""
    rest = words[1:]
    if program in ("ssh", "autossh") and any(re.match(r"-\w*L", word) for word in rest):
        return f"{program} -L leads to a process on another machine"
    for leader, commands in _LEADERS.items():
        if program == leader and (found := next((c for c in commands if c in rest), "")):
            return f"{program} {found} leads to a process that runs already"
    return ""


_LEADERS = {
    "kubectl": ("port-forward", "exec", "proxy"),
    "oc": ("port-forward", "exec"),
    "docker": ("exec", "attach", "start"),
    "podman": ("exec", "attach", "start"),
}
