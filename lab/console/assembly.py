"""`lab up` and `lab play`: puts stack, page and console together, and takes them apart again."""

import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from flask import Request

from lab.console.app import create_app
from lab.console.control_file import ControlFile, kept_control_file, link_of, refuse_second
from lab.console.customers import MOST_ACTS, Customers
from lab.console.events import from_log
from lab.console.experiment_run import ExperimentRun
from lab.console.feed import Feed
from lab.console.guard import RECORDED_POLICY, SECURITY_HEADERS, Guard
from lab.console.kept_rights import keep_rights, kept_rights
from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.offline.newest import NewestRecording
from lab.console.own_stages import MOST_STAGES, OwnStages
from lab.console.places import MOST_OF_INSTRUCTOR, MOST_STREAMS
from lab.console.playground import Playground
from lab.console.room import routes_room
from lab.console.room.listener import listening_to_phones
from lab.console.room.phone import is_phones_op
from lab.console.room.phone_app import phone_app
from lab.console.room.room import Room
from lab.console.routes_own import OWN_EVENTS
from lab.console.services import LiveConsole, Services
from lab.console.settings import MOST_PAGE_SERVERS, console_variants
from lab.console.stream_server import Admitted, StreamServer
from lab.core.limits import require_open_files
from lab.core.run_folder import new_run_folder
from lab.evidence.result import Settings, Variant
from lab.experiments.provision import ProvisionedStack
from lab.processes.ports import claim
from lab.processes.waiting import PROBE_OP
from lab.shop.bounded_server import create_server
from lab.stack.access_log import AccessEntry
from lab.stack.stack import Stack

DEFAULT_PORT = 8000
THREADS = MOST_ACTS + 8  # an act holds one while a desk works on it
FILES = MOST_STREAMS + MOST_OF_INSTRUCTOR + 300  # a stream is an open file
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]{1,100}")  # as nginx.conf and a socket address take it
OWN_SERVERS = 2  # at each desk of a learner's stage
MOST_OWN_SERVERS = 4  # after `add`, or as a chapter asks for
MOST_LOGGED = 1000  # entries of nginx's log kept: the page has a history of its own
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


@dataclass(frozen=True)
class PhonesAt:
    """Where phones can reach the lab; `port` 0 is any that is free."""

    address: str
    port: int = 0


@dataclass(frozen=True)
class Running:
    """A running lab."""

    origin: str
    folder: Path
    link: str
    """The page's URL with a ticket: the first browser that opens it is the instructor's."""
    room: Room | None = None
    phones_at: str = ""
    """The address at which phones join, "" without a room."""


@contextmanager
def running(
    settings: Settings,
    root: Path,
    port: int,
    progress: Callable[[str], None],
    learners: int = MOST_STAGES,
    phones: PhonesAt | None = None,
) -> Iterator[Running]:
    """Run both desks, the page and its console, and up to `learners` small stages.

    With `phones` a listener for phones, too.
    """
    refuse_second(root)
    require_open_files(FILES, "a page with its watchers")
    lesson = plan.load()
    folder = new_run_folder(root, "up")
    variants = console_variants(settings)
    app = _Later()
    with ExitStack() as resources:
        private = resources.enter_context(_private_folder(folder))
        address = resources.enter_context(_served_to_nginx(app, private))
        listener, streams_at = resources.enter_context(_listening_to_nginx(private))
        locations = (
            _location("/", "the page, and the console behind it", address),
            _location("= /lab/events", "what happens, as it happens", streams_at),
            _location(f"= {OWN_EVENTS}", "the same of a learner's own stage", streams_at),
            _location("= /recorded", "a recorded lesson", address, RECORDED_POLICY),
        )
        provisioned = ProvisionedStack(folder, progress)
        stack = resources.enter_context(provisioned.open(variants, port, locations, MOST_LOGGED))
        control = ControlFile(stack.origin, secrets.token_urlsafe(24), os.getpid())
        rights = kept_rights(root)
        guard = Guard(control.origin, control.secret, rights.secret)
        keep_rights(root, rights, urlsplit(control.origin).port or 0)
        room = Room(rights.secret, stack.pools) if phones else None
        live = resources.enter_context(live_console(provisioned, variants, root, room=room))
        stages = OwnStages(lambda number: _own_stage(root, folder / f"own-{number}"), learners)
        resources.callback(stages.close)
        stages.start()
        streams = StreamServer(listener, lambda request: _admitted(guard, live, stages, request))
        resources.callback(streams.close)
        live.customers.watching = streams.places.browsers
        streams.start()
        services = Services(
            guard,
            KeptRuns(root),
            lesson,
            live,
            own_stages=learners > 0,
            has_room=room is not None,
            on_lesson=stages.publish,
            recorded=NewestRecording(root),
        )
        phones_at, walls = "", []
        if phones and room:
            phones_at = resources.enter_context(_open_to_phones(room, phones, folder, private))
            walls = [routes_room.routes(services, room, phones_at)]
        app.app = create_app(services, stages, *walls)
        resources.enter_context(kept_control_file(root, control))
        link = link_of(control.origin, guard.tickets.issue())
        yield Running(control.origin, folder, link, room, phones_at)


