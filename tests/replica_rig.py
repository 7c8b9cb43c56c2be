"""Replicas of one service behind nginx, each with a name in X-Served-By, and three balancers.

One takes turns, one keeps a client at a replica by a cookie, and one says that A answered,
whoever did.
"""

import shlex
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import requests
from conftest import DEADLINE_S, wait_for

from lab.core.environment import current_environment
from lab.processes.ports import free_ports, is_open
from lab.stack.programs import find_nginx

NAMES = "ABC"


@dataclass(frozen=True)
class Rig:
    """The URLs of the replicas, of what is before them, and of the processes themselves."""

    urls: tuple[str, ...]
    turns: str
    sticky: str
    lying: str
    bare: tuple[str, ...]


@contextmanager
def replicas_of(command, env, folder, work, count=2):
    """Start so many of a service in one folder, and nginx before them."""
    work.mkdir()
    for _ in range(3):  # a port that was free may be another's by the time it is used
        with ExitStack() as last:
            rig = start(command, env, folder, work, count, last)
            if rig is not None:
                yield rig
                return
    raise AssertionError((work / "log-0").read_text() + (work / "nginx.log").read_text())


def start(command, env, folder, work, count, last):
    """Return the rig, None where a process has ended at its start."""
    ports = free_ports(2 * count + 3)
    inner, fronts, balancers = ports[:count], ports[count : 2 * count], ports[2 * count :]
    started = []
    for number, port in enumerate(inner):
        words = [word.replace("{port}", str(port)) for word in shlex.split(command)]
        settings = {name: value.replace("{port}", str(port)) for name, value in env.items()}
        started.append(begin(words, work / f"log-{number}", last, folder, settings))
    (work / "nginx.conf").write_text(configuration(inner, fronts, balancers))
    program = find_nginx(sticky=True)
    assert program is not None, "no nginx with `sticky cookie`: `lab doctor`"
    words = [program.path, "-p", str(work), "-c", "nginx.conf", "-e", "stderr"]
    started.append(begin(words, work / "nginx.log", last))
    ready = [*inner, *fronts, *balancers]
    wait_for(lambda: all(map(is_open, ready)) or any(each.poll() is not None for each in started))
    if any(each.poll() is not None for each in started):
        return None
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    for name, url in zip(NAMES, urls[count : 2 * count], strict=False):
        answer = requests.get(f"{url}/", timeout=DEADLINE_S, allow_redirects=False)
        if answer.headers.get("X-Served-By") != name:
            return None  # another program's
    return Rig(tuple(urls[count : 2 * count]), *urls[2 * count :], tuple(urls[:count]))


def begin(words, log, last, folder=None, settings=None):
    """Start a program; `last` ends it."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**current_environment(), **(settings or {})},
            stdout=file,
            stderr=file,
        )
    last.callback(process.wait)
    last.callback(process.kill)
    return process


def configuration(inner, fronts, balancers):
    """Return nginx.conf: a server that names each replica, and the balancers before those."""
    parts = [
        "daemon off; master_process off; pid nginx.pid; events { worker_connections 512; }",
        "http { access_log off; proxy_http_version 1.1; proxy_set_header Connection '';",
        "proxy_set_header Host $http_host; client_body_temp_path body; proxy_temp_path proxy;",
        "fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;",
    ]
    for name, port, front in zip(NAMES, inner, fronts, strict=False):
        parts.append(
            f"server {{ listen 127.0.0.1:{front}; add_header X-Served-By {name} always; "
            f"location / {{ proxy_pass http://127.0.0.1:{port}; }} }}"
        )
    servers = " ".join(f"server 127.0.0.1:{front} max_fails=0;" for front in fronts)
    parts += [
        f"upstream turns {{ {servers} }}",
        f"upstream sticky {{ {servers} sticky cookie lb path=/; }}",
    ]
    lie = "proxy_hide_header X-Served-By; add_header X-Served-By A always;"
    for port, to, more in zip(balancers, ("turns", "sticky", "turns"), ("", "", lie), strict=True):
        parts.append(
            f"server {{ listen 127.0.0.1:{port}; {more} location / {{ proxy_pass http://{to}; }} }}"
        )
    return "\n".join([*parts, "}"])
