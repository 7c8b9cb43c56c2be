"""The check itself: which plays are held, in which order, and what is told when it must stop."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lab.check import outside
from lab.check.budget import Budget, Spent
from lab.check.compare import HEADERS, Difference, differences, varying
from lab.check.conversation import Answer, Call, Conversation
from lab.check.judge import TURNS, Finding, Level, Report, is_rate_limit, level_of
from lab.check.plays import Baggage, Player, Trace
from lab.check.prover import Prover
from lab.check.service import DidNotStart, Pool, Process, Start
from lab.check.workers import separate_memory
from lab.evidence.redaction import redact_text
from lab.stack.waiting import end_of

MOST_SHRUNK = 3  # routes whose shortest script is looked for
MOST_AGAIN = 10  # requests that are sent a second time
WITHIN = 10
ALONE = "alone on a fresh process"
STOPPED = "stopped by Ctrl-C"


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
                player = Player(pool, self.budget, self.options.timeout_s)
                _Session(self, player, report).run()
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

    def __init__(self, check: Check, player: Player, report: Report) -> None:
        self._check = check
        self._player = player
        self._report = report
        self._ignored: dict[int, frozenset[str]] = {}
        self._touched: list[str] = []
        self._contacts: list[str] = []
        self._family = 1
        self._log = ""

    def run(self) -> None:
        conversation = self._record()
        first, noisy = self._baseline(conversation)
        if self._family > 1 and (found := self._separate(conversation)):
            self._judge(found)
        elif noisy:
            title = conversation.calls[noisy[0]].title
            self._report.because = (
                f"too noisy to compare: {title} was answered with another status the second time"
            )
        elif trouble := self._trouble(first.answers):
            self._report.because = trouble
        else:
            self._compare(conversation, first)

    def _compare(self, conversation: Conversation, first: Trace) -> None:
        self._judge(self._in_process(conversation, first))
        obstacle = self._obstacle()
        if obstacle is None:
            self._judge(self._behind(conversation, first))
        if self._report.level in (Level.PROCESS, Level.BACKING_SERVICE):
            self._prove(conversation)
        elif obstacle:
            self._report.because = obstacle
        else:
            self._judge(self._carried(conversation, first))
            if self._report.level is Level.SELF_CONTAINED:
                self._say_it_twice(conversation, first)

    def _record(self) -> Conversation:
        self._tell("starting the service, holding the conversation once")
        with self._player.client() as send:
            conversation = self._check.source.hold(send)
        self._report.conversation = conversation
        return conversation

    def _baseline(self, conversation: Conversation) -> tuple[Trace, list[int]]:
        """Hold it twice, each time on one process; what differs then differs by itself.

        Return the first trace, and the calls whose very status was another.
        """
        self._tell("the conversation on one process, twice: what varies by itself?")
        before = self._snapshot()
        first = self._player.one(conversation, self._watch)
        self._touched = outside.changed(before, self._snapshot())
        second = self._player.one(conversation)
        noisy = []
        for index, (one, other) in enumerate(zip(first.answers, second.answers, strict=True)):
            places = varying(one, other, self._check.options.headers)
            self._ignored[index] = places | self._check.options.ignored
            if places:
                self._report.masked[index] = tuple(sorted(places))
            if "status" in places - self._check.options.ignored and not is_rate_limit(
                differences(one, other)
            ):
                noisy.append(index)
        return first, noisy

    def _snapshot(self) -> outside.Snapshot:
        # Our own logs lie somewhere below, as a rule.
        return outside.snapshot(self._check.start.cwd, skip=self._check.folder.parent)

    def _watch(self, process: Process) -> None:
        self._contacts = outside.contacts(process)
        self._family = len(process.family())
        self._log = end_of(process.child.log_path, process.child.log_start, lines=6)
        if self._family > 1:
            self._report.note(
                f"your command starts {self._family} processes (workers, or a reloader); "
                "a kill here ends them all"
            )

    def _separate(self, conversation: Conversation) -> list[Finding]:
        """Do the processes of one command remember for themselves? Then findings, else none."""
        self._tell(f"one server of {self._family} processes, asked {WITHIN} times")
        found = separate_memory(self._player, conversation, self._family, WITHIN)
        if found is None:
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
        line = "every call on a process of its own"
        self._tell(line)
        fresh = self._player.fresh(
            conversation, lambda done: self._tell(f"{line}: {done} of {len(conversation)}")
        )
        self._tell(TURNS)
        turns = self._player.alternating(conversation)
        findings = []
        for index, expected in enumerate(first.answers):
            for play, trace in (("fresh process", fresh), (TURNS, turns)):
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
            f"({'; '.join(touched)}): say how to empty it with --reset COMMAND "
            "(--reset true, if no answer can depend on that)"
        )

    def _behind(self, conversation: Conversation, first: Trace) -> list[Finding]:
        """Judge the calls that fresh processes answered alike: is something behind them.

        Where nothing is, a fresh process was alone already.
        """
        findings = []
        open_ones = [each for each in self._report.findings if each.level is Level.UNKNOWN]
        for finding in self._report.findings:
            if finding.level is not Level.UNKNOWN:
                findings.append(finding)
                continue
            found: list[Difference] = []
            if self._check.start.reset is not None:
                done = open_ones.index(finding) + 1
                self._tell(f"alone, with nothing behind the service: {done} of {len(open_ones)}")
                seen = self._player.alone(conversation, first, finding.index)
                found = self._differences(finding.index, first.answers[finding.index], seen)
            level = Level.BACKING_SERVICE if found else Level.SELF_CONTAINED
            findings.append(self._finding(conversation, finding.index, level, ALONE, found))
        return findings

    def _carried(self, conversation: Conversation, first: Trace) -> list[Finding]:
        """Does any answer depend on what the client carries? Else nothing was shown."""
        self._tell("every call by a client that carries nothing")
        naked = self._player.naked(conversation)
        return [
            replace(finding, depends=bool(self._differences(finding.index, expected, seen)))
            for finding, expected, seen in zip(
                self._report.findings, first.answers, naked, strict=True
            )
        ]

    def _say_it_twice(self, conversation: Conversation, first: Trace) -> None:
        """Note what the service does twice when it is asked twice: nobody remembers the first."""
        self._tell("each order once more, with the credential it had")
        chosen = [
            index
            for index, (call, answer) in enumerate(
                zip(conversation.calls, first.answers, strict=True)
            )
            if call.method == "POST" and _succeeded(answer) and _brings(call, first.carried[index])
        ]
        again = self._player.twice(conversation, chosen[:MOST_AGAIN])
        titles = [
            conversation.calls[index].title
            for index, (one, other) in again.items()
            if _succeeded(other) and not self._differences(index, one, other)
        ]
        if titles:
            told = ", ".join(dict.fromkeys(titles))
            self._report.note(
                f"self-contained is not idempotent: {told} sent twice with the same credential "
                "was accepted twice, with the same answer: nobody remembers the first time "
                "(lab run double-checkout)"
            )

    def _prove(self, conversation: Conversation) -> None:
        """Find the shortest script for the first differing call of each of a few routes."""
        prover = Prover(
            self._player,
            conversation,
            self._differences,
            shared=self._check.start.reset is not None or bool(self._touched or self._contacts),
        )
        done: set[str] = set()
        for position, finding in enumerate(self._report.findings):
            route = _route(conversation.calls[finding.index])
            if not finding.differences or route in done or len(done) == MOST_SHRUNK:
                continue
            done.add(route)
            self._tell(f"looking for the shortest script that shows {finding.title}")
            witness = prover.shortest(finding, self._report.witness is None)
            if witness is not None:
                self._report.findings[position] = replace(finding, needs=witness.calls[:-1])
                self._report.witness = self._report.witness or witness
        if self._report.witness is None:
            self._report.doubt()

    def _judge(self, findings: list[Finding]) -> None:
        self._report.findings = findings
        self._report.level, self._report.because = level_of(findings)

    def _differences(self, index: int, expected: Answer, seen: Answer) -> list[Difference]:
        found = differences(expected, seen, self._ignored[index], self._check.options.headers)
        if is_rate_limit(found):
            self._report.note(
                "a rate limiter answers 429: it counts requests, and that is not compared"
            )
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
        self._check.progress(redact_text(line))


def _succeeded(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300


def _brings(call: Call, carried: Baggage) -> bool:
    return bool(carried.cookies) or any(call.refs())


def _route(call: Call) -> str:
    path = "".join(piece if isinstance(piece, str) else "…" for piece in call.path)
    return f"{call.method} {path.partition('?')[0]}"
