"""Small stages for learners without rights, for one browser each.

A stage is started when its browser first asks, and ended when it is idle. There are few; the
others wait in a queue that says how many are ahead. One thread starts and ends all of them.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import count

import msgspec

from lab.console.events import LessonEvent
from lab.console.places import Full
from lab.console.services import LiveConsole
from lab.core.errors import LabError
from lab.core.redaction import redact_text

MOST_STAGES = 3
MOST_WAITING = 100
STAGE_IDLE_S = 300.0
STAGE_IDLE_WAITED_FOR_S = 60.0  # an idle stage ends after this while others wait for one
GONE_S = 15.0  # a page that waits asks every few seconds
STAGES_LOOK_S = 1.0

_log = logging.getLogger(__name__)


class OwnStageState(msgspec.Struct, frozen=True):
    """The answer to a page that asks for a stage: starting, ready, waiting, failed or off."""

    state: str
    ahead: int = 0
    """How many browsers wait before this one."""
    most: int = 0
    trouble: str = ""
    recorded: bool = False
    """True if the browser can use a recorded lesson meanwhile."""


@dataclass(eq=False)
class _OwnStage:
    used_s: float
    resources: ExitStack = field(default_factory=ExitStack)
    live: LiveConsole | None = None
    trouble: str = ""
    """Why it did not come up."""
    left: bool = False
    """True if its browser gave it up."""


class OwnStages:
    """The stages by browser; `open_stage` starts the stage of a number and ends it again."""

    def __init__(
        self,
        open_stage: Callable[[int], AbstractContextManager[LiveConsole]],
        most: int = MOST_STAGES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_stage = open_stage
        self._most = most
        self._clock = clock
        self._numbers = count(1)
        self._stages: dict[str, _OwnStage] = {}
        # When each browser asked last; the first one has waited longest.
        self._waiting: dict[str, float] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._lesson: LessonEvent | None = None
        self._thread = threading.Thread(target=self._run, name="own-stages", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """End all stages, and wait for that."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def ask(self, browser: str) -> OwnStageState:
        """Return how far this browser's stage is; ask for one if it has none. Full, LabError."""
        _require_id(browser)
        with self._changed:
            if self._most == 0 or self._closed:
                return OwnStageState("off")
            stage = self._stages.get(browser)
            if stage and not stage.left:
                stage.used_s = self._clock()
                return self._described(stage)
            if browser not in self._waiting and len(self._waiting) >= MOST_WAITING:
                raise Full(f"{MOST_WAITING} browsers wait for a stage: try again later")
            self._waiting[browser] = self._clock()
            self._changed.notify_all()
            ahead = list(self._waiting).index(browser)
            state = "waiting" if self._used() + ahead >= self._most else "starting"
            return OwnStageState(state, ahead, self._most)

    def live(self, browser: str) -> LiveConsole:
        """Return this browser's stage, which counts as used; LabError if it has none."""
        _require_id(browser)
        with self._changed:
            stage = self._stages.get(browser)
            if stage is None or stage.live is None or stage.left:
                raise LabError("this browser has no stage now: ask for one with POST /lab/own")
            stage.used_s = self._clock()
            return stage.live

    def leave(self, browser: str) -> None:
        """Give up the stage, or the place in the queue."""
        with self._changed:
            self._waiting.pop(browser, None)
            if stage := self._stages.get(browser):
                stage.left = True
            self._changed.notify_all()

    def publish(self, lesson: LessonEvent) -> None:
        """Publish the instructor's place in the lesson on every stage, also on later ones."""
        with self._changed:
            self._lesson = lesson
            shown = [stage.live for stage in self._stages.values() if stage.live]
        for live in shown:
            live.feed.publish(lesson)

    def _described(self, stage: _OwnStage) -> OwnStageState:
        if stage.trouble:
            return OwnStageState("failed", most=self._most, trouble=stage.trouble)
        return OwnStageState("ready" if stage.live else "starting", most=self._most)

    def _run(self) -> None:
        while not self._closed:
            with self._changed:
                ended = self._take_idle()
                begun = None if ended else self._next()
                if not ended and begun is None and not self._closed:
                    self._changed.wait(STAGES_LOOK_S)
            for stage in ended:
                _end(stage)
            if begun is not None:
                self._begin(begun)
        for stage in self._stages.values():
            _end(stage)

    def _take_idle(self) -> list[_OwnStage]:
        """Remove idle stages, and browsers that have gone from the queue."""
        now_s = self._clock()
        self._waiting = {who: at for who, at in self._waiting.items() if now_s - at <= GONE_S}
        idle = [who for who, each in self._stages.items() if self._is_over(each)]
        return [self._stages.pop(who) for who in idle]

    def _is_over(self, stage: _OwnStage) -> bool:
        """Return True if a stage is to be ended; sooner where others wait."""
        patience_s = STAGE_IDLE_WAITED_FOR_S if self._waiting else STAGE_IDLE_S
        return stage.left or self._clock() - stage.used_s > patience_s

    def _used(self) -> int:
        """Count the stages that go on."""
        return sum(not self._is_over(each) for each in self._stages.values())

    def _next(self) -> _OwnStage | None:
        """Reserve a stage for the first browser in the queue, if there is room."""
        if not self._waiting or len(self._stages) >= self._most or self._closed:
            return None
        browser = next(iter(self._waiting))
        del self._waiting[browser]
        stage = self._stages[browser] = _OwnStage(self._clock())
        return stage

    def _begin(self, stage: _OwnStage) -> None:
        try:
            live = stage.resources.enter_context(self._open_stage(next(self._numbers)))
        except Exception as error:
            if not isinstance(error, LabError):
                _log.exception("a learner's stage did not start")
            trouble = redact_text(str(error)) or type(error).__name__
            with self._changed:
                stage.trouble = f"this stage did not start: {trouble}"
            return
        with self._changed:
            stage.live, stage.used_s = live, self._clock()
            lesson = self._lesson
        if lesson:
            live.feed.publish(lesson)


def _end(stage: _OwnStage) -> None:
    try:
        stage.resources.close()
    except Exception:  # the next one must be able to start
        _log.exception("a learner's stage did not end well")


def _require_id(browser: str) -> None:
    if not browser:
        raise LabError("this browser has no id yet: open the page first")
