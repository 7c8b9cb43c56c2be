"""`lab up` and `lab play`: puts stack, page and console together, and takes them apart again."""

import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from urllib.parse import urlsplit

from flask import Request

from lab.console.app import create_app
from lab.console.control_file import ControlFile, kept_control_file, link_of, refuse_second
from lab.console.events import LessonEvent
from lab.console.guard import RECORDED_POLICY, Guard
from lab.console.kept_rights import keep_rights, kept_rights
from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.listening import (
    Later,
    listening_to_nginx,
    location,
    private_folder,
    served_to_nginx,
    serving,
)
from lab.console.live_stage import MOST_LOGGED, live_console, own_stage
from lab.console.offline import one_file
from lab.console.offline.one_file import NewestRecording
from lab.console.offline.recording import Recording
from lab.console.own_stages import MOST_STAGES, OwnStages
from lab.console.places import MOST_OF_INSTRUCTOR, MOST_STREAMS
from lab.console.presenting import Presentation
from lab.console.room import routes_room
from lab.console.room.listener import listening_to_phones
from lab.console.room.phone_app import phone_app
from lab.console.room.room import Room
from lab.console.routes_own import OWN_EVENTS
from lab.console.services import LiveConsole, Services
from lab.console.settings import console_variants
from lab.console.stream_server import Admitted, StreamServer
from lab.core.limits import require_open_files
from lab.core.run_folder import new_run_folder
from lab.evidence.result import Settings
from lab.experiments.provision import ProvisionedStack
from lab.processes.ports import claim

OPEN_FILES = MOST_STREAMS + MOST_OF_INSTRUCTOR + 300  # a stream is an open file


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
    require_open_files(OPEN_FILES, "a page with its watchers")
    lesson = plan.load()
    folder = new_run_folder(root, "up", latest=False)  # it gets no report
    variants = console_variants(settings)
    app = Later()
    with ExitStack() as resources:
        private = resources.enter_context(private_folder(folder))
        address = resources.enter_context(served_to_nginx(app, private))
        listener, streams_at = resources.enter_context(listening_to_nginx(private))
        locations = (
            location("/", "the page, and the console behind it", address),
            location("= /lab/events", "what happens, as it happens", streams_at),
            location(f"= {OWN_EVENTS}", "the same of a learner's own stage", streams_at),
            location("= /recorded", "a recorded lesson", address, RECORDED_POLICY),
        )
        provisioned = ProvisionedStack(folder, progress)
        stack = resources.enter_context(provisioned.open(variants, port, locations, MOST_LOGGED))
        control = ControlFile(stack.origin, secrets.token_urlsafe(24), os.getpid())
        rights = kept_rights(root)
        guard = Guard(control.origin, control.secret, rights.secret)
        keep_rights(root, rights, urlsplit(control.origin).port or 0)
        room = Room(rights.secret, stack.pools, root=root) if phones else None
        live = resources.enter_context(live_console(provisioned, variants, root, room=room))
        stages = OwnStages(lambda number: own_stage(root, folder / f"own-{number}"), learners)
        resources.callback(stages.close)
        stages.start()
        streams = StreamServer(listener, lambda request: _admitted(guard, live, stages, request))
        resources.callback(streams.close)
        live.customers.watching = streams.places.browsers
        streams.start()
        presentation = resources.enter_context(_presentation(live, stages, streams))
        services = Services(
            guard,
            KeptRuns(root),
            lesson,
            live,
            own_stages=learners > 0,
            has_room=room is not None,
            on_lesson=lambda event, browser: _led(event, browser, stages, presentation),
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
    own = folder / "phones-nginx"
    try:
        with (
            served_to_nginx(phone_app(room), private, "phones") as upstream,
            listening_to_phones(own, phones.address, phones.port, room.code, upstream) as port,
        ):
            yield f"http://{phones.address}" + ("" if port == 80 else f":{port}")
    finally:
        rmtree(own, ignore_errors=True)  # nothing of the room is kept


@contextmanager
def playing(root: Path, port: int, lesson: Recording | None = None) -> Iterator[str]:
    """Serve the page alone, for a recorded lesson and the runs below `root`; yield its origin."""
    port = claim(port)
    origin = f"http://127.0.0.1:{port}"
    played = one_file.for_page(lesson) if lesson else ""
    recorded = NewestRecording(root)
    services = Services(
        Guard(origin), KeptRuns(root), plan.load(), recorded=recorded, played=played
    )
    app = create_app(services)
    with serving(app, host="127.0.0.1", port=port):
        yield origin


@contextmanager
def _presentation(
    live: LiveConsole, stages: OwnStages, streams: StreamServer
) -> Iterator[Presentation]:
    """Watch over a presentation, which ends with its browser."""

    def end(event: LessonEvent) -> None:
        stages.publish(event)
        live.feed.publish(event)

    presentation = Presentation(streams.places.browsers, end)
    presentation.start()
    try:
        yield presentation
    finally:
        presentation.close()


def _led(event: LessonEvent, browser: str, stages: OwnStages, presentation: Presentation) -> None:
    presentation.go_on(event, browser)
    stages.publish(event)


def _admitted(guard: Guard, live: LiveConsole, stages: OwnStages, request: Request) -> Admitted:
    guard.admit(request)
    watcher = guard.watcher_of(request)
    shown = stages.live(watcher.id) if request.path == OWN_EVENTS else live
    return Admitted(shown.feed, watcher)
