"""The plays of a check: which are run, in which order, and what is judged after each."""

from dataclasses import dataclass
from functools import partial

from lab.check.age import Ages
from lab.check.changes import COMPARED
from lab.check.comparator import STATUS_ONLY, ResponseComparator
from lab.check.conversation import Conversation
from lab.check.evidence import Evidence
from lab.check.first_plays import FirstPlays, Source
from lab.check.idempotency import idempotency_note
from lab.check.judge import (
    STATE,
    UNSEEN,
    Level,
    Report,
    not_emptied,
)
from lab.check.known import KnownFinding
from lab.check.launcher import START_ITSELF, OneAtATime
from lab.check.machine import CannotIsolate
from lab.check.outside import Outside
from lab.check.play_name import ELSEWHERE, EMPTIED, FRESH, SEPARATE, USED
from lab.check.prover import Prover
from lab.check.reasons import (
    digest,
    doubt_document,
    no_success,
    not_emptied_behind,
    rate_limits,
)
from lab.check.runner import Runner
from lab.check.settle import Settlement
from lab.check.sides import plays_on_two
from lab.check.start import Start
from lab.check.trace import Trace
from lab.check.used import differs_when_used, outlives_the_process
from lab.check.workers import script_of, separate_memory
from lab.core.redaction import without_secrets
from lab.core.text import LogStep

WITHIN = 24  # requests that miss one of four workers once in 250 times
SEVERAL_PROCESSES = "several processes answer, and what varies may be one's memory: try it with one"


@dataclass(frozen=True)
class Options:
    """What to compare and how long to wait. `ignored` names places, as in `Difference.where`.

    Findings that are `known` do not end a check early: others may stand behind them.
    """

    ignored: frozenset[str] = frozenset()
    headers: tuple[str, ...] = COMPARED
    timeout_s: float = 10.0
    ahead: int = 2
    require_dependency: bool = False
    known: tuple[KnownFinding, ...] = ()


