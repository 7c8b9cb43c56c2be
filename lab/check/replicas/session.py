"""A check of replicas that run already: which plays are run, in which order."""

from collections.abc import Callable, Sequence
from functools import partial

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation, plain
from lab.check.first_plays import Source
from lab.check.judge import Level, Report
from lab.check.play_name import PlayKind, PlayName
from lab.check.reasons import no_success, rate_limits
from lab.check.replicas.alone import AloneOnEach
from lab.check.replicas.asked import AskedReplicas, plan
from lab.check.replicas.balancer import BalancerPlays, Through, own_cookies
from lab.check.replicas.design import (
    Certificate,
    certificate,
    schedule,
    shortest_schedule,
    splits,
)
from lab.check.replicas.evidence import ReplicaEvidence
from lab.check.replicas.naming import learn_names
from lab.check.replicas.prover import PairProver
from lab.check.replicas.replica import Replica
from lab.check.replicas.restart import Between, pairs_cut
from lab.check.replicas.runner import ReplicaRunner
from lab.check.replicas.settle import look_for_noise, settle
from lab.check.replicas.spread import AskedReplica, Spread
from lab.check.replicas.words import SAME_WORDS, says_the_same
from lab.check.session import Options
from lab.check.trace import ClientState, Trace
from lab.core.errors import LabError
from lab.core.http import Answer
from lab.core.redaction import redact_text, without_secrets
from lab.core.text import LogStep, counted

MOST_EACH_WAY = 1500  # requests; if it takes more, each pair crosses once and not each way
DIRECTLY = "asked directly"
"""How a way is called in which the lab chooses the replica."""
THE_BALANCER = "run the conversation several times through {}: compare answer {}"
IN_BETWEEN = "send calls 1 to {} of the conversation, run {}, and go on: compare answer {}"


class Listener:
    """The client that a conversation is recorded with, on one replica."""

    def __init__(self, runner: ReplicaRunner, target: Replica) -> None:
        self.trace, self._state = Trace(), ClientState()
        self._runner, self._target = runner, target

    def __call__(self, call: Call) -> Answer:
        """Send one call."""
        return self._runner.said(self.trace, call, self._state, self._target)

    def renew(self) -> None:
        """Go on as another client."""
        self.trace, self._state = Trace(), ClientState()


