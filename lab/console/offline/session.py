"""Makes a whole recording: on a stack of its own, every script, and what the page reads."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from flask.testing import FlaskClient

from lab.console.app import create_app
from lab.console.code_view import asked_at
from lab.console.control_file import SECRET_HEADER
from lab.console.guard import Guard
from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.live_stage import live_console
from lab.console.offline.recorder import Events, LessonRecorder, NotRecorded, runs
from lab.console.offline.recording import (
    RECORDING_VERSION,
    Answered,
    RecordedScript,
    Recording,
    digest,
)
from lab.console.services import LiveConsole, Services
from lab.console.settings import CHOICES, console_variants
from lab.core.components import Components
from lab.core.errors import LabError
from lab.evidence.result import Settings
from lab.experiments.provision import ProvisionedStack
from lab.stack.programs import find_store

_RECORDER_SECRET = "the recorder, in this process"  # nothing listens: the app is called, not served
_PAGE_READS = ("/lab/chapters",)


def record(folder: Path, progress: Callable[[str], None], now: datetime) -> Recording:
    """Run every script of the lesson on real servers; return what happened."""
    lesson = plan.load()
    with _console(folder) as (console, components):
        recorder = LessonRecorder(console, lesson)
        customers = recorder.enter()
        snapshot = console.snapshot()
        recorded, missing = [], []
        for name, settings in runs(lesson):
            title = ", ".join([name, *(f"{key} {value}" for key, value in settings.items())])
            progress(title)
            try:
                recorded.append(recorder.record(name, settings))
            except NotRecorded as error:
                missing.append(f"{title}: {error}")
        if not recorded:
            raise LabError(f"nothing could be recorded: {missing[0]}")
        answers = {path: console.get(path) for path in (*_PAGE_READS, *_code(lesson, recorded))}
    return Recording(
        RECORDING_VERSION,
        now.isoformat(timespec="seconds"),
        version("two-desks"),
        digest(lesson),
        components,
        customers,
        snapshot,
        answers,
        {name: list(values) for name, values in CHOICES.items()},
        recorded,
        missing,
    )


class _InProcess:
    """A client of the console in the same process."""

    def __init__(self, web: FlaskClient, origin: str, live: LiveConsole) -> None:
        self._web = web
        self._headers = {"Host": urlsplit(origin).netloc, SECRET_HEADER: _RECORDER_SECRET}
        self._live = live

    def post(self, path: str, body: Mapping[str, object]) -> tuple[int, object]:
        response = self._web.post(path, json=dict(body), headers=self._headers)
        return response.status_code, response.get_json(silent=True)

    def get(self, path: str) -> Answered:
        with self._web.get(path, headers=self._headers) as response:
            if response.status_code != 200:
                raise LabError(f"the console answered {path} with {response.status_code}")
            return Answered(response.content_type, response.get_data(as_text=True))

    def events(self) -> Events:
        return [dict(each.json()) for each in self._live.feed.history()]

    def refresh(self) -> None:
        self._live.playground.refresh()

    def snapshot(self) -> Mapping[str, object]:
        """Return the first message that a page gets."""
        message = b"".join(self._live.feed.reader().take().parts).decode()
        data = message.partition("\ndata: ")[2].strip()
        return msgspec.json.decode(data, type=dict[str, object])


@contextmanager
def _console(folder: Path) -> Iterator[tuple[_InProcess, Components]]:
    """Run both desks and their console, which nothing outside of this process can reach."""
    store = "redis" if find_store() else "memory"  # so that the store is among the components
    settings = Settings(store=store)
    variants = console_variants(settings)
    provisioned = ProvisionedStack(folder)
    with (
        provisioned.open(variants, keep_log=1000) as stack,
        live_console(provisioned, variants, folder) as live,
    ):
        guard = Guard(stack.origin, _RECORDER_SECRET)
        app = create_app(Services(guard, KeptRuns(folder), plan.load(), live))
        yield _InProcess(app.test_client(), stack.origin, live), stack.components()


def _code(lesson: plan.Lesson, recorded: list[RecordedScript]) -> list[str]:
    """Return the paths at which the page reads the code of each request in the lesson."""
    asked = {(each.code.method, each.code.path) for each in lesson.chapters if each.code}
    for step in chain.from_iterable(script.steps for script in recorded):
        seen = (event for event in step.events if event["kind"] == "exchange")
        asked |= {(str(e["method"]), str(e["path"]).partition("?")[0]) for e in seen}
    return [asked_at(method, path) for method, path in sorted(asked)]
