"""Several processes behind one port: finds out whether each remembers for itself."""

from collections import Counter

from lab.check.compare import Difference, differences, varying
from lab.check.conversation import Answer, Conversation
from lab.check.plays import Player


def separate_memory(
    player: Player, conversation: Conversation, family: int, times: int
) -> tuple[int, int, list[Difference]] | None:
    """Return (call, how many answers were odd, how they differ); None if all agree.

    One server has the conversation up to its last GET, and is asked that again and again. To
    blame the conversation, a server that had none of it must answer the same each time: else
    it may be a process number in the answer, which is no state.
    """
    looks = [n for n, call in enumerate(conversation.calls) if call.method == "GET" and n]
    if not looks:
        return None
    index = looks[-1]
    call = conversation.calls[index]
    seen = player.within(conversation.only(range(index)), call, times)
    unasked = player.within(conversation.only([]), conversation.only([index]).calls[0], times)
    noise = {place for other in unasked[1:] for place in varying(unasked[0], other)}
    usual = _usual(seen)
    odd = [differences(usual, answer, noise) for answer in seen]
    # What is another each time (an id, a counter) is not one of a few memories.
    if len({_key(answer) for answer in seen}) > family:
        return None
    return (index, sum(map(bool, odd)), max(odd, key=len)) if any(odd) else None


def _usual(answers: list[Answer]) -> Answer:
    commonest = Counter(map(_key, answers)).most_common(1)[0][0]
    return next(answer for answer in answers if _key(answer) == commonest)


def _key(answer: Answer) -> tuple[int | None, bytes]:
    return answer.status, answer.body