class ReplicaSession:
    """One check of replicas that run: what was asked so far. `say` is for lines that stay."""

    def __init__(
        self,
        asked: AskedReplicas,
        options: Options,
        runner: ReplicaRunner,
        report: Report,
        progress: LogStep,
        say: Callable[[str], None],
    ) -> None:
        self._asked = asked
        self._runner = runner
        self._report = report
        self._log = without_secrets(progress)
        self._say = say
        self._comparator = ResponseComparator(options.ignored, options.headers)
        runner.polled = self._comparator.polling
        self._alone = AloneOnEach(runner, asked.among, self._comparator, report, self._log)
        self._spread = report.spread = Spread(
            replicas=[AskedReplica(name=r.name, url=r.address.url) for r in asked.among]
        )
        self._evidence = ReplicaEvidence(
            self._comparator, report, self._alone, self._spread, required=options.require_dependency
        )

    def run(self, source: Source) -> None:
        """Run all plays, and judge after each kind of them."""
        self._reach()
        conversation, known = self._record(source)
        sides = self._schedule(conversation)
        every = [*splits(len(conversation)), *sides]
        self._spread.plan = [redact_text(each) for each in plan(conversation, every, self._asked)]
        for line in self._spread.plan:
            self._say(line)
        self._alone.run_first(conversation, known)
        self._evidence.begin(conversation, self._alone.baseline)
        answers = self._alone.baseline.answers
        if trouble := no_success(answers, self._asked.among[0].address.name, ""):
            self._report.because = trouble.rstrip(": ")
            return
        self._directly(conversation, sides)
        if self._asked.balancer:
            self._through(conversation, self._asked.balancer)
        if self._asked.between and len(conversation) > 1:
            self._between(conversation)
        if self._report.level is Level.ALIKE:
            alone, comparator = self._alone, self._comparator
            for index in says_the_same(conversation, alone.baseline, alone.again, comparator):
                self._report.note(SAME_WORDS.format(conversation.calls[index].title))
        if limits := rate_limits(conversation, self._comparator.limited):
            self._report.note(limits)

    def _reach(self) -> None:
        """Send one request to each replica and the balancer; LabError if one does not answer."""
        through = [self._asked.balancer] if self._asked.balancer else []
        for target in (*self._asked.among, *through):
            answer = self._ask(target)
            if answer.status is None:
                raise LabError(
                    f"{target} does not answer (GET {self._asked.path}: {answer.error}): start "
                    "it, or give a path that it has with --ready"
                )

    def _ask(self, target: Replica) -> Answer:
        ready = Call("GET", plain(self._asked.path))
        return self._runner.said(Trace(), ready, ClientState(), target)

    def _record(self, source: Source) -> tuple[Conversation, Trace | None]:
        first = self._asked.among[0]
        self._log(f"running the conversation once on replica {first.name}")
        client = Listener(self._runner, first)
        conversation = source.record(client)
        self._report.conversation = conversation
        for note in conversation.notes:
            self._report.note(note)
        return conversation, client.trace if client.trace.is_of(conversation) else None

    def _schedule(self, conversation: Conversation) -> list[tuple[int, ...]]:
        count, replicas = len(conversation), len(self._asked.among)
        sides = schedule(conversation.calls, replicas, splits(count))
        if len(sides) * count > MOST_EACH_WAY:
            return shortest_schedule(count, replicas)
        return sides

    def _learn_names(self) -> None:
        """Learn which headers name a replica, from the answers that each gave directly."""
        asked, said = self._asked, [list[Answer]() for _ in self._asked.among]
        for each in self._evidence.plays.values():
            for index, answer in enumerate(each.trace.answers if each.sides else ()):
                said[each.sides[min(index, len(each.sides) - 1)]].append(answer)
        for place, target in enumerate(asked.among):
            said[place].append(self._ask(target))
        self._alone.naming = learn_names(said, asked.among, asked.header)

    def _name_replicas(self) -> None:
        naming = self._alone.naming
        for index, each in enumerate(self._spread.replicas):
            said = [name for name, n in naming.headers.get(naming.first, {}).items() if n == index]
            each.shown_by = f"{naming.first}: {redact_text(said[0])}" if said else ""
        for remark in naming.remarks:
            self._report.note(remark)
        if not naming.headers:
            self._report.note(
                "no header names the replica: that each URL leads to another one is shown by its "
                "address alone (name a header of yours with --replica-header)"
            )

    def _directly(self, conversation: Conversation, sides: Sequence[tuple[int, ...]]) -> None:
        """Ask the second replica for calls it never had; then spread the calls over all replicas.

        A status that differs at first is proven at once. After the other plays the second
        replica would know what a conversation with fixed words says.
        """
        evidence, among = self._evidence, self._asked.among
        prover = PairProver(self._runner, among, conversation, evidence.baseline, self._comparator)
        alone = partial(self._runner.on, conversation, among[0])
        plays = self._crossed(conversation, splits(len(conversation)))
        self._learn_names()
        evidence.judge()
        if any(each.differences for each in self._report.findings):
            self._control(conversation)
        settle(evidence, prover, alone, self._log, status_only=True)
        if evidence.proven:
            evidence.leave_out_the_rest()
        else:
            self._alone.run(conversation)
            self._each_alone(conversation)
            plays += self._crossed(conversation, sides)
            self._learn_names()
        self._name_replicas()
        found = [evidence.plays[play] for play in plays]
        answered = [evidence.answered(each.trace, each.sides) for each in found]
        covered = certificate(answered, evidence.counted, len(among))
        evidence.covered(DIRECTLY, covered, plays)
        self._report.plays.append(f"{counted(len(plays), 'time')} over the replicas")
        evidence.judge()
        settle(evidence, prover, alone, self._log)

    def _control(self, conversation: Conversation) -> None:
        """Doubt differences that another replica shows even when it gets the whole conversation.

        It misses nothing then: it is another service, or another version of it.
        """
        evidence = self._evidence
        for each in self._asked.among[1:]:
            self._log(f"the conversation on replica {each.name} alone")
            evidence.doubt_like(self._runner.on(conversation, each), each)
        evidence.judge()

    def _each_alone(self, conversation: Conversation) -> None:
        among, evidence = self._asked.among, self._evidence
        for place, each in [*enumerate(among)][1:]:
            again = partial(self._runner.on, conversation, each)
            other = PlayName(PlayKind.OTHER, each.name)
            evidence.take(other, again, (place,) * len(conversation))
        for each in among:
            self._log(f"the conversation on replica {each.name}, over a kept connection")
            again = partial(self._runner.on, conversation, each, kept=True)
            evidence.take(PlayName(PlayKind.KEPT_OPEN, each.name), again)
        self._report.plays.append("on each replica alone, over new and over kept connections")

    def _crossed(
        self, conversation: Conversation, sides: Sequence[tuple[int, ...]]
    ) -> list[PlayName]:
        """Run the conversation over the replicas; every other client keeps its connections."""
        among, plays = self._asked.among, list[PlayName]()
        for number, one in enumerate(sides):
            self._log(PlayKind.CROSSED, number + 1, len(sides))
            names = " ".join(among[side].name for side in one)
            plays.append(PlayName(PlayKind.CROSSED, names))
            kept = number % 2 == 1
            again = partial(self._runner.spread, conversation, among, one, kept=kept)
            self._evidence.take(plays[-1], again, one)
        return plays

    def _through(self, conversation: Conversation, balancer: Replica) -> None:
        asked, evidence, before = self._asked, self._evidence, self._report.level
        plays = BalancerPlays(
            self._runner, balancer, self._alone.naming, self._report, asked.path, self._log
        )

        def covered_by(found: Through) -> Certificate:
            held = zip(found.plays, found.sides, strict=True)
            answered = [evidence.answered(trace, sides) for trace, sides in held]
            return certificate(answered, evidence.counted, len(asked.among))

        plays.run(conversation, len(asked.among), covered_by)
        direct = [each for one in self._alone.rounds for each in one] or [self._alone.baseline]
        own = own_cookies(plays.found.plays, direct)
        plays.take_away(own)
        plays.check_names(self._comparator, self._alone.baseline)
        names = [PlayName(PlayKind.THROUGH, f"{n + 1}") for n in range(len(plays.found.plays))]
        for name, trace in zip(names, plays.found.plays, strict=True):
            evidence.keep(name, trace)
        covered = covered_by(plays.found)
        unknown = sum(side is None for one in plays.found.sides for side in one)
        how = f"through {balancer.address.url}"
        evidence.covered(how, covered, names, unknown=unknown)
        self._report.plays.append(f"{counted(len(names), 'time')} through the balancer")
        self._say_affinity([n for n in own if n not in asked.dropped], covered, unknown)
        evidence.judge()
        if before is Level.REPLICA:
            return
        self._look_for_noise(names)
        differed = len(evidence.differing(names))
        for finding in [each for each in self._report.findings if each.play in names]:
            said = THE_BALANCER.format(balancer.address.url, finding.index + 1)
            evidence.prove_by_times(finding, differed, len(names), said)
        evidence.judge()

    def _look_for_noise(self, plays: Sequence[PlayName]) -> None:
        """Run the conversation on one replica, and learn what varies there by itself."""
        evidence = self._evidence
        alone = partial(self._runner.on, evidence.conversation, self._asked.among[0])
        for finding in [each for each in self._report.findings if each.play in plays]:
            look_for_noise(evidence, finding, alone)
        evidence.judge()

    def _say_affinity(self, own: Sequence[str], covered: Certificate, unknown: int) -> None:
        if own:
            self._report.note(
                f"only the balancer sets the cookie {', '.join(own)}: it may keep each client at "
                f"one replica (--drop-cookie {own[0]} asks as a client without it)"
            )
        elif not covered.pairs and covered.of_pairs and not unknown:
            self._report.note(
                f"by {self._alone.naming.first}, no client met a second replica through the "
                "balancer, and no cookie of the balancer's says why: it may go by the client's "
                "address, or the header may not be true"
            )

    def _between(self, conversation: Conversation) -> None:
        asked, evidence, report = self._asked, self._evidence, self._report
        before, count = report.level, len(conversation)
        self._spread.between = asked.between
        between = Between(
            self._runner,
            asked.balancer or asked.among[0],
            asked.between,
            asked.between_s,
            asked.path,
        )
        cut = dict[PlayName, int]()
        for after, trace in between.run(conversation, self._log):
            name = PlayName(PlayKind.AFTER, f"after call {after}")
            evidence.keep(name, trace)
            cut[name] = after
        pairs, of = pairs_cut(count), count * (count - 1) // 2
        covered = Certificate(pairs, of, pairs, of)
        evidence.covered(f"before and after {asked.between}", covered, [*cut])
        report.plays.append("with --between in the middle")
        evidence.judge()
        self._look_for_noise([*cut])
        found = [each for each in report.findings if each.play in cut]
        if before is Level.REPLICA or not found:
            return
        again = dict(between.run(conversation, self._log))
        once_more = PlayName(PlayKind.AFTER, "again")
        for finding in found:
            after = cut[finding.play]
            evidence.keep(once_more, again[after])
            seen = 1 + bool(evidence.differences(finding.index, once_more))
            del evidence.plays[once_more]
            said = IN_BETWEEN.format(after, asked.between, finding.index + 1)
            evidence.prove_by_times(finding, seen, 2, said)
        evidence.judge()
