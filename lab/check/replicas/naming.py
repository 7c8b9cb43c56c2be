"""Which replica has given an answer: the headers in which each says a name of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.check.replicas.replica import Replica
from lab.core.http import Answer
from lab.core.text import one_line

# Names that balancers, frameworks and platforms give it, the usual one first.
COMMON = (
    *("x-served-by", "x-replica", "x-pod", "x-pod-name", "x-instance", "x-hostname"),
    *("x-upstream", "x-upstream-addr", "x-backend", "x-backend-server", "x-container-id"),
)
_NOT_NAMES = frozenset(
    {"date", "set-cookie", "etag", "last-modified", "expires", "content-length", "location"}
    | {"content-type", "connection", "keep-alive", "age", "x-request-id", "cache-control"}
)


@dataclass(frozen=True)
class Naming:
    """The names of the replicas: for each header, the replica's index by the header's value.

    `added` are headers that a balancer may add, in which it names one of the `addresses`.
    `remarks` say why a header that was asked for names none.
    """

    headers: Mapping[str, Mapping[str, int]]
    added: Mapping[str, bool] = field(default_factory=dict)
    """Further headers; True if the user asked for it, so that it has to name a replica."""
    addresses: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """The header that names the replicas; "" if there is none."""
        return next(iter(self.headers), "")

    def said_by(self, answer: Answer) -> dict[str, int | None]:
        """Return for each header the replica that it names; None if that is unknown."""
        said = {
            header: names.get(value)
            for header, names in self.headers.items()
            if (value := answer.header(header)) is not None
        }
        for header, asked_for in self.added.items():
            # The balancer adds the last value.
            value = (answer.header(header) or "").rpartition(" ")[2]
            if value in self.addresses or (value and asked_for):
                said[header] = self.addresses.get(value)
        return said

    def replica_of(self, answer: Answer) -> int | None:
        """Return the replica that an answer is from; None if no header says, or two disagree."""
        said = {*self.said_by(answer).values()}
        return said.pop() if len(said) == 1 else None

    def lie(self, answer: Answer) -> str:
        """Return what is wrong with the replica names in an answer; "" if nothing is."""
        said = self.said_by(answer)
        for header, index in said.items():
            if index is None:
                value = one_line(answer.header(header) or "", 40)
                return f"{header} says {value!r}, as no replica did that was asked itself"
        if len({*said.values()}) > 1:
            both = ", ".join(f"{header} names {_letter(n)}" for header, n in said.items())
            return f"two headers disagree: {both}"
        return ""


def learn_names(
    direct: Sequence[Iterable[Answer]], among: Sequence[Replica], wanted: str | None = None
) -> Naming:
    """Return how headers name the replicas, learned from answers that each gave directly.

    With `wanted` only that header may. A balancer's header may name the address, too.
    """
    values = [_values(answers) for answers in direct]
    everywhere = set.intersection(*({*each} for each in values)) if values else set()
    looked_at = [wanted.lower()] if wanted else _in_order(everywhere - _NOT_NAMES)
    headers = {}
    for header in looked_at:
        said = [each.get(header, set()) for each in values]
        if all(len(each) == 1 for each in said) and len(set.union(*said)) == len(said):
            headers[header] = {min(each): index for index, each in enumerate(said)}
    anywhere = set[str]().union(*values)
    added = {name: bool(wanted) for name in ([wanted.lower()] if wanted else COMMON)}
    addresses = {
        f"{each.address.host}:{each.address.port}": index for index, each in enumerate(among)
    }
    return Naming(
        headers,
        {name: asked_for for name, asked_for in added.items() if name not in anywhere},
        addresses,
        (_why_not(wanted, values),) if wanted and not headers else (),
    )


def _values(answers: Iterable[Answer]) -> dict[str, set[str]]:
    """Return for each header its values in these answers; "" for an answer without it."""
    answers = [each for each in answers if each.status is not None]
    names = {name for each in answers for name in each.headers}
    return {name: {each.header(name) or "" for each in answers} for name in names}


def _in_order(headers: Iterable[str]) -> list[str]:
    return sorted(headers, key=lambda name: (COMMON.index(name) if name in COMMON else 99, name))


def _why_not(header: str, values: Sequence[Mapping[str, set[str]]]) -> str:
    said = [each.get(header.lower(), set()) for each in values]
    if not any(said):
        return f"no replica that was asked itself sends {header}"
    for index, each in enumerate(said):
        if len(each) > 1:
            two = " and ".join(repr(one_line(value, 40)) for value in sorted(each)[:2])
            return f"{header} says {two} at {_letter(index)} alone: it does not name a replica"
    return f"{header} says the same at two replicas: it does not tell them apart"


def _letter(index: int | None) -> str:
    return "no known replica" if index is None else "ABCDEFGHI"[index]