class Session:
    """One run of a check: what has been played so far."""

    def __init__(
        self,
        start: Start,
        options: Options,
        runner: Runner,
        report: Report,
        outside: Outside,
        progress: LogStep,
    ) -> None:
        self._start = start
        self._options = options
        self._log = without_secrets(progress)
        self._runner = runner
        self._report = report
        self._comparator = ResponseComparator(options.ignored, options.headers)
        runner.polled = self._comparator.polling
        self._outside = outside
        self._evidence = Evidence(self._comparator, report)
        self._first = FirstPlays(runner, start, report, self._comparator, outside, self._log)

    def run(self, source: Source) -> None:
        """Run all plays, in their order, and judge after each: the report grows."""
        conversation, live = self._first.record(source)
        baseline = self._first.baseline(conversation, live)
        self._evidence.begin(conversation, baseline)
        if self._first.relay:
            self._report.because = f"{self._first.relay}: {START_ITSELF}"
        elif self._first.family > 1 and self._separate(conversation):
            self._judge()
        else:
            trouble = no_success(baseline.answers, self._start.host, self._first.log)
            # That one refusal follows another may be what is remembered.
            if trouble is None or len({answer.status for answer in baseline.answers}) > 1:
                self._compare(conversation, baseline)
            if trouble and self._report.level not in STATE:
                self._report.level, self._report.because = Level.UNKNOWN, trouble
            if conversation.missing:
                doubt_document(self._report, conversation.missing, succeeded=trouble is None)
        if self._report.level is Level.UNKNOWN and conversation.script is None:
            self._report.because = digest(conversation, baseline) or self._report.because
        if limits := rate_limits(conversation, self._comparator.limited):
            self._report.note(limits)

    def _compare(self, conversation: Conversation, baseline: Trace) -> None:
        settle = Settlement(self._runner, self._evidence, self._judge, self._prover, self._log)
        self._in_process(conversation, settle)
        settle.run()
        if self._enough:
            return
        if self._outside.disk and self._elsewhere(conversation):
            settle.run()
            if self._enough:
                return
        kept_disk = ELSEWHERE not in self._evidence.plays
        obstacle = not_emptied_behind(self._outside, kept_disk=kept_disk, reset=self._start.reset)
        if obstacle is None and self._start.reset is not None:
            self._alone(conversation, baseline)
            settle.run()
        if self._enough:
            return
        if obstacle:
            # State is known already, so only the rest is unknown.
            hidden = self._report.level in STATE
            if hidden:
                self._report.note(obstacle)
            else:
                self._report.level, self._report.because = Level.UNKNOWN, obstacle
            self._report.findings = [not_emptied(each, hidden) for each in self._report.findings]
            return
        if not self._outside.network and self._used(conversation, baseline):
            return
        self._carried(conversation, baseline)
        if self._report.level is Level.SELF_CONTAINED:
            self._log("each order once more, with the credential it had")
            idempotency_note(self._runner, conversation, baseline, self._comparator, self._report)

    @property
    def _enough(self) -> bool:
        """Return True if new state was found, so that later plays can show nothing more."""
        conversation = self._report.conversation
        source = conversation.source if conversation is not None else ""
        found = [each for each in self._report.findings if each.level in STATE]
        return self._report.level in STATE and not all(
            any(known.covers(each, source) for known in self._options.known) for each in found
        )

    def _separate(self, conversation: Conversation) -> bool:
        """Return True if the processes of one command each have a memory of their own."""
        family = self._first.family
        self._log(f"one server of {family} processes, asked {WITHIN} times")
        found = separate_memory(self._runner, conversation, self._comparator, WITHIN)
        self._played(f"on one server of {family} processes, a call {WITHIN} times")
        if found is None:
            for index in self._comparator.masked:
                self._comparator.unsure.setdefault(index, SEVERAL_PROCESSES)
            return False
        index, odd, places = found
        self._report.note(
            f"your command starts {family} processes with separate memory: {odd} of {WITHIN} "
            f"answers differed within one server ({conversation.calls[index].title})"
        )
        self._evidence.found(SEPARATE, index, places)
        self._report.reproducer = script_of(
            found, self._runner, conversation, self._comparator, WITHIN
        )
        return True

    def _in_process(self, conversation: Conversation, settle: Settlement) -> None:
        self._evidence.add(FRESH, Level.PROCESS, self._fresh, again=self._fresh)
        self._played(f"on {FRESH}")
        self._judge()
        settle.run()
        if self._enough:
            return  # plays on two living processes could show no more
        plays, everything = plays_on_two(conversation.calls)
        # Two a play, and one for the play that carries nothing.
        self._runner.expect(2 * len(plays) + 1)
        for play, sides in plays.items():
            self._log(str(play))
            run = partial(self._runner.alternating, conversation, sides)
            try:
                self._evidence.add(play, Level.PROCESS, run, run, sides)
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
        self._log(line)
        # The first request of a process opens what others find open, and takes longer.
        self._outside.peers.closely = True
        try:
            return self._runner.fresh(
                conversation,
                lambda done: self._log(line, min(done, count), count),
                youngest=Ages(self._first.given).youngest,
            )
        finally:
            self._outside.peers.closely = False

    def _elsewhere(self, conversation: Conversation) -> bool:
        """Run the conversation on processes with disks of their own; False if none can have one."""
        self._log(str(ELSEWHERE))
        run = lambda: self._runner.fresh(conversation, elsewhere=True)  # noqa: E731
        try:
            self._evidence.add(ELSEWHERE, Level.DISK, run, again=run)
        except CannotIsolate as reason:
            self._report.note(f"no process could be given a disk of its own: {reason}")
            return False
        self._played(f"on {ELSEWHERE}")
        self._judge()
        return True

    def _alone(self, conversation: Conversation, baseline: Trace) -> None:
        """Run each call alone, with nothing behind the service."""
        trace = Trace()
        for index in range(len(conversation)):
            self._log(str(EMPTIED), index + 1, len(conversation))
            part = self._runner.alone(conversation, baseline, index)
            trace.take(index, part)
        files_only = bool(self._outside.disk) and not self._outside.network
        level = Level.DISK if files_only else Level.BACKING_SERVICE
        self._evidence.add(EMPTIED, level, lambda: trace)
        self._played("each call that was answered alike alone, with nothing behind the service")
        self._judge()

    def _used(self, conversation: Conversation, baseline: Trace) -> bool:
        """Return True if the service answers differently after it has served other clients."""
        self._log(str(USED))
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
        """Learn which answers depend on what the client sends: without any, nothing was shown."""
        self._log("every call by a client that carries nothing")
        naked = self._runner.naked(conversation)
        self._played("by a client that carries nothing")
        pairs = zip(baseline.answers, naked.answers, strict=False)
        for index, (expected, seen) in enumerate(pairs):
            self._evidence.depends[index] = self._comparator.depends(index, expected, seen)
        self._judge()

    def _prover(self) -> Prover:
        reset, outside = self._start.reset is not None, self._outside
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
            brings={index for index, given in enumerate(self._first.given) if given},
        )

    def _judge(self) -> None:
        reset = self._start.reset
        unseen = UNSEEN + self._outside.caveat if reset is None else ""
        if reset is not None and EMPTIED in self._evidence.plays and reset.split() == ["true"]:
            unseen = "nothing was emptied: --reset true says that no answer depends on it"
        self._report.masked = self._comparator.masked
        for index in self._comparator.status_only:
            title = self._evidence.conversation.calls[index].title
            self._report.note(f"{index + 1} {title}: {STATUS_ONLY}")
        self._evidence.judge(unseen, self._options.require_dependency)

    def _played(self, *plays: str) -> None:
        self._report.plays += plays
