"""The check itself: which plays are held, in which order, and what is told when it must stop."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lab.check import outside
from lab.check.budget import Budget, Spent
from lab.check.compare import HEADERS, Difference, differences, varying
from lab.check.conversation import Answer, Call, Conversation
from lab.check.judge import Finding, Level, Report, Witness, is_rate_limit, level_of
from lab.check.plays import Player, Trace
from lab.check.service import Pool, Process, Start
from lab.check.shrink import shrink

CONFIRMATIONS = 3
MOST_SHRUNK = 3  # routes whose shortest script is looked for
WITHIN = 10


class Source(Protocol):
    """Where a conversation comes from."""

    def hold(self, send: Callable[[Call], Answer]) -> Conversation:
        """Return the conversation; what is not written down is found out with `send`."""
        ...


@dataclass(frozen=True)
class Options:
    """What to compare and how long to wait. `ignored` names places, as in `Difference.where`."""

    ignored: frozenset[str] = frozenset()
    headers: tuple[str, ...] = HEADERS
    timeout_s: float = 10.0
    ahead: int = 2


@dataclass
class Check:
    """One check of one service. `run` raises LabError where the service does not start."""

    start: Start
    source: Source
    folder: Path
    options: Options = Options()
    budget: Budget = field(default_factory=Budget)
    progress: Callable[[str], None] = lambda line: None

    def run(self) -> Report:
        """Hold all plays and judge; at a bound or Ctrl-C return what is known, marked partial."""
        report = Report(Level.UNKNOWN, "nothing was compared yet")
        with Pool(self.start, self.folder, self.budget, self.options.ahead) as pool:
            try:
                _Session(
                    self, Player(pool, self.budget, self.options.timeout_s), pool, report
                ).run()
            except Spent as bound:
                report.partial = True
                report.notes.append(str(bound))
            except KeyboardInterrupt:
                report.partial = True
                report.notes.append("stopped by Ctrl-C")
        report.requests, report.processes = self.budget.requests, self.budget.processes
        report.seconds = self.budget.seconds
        return report


class _Session:
    """The state of one run: what has been played so far."""

    def __init__(self, check: Check, player: Player, pool: Pool, report: Report) -> None:
        self._check = check
        self._player = player
        self._pool = pool
        self._report = report
        self._ignored: dict[int, frozenset[str]] = {}
        self._touched: list[str] = []
        self._contacts: list[str] = []
        self._family = 1
        self._answers: list[Answer] = []

    def run(self) -> None:
        conversation = self._record()
        first = self._baseline(conversation)
        if first is None:
            return
        self._judge(self._in_process(conversation, first))
        obstacle = self._obstacle()
        if obstacle is None:
            self._judge(self._in_backing_service(conversation, first))
        if self._report.level in (Level.PROCESS, Level.BACKING_SERVICE):
            self._shrink(conversation, wiped=self._report.level is Level.BACKING_SERVICE)
        elif obstacle:
            self._report.because = obstacle
        else:
            self._judge(self._carried(conversation))

    def _record(self) -> Conversation:
        self._tell("starting the service, holding the conversation once")
        self._pool.reset()
        process = self._pool.fresh()
        try:
            conversation = self._check.source.hold(self._player.sender(process))
        finally:
            process.kill()
        self._report.conversation = conversation
        return conversation

    def _baseline(self, conversation: Conversation) -> Trace | None:
        """Hold it twice, each time on one process; what differs then differs by itself."""
        self._tell("the conversation on one process, twice: what varies by itself?")
        before = self._snapshot()
        first = self._player.one(conversation, self._watch)
        self._answers = first.answers
        self._touched = outside.changed(before, self._snapshot())
        second = self._player.one(conversation)
        noisy = []
        for index, (one, other) in enumerate(zip(first.answers, second.answers, strict=True)):
            places = varying(one, other, self._check.options.headers)
            self._ignored[index] = places | self._check.options.ignored
            if places:
                self._report.masked[index] = tuple(sorted(places))
            if "status" in places:
                noisy.append(index)
        if not noisy:
            return first
        self._report.because = self._noise(conversation, noisy)
        return None

    def _snapshot(self) -> outside.Snapshot:
        # Our own logs lie somewhere below, as a rule.
        return outside.snapshot(self._check.start.cwd, skip=self._check.folder.parent)

    def _noise(self, conversation: Conversation, noisy: list[int]) -> str:
        index = noisy[0]
        title = conversation.calls[index].title
        said = f"too noisy to compare: {title} was answered with another status the second time"
        answers = self._player.within(conversation, index, WITHIN)
        statuses = [answer.status for answer in answers]
        odd = len(statuses) - max(map(statuses.count, set(statuses)))
        if odd and self._family > 1:
            return (
                f"your command starts {self._family} processes with separate memory: {odd} of "
                f"{len(statuses)} answers differed within one server ({title})"
            )
        return said

    def _watch(self, process: Process) -> None:
        self._contacts = outside.contacts(process)
        self._family = len(process.family())
        if self._family > 1:
            self._report.notes.append(
                f"your command starts {self._family} processes (workers, or a reloader); "
                "a kill here ends them all"
            )

    def _in_process(self, conversation: Conversation, first: Trace) -> list[Finding]:
        self._tell(f"every one of {len(conversation)} calls on a process of its own")
        fresh = self._player.fresh(conversation)
        self._tell("two processes in turn")
        turns = self._player.alternating(conversation)
        findings = []
        for index, expected in enumerate(first.answers):
            for play, trace in (("fresh process", fresh), ("two processes in turn", turns)):
                found = self._differences(index, expected, trace.answers[index])
                if found:
                    findings.append(self._finding(conversation, index, Level.PROCESS, play, found))
                    break
            else:
                findings.append(self._finding(conversation, index, Level.UNKNOWN))
        return findings

    def _obstacle(self) -> str | None:
        """Say why what is behind it cannot be emptied; None if it can, or nothing is there."""
        touched = [f"it wrote {name}" for name in self._touched[:3]] + self._contacts[:3]
        if self._check.start.reset is not None or not touched:
            return None
        return (
            f"fresh processes answer alike, but the service keeps something outside "
            f"({'; '.join(touched)}): say how to empty it with --reset COMMAND"
        )

    def _in_backing_service(self, conversation: Conversation, first: Trace) -> list[Finding]:
        self._tell("every call alone, with nothing behind the service")
        findings = []
        for finding in self._report.findings:
            index = finding.index
            if finding.level is not Level.UNKNOWN:
                findings.append(finding)
                continue
            seen = self._player.alone(conversation, first, index)
            found = self._differences(index, first.answers[index], seen)
            level = Level.BACKING_SERVICE if found else Level.SELF_CONTAINED
            findings.append(
                self._finding(conversation, index, level, "alone, everything reset", found)
            )
        return findings

    def _carried(self, conversation: Conversation) -> list[Finding]:
        """Does any answer depend on what the client carries? Else nothing was shown."""
        self._tell("every call by a client that carries nothing")
        naked = self._player.naked(conversation)
        return [
            replace(finding, depends=bool(self._differences(finding.index, expected, seen)))
            for finding, expected, seen in zip(
                self._report.findings, self._answers, naked, strict=True
            )
        ]

    def _shrink(self, conversation: Conversation, *, wiped: bool) -> None:
        """Find the shortest script for the first differing call of each of a few routes."""
        done: dict[str, tuple[int, ...]] = {}
        for position, finding in enumerate(self._report.findings):
            if not finding.differences or finding.level is Level.UNKNOWN:
                continue
            route = _route(conversation.calls[finding.index])
            if route not in done and len(done) < MOST_SHRUNK:
                done[route] = self._shortest(conversation, finding, wiped)
                self._report.findings[position] = replace(finding, needs=done[route])

    def _shortest(
        self, conversation: Conversation, finding: Finding, wiped: bool
    ) -> tuple[int, ...]:
        index = finding.index
        self._tell(f"looking for the shortest script that shows {finding.title}")
        seen: list[Difference] = []

        def shows(earlier: Iterable[int]) -> bool:
            part = conversation.only([*earlier, index])
            expected = self._player.one(part).answers[-1]
            found = self._differences(index, expected, self._player.split(part, wiped=wiped))
            seen[:] = found or seen
            return bool(found)

        needs = tuple(shrink(range(index), shows))
        if self._report.witness is None:
            confirmed = sum(shows(needs) for _ in range(CONFIRMATIONS))
            if confirmed == CONFIRMATIONS:
                self._report.witness = Witness(
                    (*needs, index), wiped, tuple(seen), confirmed, CONFIRMATIONS
                )
            else:
                self._report.notes.append(
                    f"the shortest script showed the difference only {confirmed} of "
                    f"{CONFIRMATIONS} times"
                )
        return needs

    def _judge(self, findings: list[Finding]) -> None:
        self._report.findings = findings
        self._report.level, self._report.because = level_of(findings)

    def _differences(self, index: int, expected: Answer, seen: Answer) -> list[Difference]:
        found = differences(expected, seen, self._ignored[index], self._check.options.headers)
        if is_rate_limit(found):
            note = "a rate limiter answers 429: it counts requests, and that is not compared"
            if note not in self._report.notes:
                self._report.notes.append(note)
            return []
        return found

    def _finding(
        self,
        conversation: Conversation,
        index: int,
        level: Level,
        play: str = "",
        found: Iterable[Difference] = (),
    ) -> Finding:
        return Finding(index, conversation.calls[index].title, level, play, tuple(found))

    def _tell(self, line: str) -> None:
        self._check.progress(line)


def _route(call: Call) -> str:
    path = "".join(piece if isinstance(piece, str) else "…" for piece in call.path)
    return f"{call.method} {path.partition('?')[0]}"
