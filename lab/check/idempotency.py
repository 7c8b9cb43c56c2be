"""Notes which orders a self-contained service accepts twice."""

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation
from lab.check.judge import Report
from lab.check.runner import Runner
from lab.check.trace import ClientState, Trace
from lab.core.http import Answer

MOST_AGAIN = 3  # requests that are sent a second time


def idempotency_note(
    runner: Runner,
    conversation: Conversation,
    baseline: Trace,
    comparator: ResponseComparator,
    report: Report,
) -> None:
    """Send each order again with the same credential; note those that are accepted twice.

    An answer that is the same in each of its places, also in those that vary from play to play,
    is the first answer given again.
    """
    chosen = [
        index
        for index, (call, answer) in enumerate(
            zip(conversation.calls, baseline.answers, strict=False)
        )
        if call.method == "POST"
        and not call.safe
        and _succeeded(answer)
        and _brings(call, baseline.states[index])
    ]
    if not chosen:
        return
    again = runner.twice(conversation, chosen[:MOST_AGAIN])
    report.plays.append("on one process, some orders a second time with the same credential")
    titles = [
        conversation.calls[index].title
        for index, (one, other) in again.items()
        if _succeeded(other)
        and not comparator(index, one, other)
        and not (comparator.masked.get(index) and not comparator.places(one, other))
    ]
    if titles:
        named = ", ".join(dict.fromkeys(titles))
        report.note(
            f"self-contained is not idempotent: {named} sent twice with the same credential "
            "was accepted twice (lab run double-checkout)"
        )


def _succeeded(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300


def _brings(call: Call, state: ClientState) -> bool:
    return bool(state.cookies) or any(call.refs())
