"""The requests planned for replicas that already run, shown to the user before they are sent."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.check.conversation import Conversation
from lab.check.replicas.alone import ROUNDS
from lab.check.replicas.balancer import MOST_PLAYS
from lab.check.replicas.replica import Replica
from lab.check.replicas.restart import cuts


@dataclass(frozen=True)
class AskedReplicas:
    """The replicas to ask, the balancer in front of them if there is one, and how to ask.

    `header` is one that names the replica (None: it is looked for), `dropped` are cookies that a
    client does not keep, `between` is a shell command, `path` what is asked to move a balancer's
    turn.
    """

    among: Sequence[Replica]
    balancer: Replica | None = None
    header: str | None = None
    dropped: tuple[str, ...] = ()
    between: str = ""
    between_s: float = 600.0
    path: str = "/"


def plan(
    conversation: Conversation, sides: Sequence[Sequence[int]], asked: AskedReplicas
) -> list[str]:
    """Return lines that say what will be sent where, and which requests change something."""
    return [*_lines(conversation, sides, asked)]


def _lines(
    conversation: Conversation, sides: Sequence[Sequence[int]], asked: AskedReplicas
) -> Iterator[str]:
    count = len(conversation)
    spread = Counter(side for one in sides for side in one)
    for index, each in enumerate(asked.among):
        # Over new connections, over a kept one; the first twice to know it, others once more.
        alone = ROUNDS + 1 + (1 if index else 2)
        most = alone * count + spread[index]
        yield f"{each}: at most {most} requests, and GET {asked.path} three times"
    if asked.balancer:
        url, path = asked.balancer.address.url, asked.path
        yield f"{url}: at most {MOST_PLAYS * count} requests, and GET {path} to move its turn"
    if asked.between:
        yield f"{asked.between}: once, with {len(cuts(count))} clients that wait for it"
    writes = dict.fromkeys(call.title for call in conversation.calls if not call.reads)
    clients = (ROUNDS + 2) * len(asked.among) + 1 + len(sides)
    if writes:
        yield f"of these, at most {clients} times on the replicas: {', '.join(writes)}"
    yield "more where an answer differs, to find the pair of requests: --max-requests is the limit"