@contextmanager
def _open_to_phones(
    room: Room, phones: PhonesAt, folder: Path, private: Path | None
) -> Iterator[str]:
    """Serve the phones' app to a listener of its own; yield the address for phones."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a hall presses at once
    with (
        _served_to_nginx(phone_app(room), private, "phones") as upstream,
        listening_to_phones(
            folder / "phones-nginx", phones.address, phones.port, room.code, upstream
        ) as port,
    ):
        yield f"http://{phones.address}" + ("" if port == 80 else f":{port}")


@contextmanager
def playing(root: Path, port: int) -> Iterator[str]:
    """Serve the page alone, for the runs below `root`; yield its origin."""
    port = claim(port)
    origin = f"http://127.0.0.1:{port}"
    recorded = NewestRecording(root)
    app = create_app(Services(Guard(origin), KeptRuns(root), plan.load(), recorded=recorded))
    with _serving(app, host="127.0.0.1", port=port):
        yield origin


def choose_port(asked: int | None, root: Path | None = None) -> int:
    """Return the port asked for; with none asked, a free one that browsers know, else 0 (any).

    That is the port of the last `lab up` in `root`, so that its pages find this one; then 8000.
    """
    if asked is not None:
        return asked
    last = kept_rights(root).port if root else 0
    return next(filter(is_free, (last or DEFAULT_PORT, DEFAULT_PORT)), 0)


def is_free(port: int) -> bool:
    """Whether a port of 127.0.0.1 can be listened at."""
    with socket.socket() as probe:
        if os.name != "nt":  # on Windows it has another meaning
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _admitted(guard: Guard, live: LiveConsole, stages: OwnStages, request: Request) -> Admitted:
    guard.admit(request)
    watcher = guard.watcher_of(request)
    shown = stages.live(watcher.id) if request.path == OWN_EVENTS else live
    return Admitted(shown.feed, watcher)


@contextmanager
def _own_stage(root: Path, folder: Path) -> Iterator[LiveConsole]:
    """Run a small stage in `folder`; nothing of it is kept."""
    variants = console_variants(Settings(servers=OWN_SERVERS))
    provisioned = ProvisionedStack(folder)
    try:
        with (
            provisioned.open(variants, keep_log=MOST_LOGGED),
            live_console(provisioned, variants, root, MOST_OWN_SERVERS) as live,
        ):
            yield live
    finally:
        rmtree(folder, ignore_errors=True)


def _location(path: str, what: str, address: str, policy: str = "") -> str:
    """Return nginx's location block for a part of the console, with a `policy` of its own."""
    own = {"Content-Security-Policy": policy} if policy else {}
    lines = [
        f'    add_header {name} "{value}" always; proxy_hide_header {name};'
        for name, value in {**SECURITY_HEADERS, **own}.items()
    ]
    return LOCATION.format(path=path, what=what, address=address, headers="\n".join(lines))


