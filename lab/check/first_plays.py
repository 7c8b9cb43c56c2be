"""The first plays: what the conversation is, what varies by itself, and who answers."""

from collections.abc import Callable
from typing import Protocol

from lab.check.age import Given, given_before
from lab.check.comparator import ResponseComparator
from lab.check.conversation import Client, Conversation, recorded
from lab.check.correlation import unfollowed
from lab.check.family import answering
from lab.check.judge import Report
from lab.check.outside import Outside
from lab.check.peers import relay_to
from lab.check.process import Process
from lab.check.runner import Runner
from lab.check.start import Start
from lab.check.trace import Trace
from lab.processes.waiting import end_of

MOST_PATHS = 6
AFTER_FRESH = 5  # processes for the plays that follow: those that prove a difference, or take turns


class Source(Protocol):
    """Where a conversation comes from."""

    def record(self, send: Client) -> Conversation:
        """Return the conversation; a source may use `send` to learn what the answers give."""
        ...


class FirstPlays:
    """Runs the conversation once as its source defines it, then twice on one process each.

    `family` is how many processes of one command answer, `log` the end of what it wrote, `relay`
    says what answers instead of the processes started here ("" if they do), `given` what each
    call brings that the service gave before.
    """

    def __init__(
        self,
        runner: Runner,
        start: Start,
        report: Report,
        comparator: ResponseComparator,
        outside: Outside,
        progress: Callable[[str], None],
    ) -> None:
        self.given: list[Given | None] = []
        self.family = 1
        self.log = ""
        self.relay = ""
        self._ids: set[int] = set()
        self._runner = runner
        self._start = start
        self._report = report
        self._comparator = comparator
        self._outside = outside
        self._progress = progress

    def record(self, source: Source) -> tuple[Conversation, Trace | None]:
        """Return the conversation and its play here; None if a browser recorded it earlier."""
        self._progress("starting the service, running the conversation once")
        self._outside.look()
        self._runner.during = self._outside.peers.watch
        with self._runner.client() as client:
            client.watch = self._watch
            conversation = source.record(client)
            known = client.trace if client.trace.is_of(conversation) else None
            if client.process:
                self.relay = self._find_relay(client.process, conversation)
                port = str(client.process.port)
                self._report.url = client.process.address.url.removesuffix(port) + "{port}"
        self._report.conversation = conversation
        for note in conversation.notes:
            self._report.note(note)
        return conversation, known

    def baseline(self, conversation: Conversation, known: Trace | None) -> Trace:
        """Run the conversation twice more on one process each, and learn what varies by itself."""
        self._progress("the conversation on one process, twice: what varies by itself?")
        self._outside.look()
        self._share()
        self._runner.endless = _endless(known)
        self._runner.expect(2 + len(conversation) + AFTER_FRESH)
        first = self._runner.one(conversation, self._watch)
        self._outside.peers.closely = False
        self._runner.endless = _endless(first) | self._runner.endless
        self._outside.look()
        self._share()
        plays = [known, first] if known is not None else [first]
        plays.append(self._runner.one(conversation, after=plays[0]))
        self._comparator.learn_plays(plays, self._ids)
        baseline = plays[0]
        if known is None:
            pairs = zip(conversation.answers, first.answers, strict=False)
            for index, (recorded, replayed) in enumerate(pairs):
                call = conversation.calls[index]
                self._comparator.learn_recorded(index, recorded, replayed, unfollowed(call))
        self.given = given_before(conversation, plays)
        for other in plays[1:]:
            if other.ended and not baseline.ended:
                self._comparator.ended(len(other.answers) - 1, other.ended)
        self._report.masked = self._comparator.masked
        self._report.plays += ("on one process, twice, to learn what varies by itself",)
        return baseline

    def _share(self) -> None:
        if self._outside.touched:
            self._runner.pool.share(on_disk_alone=not self._outside.network)

    def _find_relay(self, process: Process, conversation: Conversation) -> str:
        """Return what answers in place of the processes started here; "" if they answer."""
        peers = self._outside.peers
        peers.probe(process)
        gets = (recorded(call.path) for call in conversation.calls if call.method == "GET")
        paths = [*dict.fromkeys([self._start.ready or "/", *gets])][:MOST_PATHS]
        return relay_to(process, peers.local(), paths, self._runner.pool.mark)

    def _watch(self, process: Process) -> None:
        family = process.family()
        self._outside.ask(process, family)
        self.family = max(self.family, answering(family, process.port))
        self._ids |= {process.port, *(each.pid for each in family)}
        self.log = end_of(process.child.log_path, process.child.log_start, lines=6)
        if self.family > 1:
            self._report.note(
                f"your command starts {self.family} processes that hold its port (workers, or "
                "a reloader); a kill here ends them all"
            )


def _endless(trace: Trace | None) -> dict[int, int]:
    """Return the calls answered by an endless stream, each with the number of first events."""
    answers = trace.answers if trace else []
    return {n: answer.events for n, answer in enumerate(answers) if not answer.complete}
