"""The check itself: which plays are held, in which order, and what is known when it must stop."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from lab.check.age import Ages, Given, given_before
from lab.check.budget import Budget, Spent
from lab.check.changes import HEADERS
from lab.check.comparator import STATUS_ONLY, ResponseComparator
from lab.check.conversation import Client, Conversation, recorded
from lab.check.correlation import unfollowed
from lab.check.evidence import Evidence
from lab.check.family import answering
from lab.check.idempotency import idempotency_note
from lab.check.judge import (
    ALONE,
    ELSEWHERE,
    FRESH,
    SEPARATE,
    STATE,
    UNSEEN,
    USED,
    Level,
    Report,
    not_emptied,
)
from lab.check.launcher import START_ITSELF, DidNotStart, OneAtATime
from lab.check.machine import CannotIsolate
from lab.check.outside import Outside
from lab.check.peers import door_to
from lab.check.pool import Pool
from lab.check.process import Process
from lab.check.prover import Prover
from lab.check.runner import Runner
from lab.check.settle import Settlement
from lab.check.sides import plays_on_two
from lab.check.sources.challenge import DIGEST, answers_digest
from lab.check.sources.script_error import ScriptError
from lab.check.start import Start
from lab.check.trace import Trace
from lab.check.used import differs_when_used, outlives_the_process
from lab.check.workers import script_of, separate_memory
from lab.core.http import Answer
from lab.core.redaction import redact_text
from lab.processes.waiting import end_of

WITHIN = 24  # of four workers each is met, but for one time in a thousand
MOST_PATHS = 6
AFTER_FRESH = 5  # processes, after the play of fresh ones: to prove a difference, or in turns
UNAUTHORIZED = 401
REFUSALS = frozenset({400, 403, 404, 421})  # how a service answers a Host that is not its own
SEVERAL = "several processes answer, and what varies may be one's memory: try it with one"
STOPPED = "stopped by Ctrl-C"


class Source(Protocol):
    """Where a conversation comes from."""

    def record(self, send: Client) -> Conversation:
        """Return the conversation; what is not written down is found out with `send`."""
        ...


@dataclass(frozen=True)
class Options:
    """What to compare and how long to wait. `ignored` names places, as in `Difference.where`."""

    ignored: frozenset[str] = frozenset()
    headers: tuple[str, ...] = HEADERS
    timeout_s: float = 10.0
    ahead: int = 2
    require_dependency: bool = False


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
        except ScriptError as failure:  # an assertion of the conversation, on one process
            report.failed = str(failure)
            report.because = f"an assertion of the conversation does not hold: {failure}"
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
        runner.polled = self._comparator.polling
        self._outside = Outside(runner.pool, check.start.cwd, check.folder)
        self._evidence = Evidence(self._comparator, report)
        self._given: list[Given | None] = []
        self._family = 1
        self._ids: set[int] = set()
        self._log = ""
        self._door = ""

    def run(self) -> None:
        conversation, live = self._record()
        baseline = self._baseline(conversation, live)
        self._evidence.begin(conversation, baseline)
        if self._door:
            self._report.because = f"{self._door}: {START_ITSELF}"
        elif self._family > 1 and self._separate(conversation):
            self._judge()
        else:
            trouble = self._trouble(baseline.answers)
            # That one refusal follows another may be what is remembered.
            if trouble is None or len({answer.status for answer in baseline.answers}) > 1:
                self._compare(conversation, baseline)
            if trouble and self._report.level not in STATE:
                self._report.level, self._report.because = Level.UNKNOWN, trouble
        if self._report.level is Level.UNKNOWN and conversation.script is None:
            self._note_digest(conversation, baseline)
        self._note_limits(conversation)

    def _compare(self, conversation: Conversation, baseline: Trace) -> None:
        settle = Settlement(self._runner, self._evidence, self._judge, self._prover, self._tell)
        self._in_process(conversation, settle)
        settle.run()
        if self._report.level in STATE:
            return
        if self._outside.disk and (self._elsewhere(conversation)):
            settle.run()
            if self._report.level in STATE:
                return
        obstacle = self._obstacle()
        if obstacle is None and self._check.start.reset is not None:
            self._alone(conversation, baseline)
            settle.run()
        if self._report.level in STATE:
            return
        if obstacle:
            self._report.level, self._report.because = Level.UNKNOWN, obstacle
            self._report.findings = [not_emptied(each) for each in self._report.findings]
            return
        if not self._outside.network and self._used(conversation, baseline):
            return
        self._carried(conversation, baseline)
        if self._report.level is Level.SELF_CONTAINED:
            self._tell("each order once more, with the credential it had")
            idempotency_note(self._runner, conversation, baseline, self._comparator, self._report)

    def _record(self) -> tuple[Conversation, Trace | None]:
        """Return the conversation, and how it was held here (None: in a browser, long ago)."""
        self._tell("starting the service, holding the conversation once")
        self._outside.look()
        self._runner.during = self._outside.peers.watch
        with self._runner.client() as client:
            client.watch = self._watch
            conversation = self._check.source.record(client)
            held = client.trace if client.trace.is_of(conversation) else None
            if client.process:
                self._door = self._find_door(client.process, conversation)
                port = str(client.process.port)
                self._report.url = client.process.address.url.removesuffix(port) + "{port}"
        self._report.conversation = conversation
        for note in conversation.notes:
            self._report.note(note)
        return conversation, held

    def _baseline(self, conversation: Conversation, held: Trace | None) -> Trace:
        """Hold it twice more, each time on one process; what differs then differs by itself."""
        self._tell("the conversation on one process, twice: what varies by itself?")
        self._outside.look()
        self._share()
        self._runner.endless = _endless(held)
        self._runner.expect(2 + len(conversation) + AFTER_FRESH)
        first = self._runner.one(conversation, self._watch)
        self._outside.peers.closely = False
        self._runner.endless = _endless(first) | self._runner.endless
        self._outside.look()
        self._share()
        plays = [held, first] if held is not None else [first]
        plays.append(self._runner.one(conversation, after=plays[0]))
        self._comparator.learn_plays(plays, self._ids)
        baseline = plays[0]
        if held is None:
            pairs = zip(conversation.answers, first.answers, strict=False)
            for index, (recorded, replayed) in enumerate(pairs):
                call = conversation.calls[index]
                self._comparator.learn_recorded(index, recorded, replayed, unfollowed(call))
        self._given = given_before(conversation, plays)
        for other in plays[1:]:
            if other.ended and not baseline.ended:
                self._comparator.ended(len(other.answers) - 1, other.ended)
        self._report.masked = self._comparator.masked
        self._played("on one process, twice, to learn what varies by itself")
        return baseline

    def _share(self) -> None:
        if self._outside.touched:
            self._runner.pool.share(on_disk_alone=not self._outside.network)

    def _find_door(self, process: Process, conversation: Conversation) -> str:
        """Say what answers instead of the processes that are started here; "" if they do."""
        peers = self._outside.peers
        peers.probe(process)
        gets = (recorded(call.path) for call in conversation.calls if call.method == "GET")
        paths = [*dict.fromkeys([self._check.start.ready or "/", *gets])][:MOST_PATHS]
        return door_to(process, peers.local(), paths, self._runner.pool.mark)

    def _watch(self, process: Process) -> None:
        family = process.family()
        self._outside.ask(process, family)
        self._family = max(self._family, answering(family, process.port))
        self._ids |= {process.port, *(each.pid for each in family)}
        self._log = end_of(process.child.log_path, process.child.log_start, lines=6)
        if self._family > 1:
            self._report.note(
                f"your command starts {self._family} processes that hold its port (workers, or "
                "a reloader); a kill here ends them all"
            )

    def _separate(self, conversation: Conversation) -> bool:
        """Look whether the processes of one command remember for themselves."""
        self._tell(f"one server of {self._family} processes, asked {WITHIN} times")
        found = separate_memory(self._runner, conversation, self._comparator, WITHIN)
        self._played(f"on one server of {self._family} processes, a call {WITHIN} times")
        if found is None:
            for index in self._comparator.masked:
                self._comparator.unsure.setdefault(index, SEVERAL)
            return False
        index, odd, places = found
        self._report.note(
            f"your command starts {self._family} processes with separate memory: {odd} of {WITHIN} "
            f"answers differed within one server ({conversation.calls[index].title})"
        )
        self._evidence.found(SEPARATE, index, places)
        self._report.reproducer = script_of(
            found, self._runner, conversation, self._comparator, WITHIN
        )
        return True

    def _trouble(self, answers: Sequence[Answer]) -> str | None:
        """Say what is wrong if no request at all succeeded; None if one did."""
        if any(answer.ok for answer in answers):
            return None
        kinds = Counter(answer.status or str(answer.error) for answer in answers)
        said = ", ".join(f"{kind} ({count} times)" for kind, count in kinds.most_common(3))
        if {*kinds} <= REFUSALS and self._check.start.host is None:
            said += " (does it refuse this Host? Name its own with --host NAME)"
        return (
            f"no request of this conversation succeeded: {said}; a service that only fails cannot "
            f"be compared: {self._log}"
        )

    def _in_process(self, conversation: Conversation, settle: Settlement) -> None:
        self._evidence.add(FRESH, Level.PROCESS, self._fresh, again=self._fresh)
        self._played(f"on {FRESH}")
        self._judge()
        settle.run()
        if self._report.level in STATE:
            return  # two living processes show no more than that
        plays, everything = plays_on_two(conversation.calls)
        self._runner.expect(2 * len(plays) + 1)  # and one that carries nothing
        for play, sides in plays.items():
            self._tell(play)
            hold = partial(self._runner.alternating, conversation, sides)
            try:
                self._evidence.add(play, Level.PROCESS, hold, hold, sides)
            except OneAtATime:
                self._report.note(
                    "only one process of the service can live at a time here (a second one ends "
                    "at once), so nothing was sent to two that live"
                )
                return
        if not everything:
            self._report.note(
                f"two processes that live were asked in {len(plays)} ways, which is not all that "
                "can matter with so many calls: check a part of them for more"
            )
        self._played(f"on two processes that both live, in {len(plays)} ways")
        self._judge()

    def _fresh(self) -> Trace:
        conversation = self._evidence.conversation
        line, count = "every call on a process of its own", len(conversation)
        self._tell(line)
        # The first request of a process opens what others find open, and takes longer.
        self._outside.peers.closely = True
        try:
            return self._runner.fresh(
                conversation,
                lambda done: self._tell(f"{line}: {min(done, count)} of {count}"),
                youngest=Ages(self._given).youngest,
            )
        finally:
            self._outside.peers.closely = False

    def _elsewhere(self, conversation: Conversation) -> bool:
        """Hold it on processes with a disk of their own; False where that is not possible."""
        self._tell(ELSEWHERE)
        hold = lambda: self._runner.fresh(conversation, elsewhere=True)  # noqa: E731
        try:
            self._evidence.add(ELSEWHERE, Level.DISK, hold, again=hold)
        except CannotIsolate as reason:
            self._report.note(f"no process could be given a disk of its own: {reason}")
            return False
        self._played(f"on {ELSEWHERE}")
        self._judge()
        return True

    def _obstacle(self) -> str | None:
        """Say why what is behind it cannot be emptied; None if it can, or nothing is there."""
        touched = list(self._outside.network)
        if ELSEWHERE not in self._evidence.plays:
            touched = self._outside.touched
        if self._outside.blind:
            touched.append(f"not all that it does can be seen: {self._outside.blind}")
        if self._check.start.reset is not None or not touched:
            return None
        return (
            "fresh processes answer alike, but the service may keep something outside "
            f"({'; '.join(touched)}): say how to empty it with --reset COMMAND "
            "(--reset true, if no answer can depend on that)"
        )

    def _alone(self, conversation: Conversation, baseline: Trace) -> None:
        """Hold each call alone, with nothing behind the service."""
        trace = Trace()
        for index in range(len(conversation)):
            self._tell(f"{ALONE}: {index + 1} of {len(conversation)}")
            part = self._runner.alone(conversation, baseline, index)
            trace.take(index, part)
        files_only = bool(self._outside.disk) and not self._outside.network
        level = Level.DISK if files_only else Level.BACKING_SERVICE
        self._evidence.add(ALONE, level, lambda: trace)
        self._played("each call that was answered alike alone, with nothing behind the service")
        self._judge()

    def _used(self, conversation: Conversation, baseline: Trace) -> bool:
        """Look whether it answers as before when it has served others; True if it does not."""
        self._tell(USED)
        found = differs_when_used(self._runner, conversation, baseline, self._comparator)
        self._played(f"on {USED}, over connections that are kept")
        if found is None:
            return False
        index, differences = found
        if self._outside.disk and outlives_the_process(
            self._runner, conversation, baseline, self._comparator, index
        ):
            title = conversation.calls[index].title
            self._report.note(
                f"{title}: a second client that does the same is answered otherwise, by what is on "
                f"the disk: {differences[0]}"
            )
            return False
        self._evidence.found(USED, index, differences)
        self._judge()
        return True

    def _carried(self, conversation: Conversation, baseline: Trace) -> None:
        """Does any answer depend on what the client carries? Else nothing was shown."""
        self._tell("every call by a client that carries nothing")
        naked = self._runner.naked(conversation)
        self._played("by a client that carries nothing")
        for index, (expected, seen) in enumerate(
            zip(baseline.answers, naked.answers, strict=False)
        ):
            self._evidence.depends[index] = self._comparator.depends(index, expected, seen)
        self._judge()

    def _prover(self) -> Prover:
        reset, outside = self._check.start.reset is not None, self._outside
        own_disk = not self._runner.pool.isolation and not outside.network
        evidence = self._evidence
        return Prover(
            self._runner,
            evidence.conversation,
            evidence.baseline,
            self._comparator,
            evidence.plays,
            tidy=reset or own_disk or not outside.touched,
            shared=reset or bool(outside.touched),
            brings={index for index, given in enumerate(self._given) if given},
        )

    def _judge(self) -> None:
        reset = self._check.start.reset
        unseen = UNSEEN + self._outside.caveat if reset is None else ""
        if reset is not None and ALONE in self._evidence.plays and reset.split() == ["true"]:
            unseen = "nothing was emptied: --reset true says that no answer depends on it"
        self._report.masked = self._comparator.masked
        for index in self._comparator.status_only:
            title = self._evidence.conversation.calls[index].title
            self._report.note(f"{index + 1} {title}: {STATUS_ONLY}")
        self._evidence.judge(unseen, self._check.options.require_dependency)

    def _note_digest(self, conversation: Conversation, baseline: Trace) -> None:
        for call, answer in zip(conversation.calls, baseline.answers, strict=False):
            if answers_digest(call) and answer.status == UNAUTHORIZED:
                self._report.because = f"{call.title} was answered 401: {DIGEST}"
                return

    def _note_limits(self, conversation: Conversation) -> None:
        if limited := sorted(self._comparator.limited):
            titles = ", ".join(f"{n + 1} {conversation.calls[n].title}" for n in limited)
            self._report.note(
                "a rate limiter answers 429, and not every time at the same call: it counts the "
                f"requests of other plays too ({titles})"
            )

    def _played(self, *plays: str) -> None:
        self._report.plays += plays

    def _tell(self, line: str) -> None:
        self._check.progress(redact_text(line))


def _endless(trace: Trace | None) -> dict[int, int]:
    """Return the calls that are answered by a stream without an end, and its first events."""
    answers = trace.answers if trace else []
    return {n: answer.events for n, answer in enumerate(answers) if not answer.complete}
