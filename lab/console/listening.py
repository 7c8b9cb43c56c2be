"""Where the console listens: to nginx alone, for `lab up`; to browsers, for `lab play`."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.console.act_places import MOST_ACTS, MOST_ACTS_OF_INSTRUCTOR
from lab.console.guard import SECURITY_HEADERS
from lab.console.kept_rights import kept_rights
from lab.console.places import MOST_STREAMS
from lab.processes.ports import can_bind
from lab.shop.bounded_server import create_server

DEFAULT_PORT = 8000
THREADS = MOST_ACTS + MOST_ACTS_OF_INSTRUCTOR + 8  # an act holds one while a desk works on it
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]{1,100}")  # as nginx.conf and a socket address take it
LOCATION = """\
location {path} {{  # {what}
    proxy_pass http://{address};
    access_log off;         # the page's own requests are not customers' requests
    keepalive_timeout 0;    # otherwise a page may reuse a worker that a reload is ending
    gzip on;
    gzip_proxied any;
    gzip_types text/css text/javascript application/json image/svg+xml;
    proxy_read_timeout 1h;  # the event stream stays open
    # Set here, so that nginx's own error responses have them too.
{headers}
}}
"""


def choose_port(asked: int | None, root: Path | None = None) -> int:
    """Return the port asked for; with none asked, a free one that browsers know, else 0 (any).

    That is the port of the last `lab up` in `root`, so that its pages find this one; then 8000.
    """
    if asked is not None:
        return asked
    last = kept_rights(root).port if root else 0
    return next(filter(can_bind, (last or DEFAULT_PORT, DEFAULT_PORT)), 0)


def location(path: str, what: str, address: str, policy: str = "") -> str:
    """Return nginx's location block for a part of the console, with a `policy` of its own."""
    own = {"Content-Security-Policy": policy} if policy else {}
    lines = [
        f'    add_header {name} "{value}" always; proxy_hide_header {name};'
        for name, value in {**SECURITY_HEADERS, **own}.items()
    ]
    return LOCATION.format(path=path, what=what, address=address, headers="\n".join(lines))


class Later:
    """A WSGI app that is set later, when the origin is known."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer by the app, or with 503 until there is one."""
        if self.app is None:
            start_response(
                "503 Service Unavailable", [("Retry-After", "1"), *SECURITY_HEADERS.items()]
            )
            return [b""]
        return self.app(environ, start_response)


@contextmanager
def private_folder(folder: Path) -> Iterator[Path | None]:
    """Yield a folder for unix sockets: the run's, or a temporary one; None if there are none.

    On a port of its own the console could be filled with connections that nginx, which limits
    them, never sees. A unix socket in a private folder has no such door.
    """
    if not hasattr(socket, "AF_UNIX") or os.name == "nt":
        yield None
    elif _PLAIN_PATH.fullmatch(str(folder.absolute() / "console")):
        yield folder.absolute()
    else:
        with TemporaryDirectory(prefix="lab-") as path:
            yield Path(path) if _PLAIN_PATH.fullmatch(f"{path}/console") else None


@contextmanager
def served_to_nginx(app: Any, folder: Path | None, name: str = "console") -> Iterator[str]:
    """Serve `app` to this user's processes alone; yield the address for nginx."""
    if folder is None:
        with serving(app, host="127.0.0.1", port=0) as server:
            yield f"127.0.0.1:{server.effective_port}"
        return
    path = folder / name
    try:
        with serving(app, unix_socket=str(path), unix_socket_perms="600"):
            yield f"unix:{path}:"
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def listening_to_nginx(folder: Path | None) -> Iterator[tuple[socket.socket, str]]:
    """Yield a socket for the event streams, and its address for nginx."""
    if folder is None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield listener, f"127.0.0.1:{listener.getsockname()[1]}"
        return
    path = folder / "streams"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(MOST_STREAMS)
        try:
            yield listener, f"unix:{path}:"
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def serving(app: Any, **where: Any) -> Iterator[Any]:
    """Serve `app` with waitress at `where`; yield the server."""
    server = create_server(
        app,
        **where,
        threads=THREADS,
        ident=None,
        channel_timeout=10,  # a silent client holds a connection
    )
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
