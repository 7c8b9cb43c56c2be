"""Replicas of one service behind nginx, each with a name in X-Served-By, and three balancers.

One takes turns, one keeps a client at a replica by a cookie, and one says that A answered,
whoever did.
"""

import os
import shlex
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from conftest import DEADLINE_S, wait_for

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
def replicas_of(command, env, folder, work, count=2, own_folders=False):
    """Start so many of a service, in one folder or each in its own, and nginx before them."""
    work.mkdir()
    ports = free_ports(2 * count + 3)
    inner, fronts, balancers = ports[:count], ports[count : 2 * count], ports[2 * count :]
    with ExitStack() as last:
        for number, port in enumerate(inner):
            at = folder
            if own_folders:
                at = work / NAMES[number]
                at.mkdir()
                for each in Path(folder).iterdir():
                    (at / each.name).symlink_to(each)
            words = [word.replace("{port}", str(port)) for word in shlex.split(command)]
            settings = {name: value.replace("{port}", str(port)) for name, value in env.items()}
            with (work / f"log-{number}").open("wb") as log:
                process = subprocess.Popen(
                    words, cwd=at, env={**os.environ, **settings}, stdout=log, stderr=log
                )
            last.callback(process.wait)
            last.callback(process.kill)
        start_nginx(configuration(inner, fronts, balancers), work, last)
        for port in inner:
            wait_for(lambda port=port: is_open(port))
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        yield Rig(tuple(urls[count : 2 * count]), *urls[2 * count :], tuple(urls[:count]))


def start_nginx(text, work, last):
    """Start nginx with a configuration; `last` ends it."""
    (work / "nginx.conf").write_text(text)
    program = find_nginx(sticky=True)
    assert program is not None, "no nginx with `sticky cookie`: `lab doctor`"
    words = [program.path, "-p", str(work), "-c", "nginx.conf", "-e", "stderr"]
    with (work / "nginx.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    last.callback(process.wait)
    last.callback(process.kill)
    port = text.rpartition("listen 127.0.0.1:")[2].partition(";")[0]
    wait_for(lambda: is_open(int(port)), DEADLINE_S)
    urlopen(f"http://127.0.0.1:{port}/.ready", timeout=DEADLINE_S).close()


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
            f"server {{ listen 127.0.0.1:{port}; {more} location = /.ready {{ return 204; }} "
            f"location / {{ proxy_pass http://{to}; }} }}"
        )
    return "\n".join([*parts, "}"])