@contextmanager
def live_console(
    provisioned: ProvisionedStack,
    variants: tuple[Variant, ...],
    root: Path,
    most_servers: int = MOST_PAGE_SERVERS,
    room: Room | None = None,
) -> Iterator[LiveConsole]:
    """Connect the feed, the customers and the playground, and the room; stop them afterwards."""
    feed = Feed()
    customers = Customers(provisioned.stack.pools, feed.publish)

    def doubt() -> None:
        customers.doubt()
        if room:
            room.fault_happened()

    def begin_anew() -> None:
        customers.reset()
        if room:
            room.stage_began()

    playground = Playground(
        provisioned,
        variants,
        feed.publish,
        feed.begin,
        on_fault=doubt,
        on_reload=feed.cut,
        on_reset=begin_anew,
        most_servers=most_servers,
    )
    if room:
        room.stack = playground.status
    experiment_run = ExperimentRun(root, feed.publish)
    stop = provisioned.stack.access.subscribe(
        _RequestLog(provisioned.stack, playground, feed, customers)
    )
    try:
        feed.begin(playground.status(ask=True))
        playground.watch.start()
        yield LiveConsole(playground, feed, customers, experiment_run)
    finally:
        stop()
        feed.close()
        if room:
            room.close()
        experiment_run.close()
        customers.close()
        playground.close()


class _RequestLog:
    """Publishes every request that nginx logged at a desk, from any client."""

    def __init__(
        self, stack: Stack, playground: Playground, feed: Feed, customers: Customers
    ) -> None:
        self._stack = stack
        self._playground = playground
        self._feed = feed
        self._customers = customers
        # Remembered: the last requests of a drained server arrive after it is gone.
        self._server_at: dict[str, dict[int, str]] = {name: {} for name in stack.pools}

    def __call__(self, entry: AccessEntry) -> None:
        pool = self._stack.pools.get(entry.pool)
        if pool is None or _is_the_labs_own(entry):
            return
        server_at = self._server_at[pool.name]
        server_at |= {server.port: name for name, server in list(pool.servers.items())}
        if not is_phones_op(entry.op):  # hundreds at once: the wall draws these, not the stage
            who = self._customers.who_of(entry.op)
            self._feed.publish(from_log(entry, pool.name, server_at, who))
        self._playground.watch.touch()


def _is_the_labs_own(entry: AccessEntry) -> bool:
    """Return whether it is the lab's own probe of an added server."""
    return entry.op == PROBE_OP


class _Later:
    """A WSGI app that is set later, when the origin is known."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if self.app is None:
            start_response(
                "503 Service Unavailable", [("Retry-After", "1"), *SECURITY_HEADERS.items()]
            )
            return [b""]
        return self.app(environ, start_response)


@contextmanager
def _private_folder(folder: Path) -> Iterator[Path | None]:
    """Yield a folder for unix sockets: the run's, or a temporary one; None where there are none.

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
def _served_to_nginx(app: Any, folder: Path | None, name: str = "console") -> Iterator[str]:
    """Serve `app` to this user's processes alone; yield the address for nginx."""
    if folder is None:
        with _serving(app, host="127.0.0.1", port=0) as server:
            yield f"127.0.0.1:{server.effective_port}"
        return
    path = folder / name
    try:
        with _serving(app, unix_socket=str(path), unix_socket_perms="600"):
            yield f"unix:{path}:"
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _listening_to_nginx(folder: Path | None) -> Iterator[tuple[socket.socket, str]]:
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
def _serving(app: Any, **where: Any) -> Iterator[Any]:
    server = create_server(
        app,
        **where,
        threads=THREADS,
        ident=None,
        channel_timeout=10,  # who says nothing is in the way
    )
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
