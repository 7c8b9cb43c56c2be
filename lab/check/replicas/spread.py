"""How the calls were spread over the replicas, as values of the document."""

from collections.abc import Iterator

import msgspec

from lab.core.text import counted


class AskedReplica(msgspec.Struct, kw_only=True):
    """A replica: where it is, how often it was asked there, and what shows that it answered."""

    name: str
    url: str
    requests: int = 0
    shown_by: str = ""


class Way(msgspec.Struct, kw_only=True):
    """One way to reach the replicas, and the pairs of calls that went to two of them.

    A pair counts each way that it went: from which replica to which. `unknown` are answers of
    which it is not known what replica gave them, `differed` conversations with another answer.
    """

    how: str
    conversations: int
    pairs: int
    of_pairs: int
    ways: int
    of_ways: int
    unknown: int = 0
    differed: int = 0

    def __str__(self) -> str:
        held = [f"{self.conversations} conversations"]
        if self.differed:
            held.append(f"{self.differed} of them answered differently")
        if self.unknown:
            held.append(f"the replica of {self.unknown} answers unknown")
        return (
            f"{self.how}: {self.pairs} of {self.of_pairs} pairs of calls on two replicas, "
            f"{self.ways} of {self.of_ways} counted each way ({', '.join(held)})"
        )


class Spread(msgspec.Struct, kw_only=True):
    """How a conversation was spread over replicas that run already."""

    replicas: list[AskedReplica]
    ways: list[Way] = []
    plan: list[str] = []
    """What was said before it was sent: how many requests go where."""
    between: str = ""
    """The command that was run in the middle of conversations; "" if none was."""

    def lines(self) -> Iterator[str]:
        """Yield the lines about the spread that a person reads."""
        for each in self.replicas:
            shown = f"shown by {each.shown_by}" if each.shown_by else "shown by its address alone"
            yield f"{each.name} {each.url}: {counted(each.requests, 'request')}, {shown}"
        yield from map(str, self.ways)
