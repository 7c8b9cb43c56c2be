"""Doubts about a crowd's figures, as numbers, and the one place that turns them into text."""

from enum import StrEnum

import msgspec


class DoubtKind(StrEnum):
    """Why a figure may not be quoted. The first two concern latencies, all others the carts."""

    GENERATOR_CPU = "generator_cpu"
    GENERATOR_LATE = "generator_late"
    INTERRUPTED = "interrupted"
    FAULT_FAILED = "fault_failed"
    FAULT_MISSING = "fault_missing"
    SCRIPT_FAILED = "script_failed"
    LOG_DIFFERS = "log_differs"
    RETRIED = "retried"
    BALANCER_BROKEN = "balancer_broken"
    STRANGERS = "strangers"
    NOT_AS_PREDICTED = "not_as_predicted"
    CARTS_UNKNOWN = "carts_unknown"
    NOT_SETTLED = "not_settled"


class Doubt(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reason to doubt the figures: `value` was measured, `expected` was required."""

    kind: DoubtKind
    value: float = 0.0
    expected: float = 0.0
    detail: str = ""
    """A fault, an error, or the names of customers."""

    @property
    def is_about_carts(self) -> bool:
        """True if the doubt is not about the generator, so that it holds for any latency."""
        return self.kind not in (DoubtKind.GENERATOR_CPU, DoubtKind.GENERATOR_LATE)

    @property
    def voids_every_cart(self) -> bool:
        """True if no answer of the crowd can be trusted, so that nothing is known of a cart."""
        return self.kind in _VOIDING

    def __str__(self) -> str:
        return _TEXT[self.kind].format(value=self.value, expected=self.expected, detail=self.detail)


_VOIDING = frozenset(
    {
        *(DoubtKind.BALANCER_BROKEN, DoubtKind.STRANGERS),
        *(DoubtKind.LOG_DIFFERS, DoubtKind.RETRIED),
    }
)
_NOT_QUOTED = "latencies are not quoted. Lower --rate, or add --workers"
_TEXT = {
    DoubtKind.GENERATOR_CPU: "a generator used {value:.0%} of a core (at most {expected:.0%}): "
    + _NOT_QUOTED,
    DoubtKind.GENERATOR_LATE: "the generator was late: 5 % of the requests left more than "
    "{value:.0f} ms after they were due, and not because an answer was missing (at most "
    "{expected:.0f} ms): " + _NOT_QUOTED,
    DoubtKind.INTERRUPTED: "stopped before the end: carts were not read",
    DoubtKind.FAULT_FAILED: "{detail}",
    DoubtKind.BALANCER_BROKEN: "{detail}",
    DoubtKind.FAULT_MISSING: "{detail}: the crowd had ended before",
    DoubtKind.SCRIPT_FAILED: "the script stopped in {value:,.0f} iterations: {detail}",
    DoubtKind.LOG_DIFFERS: "the load balancer's log has {value:,.0f} requests, the crowd "
    "{expected:,.0f} answers",
    DoubtKind.STRANGERS: "{value:,.0f} answers came from a process the lab did not start",
    DoubtKind.RETRIED: "the load balancer asked a second server for {value:,.0f} requests",
    DoubtKind.NOT_AS_PREDICTED: "{value:,.0f} carts came out differently than predicted "
    "({detail}): something other than the timetable is at work",
    DoubtKind.CARTS_UNKNOWN: "{value:,.0f} carts: unknown, a server that may have them does not "
    "say: {detail}",
    DoubtKind.NOT_SETTLED: "{expected:,.0f} iterations began, {value:,.0f} were settled",
}
