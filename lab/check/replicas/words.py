"""Calls that say the same in each conversation, so that a replica may know them from before."""

from collections.abc import Iterator

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Conversation
from lab.check.trace import Trace

SAME_WORDS = (
    "{} says the same each time: a replica that remembers it from an earlier conversation answers "
    "as if it had been asked; draw a new word in each run (uuid.uuid4()), or start the replicas "
    "anew before"
)


def says_the_same(
    conversation: Conversation, first: Trace, again: Trace, comparator: ResponseComparator
) -> Iterator[int]:
    """Yield the calls that change something without a value of the client's own.

    Two conversations send them alike, and nothing that they give anew is brought back later.
    """
    for index, call in enumerate(conversation.calls):
        if call.reads or not {index} <= first.sent & again.sent:
            continue
        if first.calls[index] != again.calls[index] or first.states[index].cookies:
            continue
        given = (ref for later in conversation.calls for ref in later.refs() if ref.call == index)
        one, other = (each.answers[index].cookies for each in (first, again))
        gives = any(map(comparator.gives_anew, given)) or one != other
        brings = any(comparator.gives_anew(ref) for ref in call.refs())
        if not gives and not brings:
            yield index
