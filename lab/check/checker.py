"""The check itself: which plays are held, in which order, and what is told when it must stop."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lab.check.budget import Budget, Spent
from lab.check.differences import HEADERS, Difference
from lab.check.conversation import Answer, Call, Client, Conversation
from lab.check.judge import (
    READS_WRITES,
    TURNS,
    UNSEEN,
    Finding,
    Level,
    Report,
    doubted,
    level_of,
)
from lab.check.outside import Outside
from lab.check.runner import ClientState, Runner, Trace
from lab.check.prover import Prover, sides_of
from lab.check.service import DidNotStart, Pool, Process, Start
from lab.check.workers import separate_memory
from lab.check.comparator import ResponseComparator
from lab.core.redaction import redact_text
from lab.processes.waiting import end_of

MOST_SHRUNK = 3  # routes whose shortest script is looked for
MOST_AGAIN = 10  # requests that are sent a second time
WITHIN = 10
FRESH = "a fresh process for each call"
ALONE = "alone, with nothing behind the service"
SEVERAL = "several processes answer, and what varies may be one's memory: try it with one"
STOPPED = "stopped by Ctrl-C"


class Source(Protocol):
    """Where a conversation comes from."""

    def hold(self, send: Client) -> Conversation:
        """Return the conversation; what is not written down is found out with `send`."""
        ...


@dataclass(frozen=True)
class Options:
    """What to compare and how long to wait. `ignored` names places, as in `Difference.where`."""

    ignored: frozenset[str] = frozenset()
    headers: tuple[str, ...] = HEADERS
    timeout_s: float = 10.0
    ahead: int = 3


@dataclass
class Check:
    """One check of one service. `run` raises LabError where the source or the reset is wrong."""

    start: Start
    source: Source
    folder: Path
    options: Options = Options()
    budget: Budget = field(default_factory=Budget)
    progress: Callable[[str], None] = lambda line: None

    def run(self) -> Report:
        """Hold all plays and judge; at a bound or Ctrl-C return what is known, marked partial."""
        report = Report(Level.UNKNOWN, "it ended before anything was compared")
        try:
            with Pool(self.start, self.folder, self.budget, self.options.ahead) as pool:
                runner = Runner(pool, self.budget, self.options.timeout_s)
                _Session(self, runner, report).run()
        except Spent as bound:
            report.cut(str(bound))
        except DidNotStart as failure:
            report.cut(str(failure))
            report.because = str(failure) if not report.findings else report.because
        except KeyboardInterrupt:
            report.cut(STOPPED)
        report.requests, report.processes = self.budget.requests, self.budget.processes
        report.seconds = self.budget.seconds
        return report


class _Session:
    """The state of one run: what has been played so far."""

    def __init__(self, check: Check, runner: Runner, report: Report) -> None:
        self._check = check
        self._runner = runner
        self._report = report
        self._comparator = ResponseComparator(check.options.ignored, check.options.headers)
        self._outside = Outside(check.start.cwd, check.folder)
        self._family = 1
        self._log = ""

    def run(self) -> None:
        conversation, live = self._record()
        first = self._baseline(conversation, live)
        if self._family > 1 and (found := self._separate(conversation)):
            self._judge(found)
        elif trouble := self._trouble(first.answers):
            self._report.because = trouble
        else:
            self._compare(conversation, first)
        if limited := sorted(self._comparator.limited):
            titles = ", ".join(f"{n + 1} {conversation.calls[n].title}" for n in limited)
            self._report.note(
                "a rate limiter answers 429: it counts requests, and that is not compared; "
                f"it left out {titles}"
            )

    def _compare(self, conversation: Conversation, first: Trace) -> None:
        self._judge(self._in_process(conversation, first))
        obstacle = self._obstacle()
        if obstacle is None:
            self._judge(self._behind(conversation, first))
        if any(finding.differences for finding in self._report.findings):
            self._prove(conversation)
        if self._report.level in (Level.PROCESS, Level.BACKING_SERVICE):
            return
        if obstacle:
            self._report.level, self._report.because = Level.UNKNOWN, obstacle
        else:
            self._judge(self._carried(conversation, first))
            if self._report.level is Level.SELF_CONTAINED:
                self._say_it_twice(conversation, first)

    def _record(self) -> tuple[Conversation, bool]:
        """Return the conversation, and whether it was held here (not in a browser, long ago)."""
        self._tell("starting the service, holding the conversation once")
        self._outside.look()
        with self._runner.client() as client:
            conversation = self._check.source.hold(client)
        self._report.conversation = conversation
        return conversation, bool(client.held)

    def _baseline(self, conversation: Conversation, live: bool) -> Trace:
        """Hold it twice, each time on one process; what differs then differs by itself."""
        self._tell("the conversation on one process, twice: what varies by itself?")
        first = self._runner.one(conversation, self._watch)
        self._outside.look()
        if self._outside.touched:
            self._runner.share()
        second = self._runner.one(conversation)
        pairs = zip(first.answers, second.answers, strict=True)
        for index, (one, other) in enumerate(pairs):
            self._comparator.learn(index, one, other)
        for index, (was, one) in enumerate(zip(conversation.answers, first.answers, strict=False)):
            self._comparator.learn_recorded(index, was, one, live)
        self._report.masked = self._comparator.masked
        self._played("on one process, twice, to learn what varies by itself")
        return first

    def _watch(self, process: Process) -> None:
        self._outside.ask(process)
        self._family = max(self._family, process.servers())
        self._log = end_of(process.child.log_path, process.child.log_start, lines=6)
        if self._family > 1:
            self._report.note(
                f"your command starts {self._family} processes that hold its port (workers, or "
                "a reloader); a kill here ends them all"
            )

    def _separate(self, conversation: Conversation) -> list[Finding]:
        """Do the processes of one command remember for themselves? Then findings, else none."""
        self._tell(f"one server of {self._family} processes, asked {WITHIN} times")
        found = separate_memory(self._runner, conversation, self._comparator, WITHIN)
        self._played(f"on one server of {self._family} processes, a call {WITHIN} times")
        if found is None:
            for index in self._comparator.masked:
                self._comparator.unsure.setdefault(index, SEVERAL)
            return []
        index, odd, places = found
        self._report.note(
            f"your command starts {self._family} processes with separate memory: {odd} of {WITHIN} "
            f"answers differed within one server ({conversation.calls[index].title})"
        )
        return [
            self._finding(conversation, each, Level.PROCESS, "one server, its processes", places)
            if each == index
            else self._finding(conversation, each, Level.UNKNOWN)
            for each in range(len(conversation))
        ]

    def _trouble(self, answers: Sequence[Answer]) -> str | None:
        """Say what is wrong if no request at all succeeded; None if one did."""
        if any(answer.status is not None and answer.status < 400 for answer in answers):
            return None
        kinds = Counter(answer.status or f"no answer ({answer.error})" for answer in answers)
        told = ", ".join(f"{kind} ({count} times)" for kind, count in kinds.most_common(3))
        return (
            f"no request of this conversation succeeded: {told}; a service that only fails cannot "
            f"be compared: {self._log}"
        )

    def _in_process(self, conversation: Conversation, first: Trace) -> list[Finding]:
        traces = {FRESH: self._fresh(conversation)}
        for play in (TURNS, READS_WRITES):
            sides = sides_of(conversation, play)
            if len(set(sides)) > 1:
                self._tell(play)
                traces[play] = self._runner.alternating(conversation, sides)
        self._played(*(f"on {play}" for play in traces))
        findings = []
        for index, expected in enumerate(first.answers):
            for play, trace in traces.items():
                found = self._comparator(index, expected, trace.answers[index])
                if found:
                    findings.append(self._finding(conversation, index, Level.PROCESS, play, found))
                    break
            else:
                findings.append(self._finding(conversation, index, Level.UNKNOWN))
        return findings

    def _fresh(self, conversation: Conversation) -> Trace:
        line = "every call on a process of its own"
        self._tell(line)
        return self._runner.fresh(
            conversation, lambda done: self._tell(f"{line}: {done} of {len(conversation)}")
        )

    def _obstacle(self) -> str | None:
        """Say why what is behind it cannot be emptied; None if it can, or nothing is there."""
        touched = self._outside.touched
        if self._check.start.reset is not None or not touched:
            return None
        return (
            f"fresh processes answer alike, but the service keeps something outside "
            f"({'; '.join(touched)}): say how to empty it with --reset COMMAND "
            "(--reset true, if no answer can depend on that)"
        )

    def _behind(self, conversation: Conversation, first: Trace) -> list[Finding]:
        """Judge the calls that fresh processes answered alike: is something behind them.

        Where there is no reset nothing was seen behind them, and nothing is played.
        """
        reset = self._check.start.reset is not None
        of = sum(finding.level is Level.UNKNOWN for finding in self._report.findings)
        findings: list[Finding] = []
        done = 0
        for finding in self._report.findings:
            if finding.level is Level.UNKNOWN:
                done += 1
                if reset:
                    self._tell(f"{ALONE}: {done} of {of}")
                finding = self._alone(conversation, first, finding.index, reset)
            findings.append(finding)
        if reset:
            self._played("each call that was answered alike alone, with nothing behind the service")
        return findings

    def _alone(self, conversation: Conversation, first: Trace, index: int, reset: bool) -> Finding:
        found: list[Difference] = []
        if reset:
            seen = self._runner.alone(conversation, first, index)
            found = self._comparator(index, first.answers[index], seen)
        level = Level.BACKING_SERVICE if found else Level.SELF_CONTAINED
        finding = self._finding(conversation, index, level, ALONE if reset else FRESH, found)
        return finding if found else self._comparator.doubts(finding)

    def _carried(self, conversation: Conversation, first: Trace) -> list[Finding]:
        """Does any answer depend on what the client carries? Else nothing was shown."""
        self._tell("every call by a client that carries nothing")
        naked = self._runner.naked(conversation)
        self._played("by a client that carries nothing")
        return [
            replace(finding, depends=self._comparator.depends(finding.index, expected, seen))
            for finding, expected, seen in zip(
                self._report.findings, first.answers, naked, strict=True
            )
        ]

    def _say_it_twice(self, conversation: Conversation, first: Trace) -> None:
        """Note what the service does twice when it is asked twice: nobody remembers the first."""
        chosen = [
            index
            for index, (call, answer) in enumerate(
                zip(conversation.calls, first.answers, strict=True)
            )
            if call.method == "POST" and _succeeded(answer) and _brings(call, first.carried[index])
        ]
        if not chosen:
            return
        self._tell("each order once more, with the credential it had")
        again = self._runner.twice(conversation, chosen[:MOST_AGAIN])
        self._played("on one process, some orders a second time with the same credential")
        titles = [
            conversation.calls[index].title
            for index, (one, other) in again.items()
            if _succeeded(other) and not self._comparator(index, one, other)
        ]
        if titles:
            told = ", ".join(dict.fromkeys(titles))
            self._report.note(
                f"self-contained is not idempotent: {told} sent twice with the same credential "
                "was accepted twice, with the same answer: nobody remembers the first time "
                "(lab run double-checkout)"
            )

    def _prove(self, conversation: Conversation) -> None:
        """Find the shortest script for a differing call of each of a few routes.

        A verdict that could not be shown again does not stand.
        """
        shared = self._check.start.reset is not None or bool(self._outside.touched)
        prover = Prover(self._runner, conversation, self._comparator, shared)
        proven: set[str] = set()
        for position, finding in enumerate(self._report.findings):
            route = _route(conversation.calls[finding.index])
            if not finding.differences or route in proven or len(proven) == MOST_SHRUNK:
                continue
            self._tell(f"looking for the shortest script that shows {finding.title}")
            reproducer = prover.shortest(finding, self._report.reproducer is None)
            if reproducer is None:
                self._report.findings[position] = doubted(finding)
                continue
            proven.add(route)
            self._report.findings[position] = replace(finding, needs=reproducer.calls[:-1])
            self._report.reproducer = self._report.reproducer or reproducer
        self._judge(self._report.findings)
        self._played("the shortest scripts, some of their parts, and they themselves again")

    def _judge(self, findings: list[Finding]) -> None:
        self._report.findings = findings
        unseen = "" if self._check.start.reset is not None else UNSEEN + self._outside.caveat
        self._report.level, self._report.because = level_of(findings, unseen)

    def _finding(
        self,
        conversation: Conversation,
        index: int,
        level: Level,
        play: str = "",
        found: Iterable[Difference] = (),
    ) -> Finding:
        return Finding(index, conversation.calls[index].title, level, play, tuple(found))

    def _played(self, *plays: str) -> None:
        self._report.plays += plays

    def _tell(self, line: str) -> None:
        self._check.progress(redact_text(line))


def _succeeded(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300


def _brings(call: Call, carried: ClientState) -> bool:
    return bool(carried.cookies) or any(call.refs())


def _route(call: Call) -> str:
    path = "".join(piece if isinstance(piece, str) else "…" for piece in call.path)
    return f"{call.method} {path.partition('?')[0]}"
