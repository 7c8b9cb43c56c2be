"""What a crowd can show, computed before it runs: shoppers, carts, length of an iteration.

Pure. The estimate is of iterations that are all as long as the trial run.
"""

from dataclasses import dataclass

from lab.core.errors import LabError
from lab.core.text import counted
from lab.core.units import format_duration, format_share
from lab.crowd.load_profile import LoadProfile
from lab.crowd.timetable import PlannedFault

LEAST_CAME = 0.5  # if a smaller share of the shoppers came, it was another crowd than planned
LEAST_WITH_CART = 0.1


@dataclass(frozen=True)
class TrialRun:
    """A trial iteration: its requests, and the number of the first acknowledged change.

    `requests` is 0 for a script that does not end, `cart_at` 0 if no cart was acknowledged.
    """

    requests: int
    cart_at: int


@dataclass(frozen=True)
class Expectation:
    """What to expect of a crowd in the open model."""

    profile: LoadProfile
    trial: TrialRun
    rate: float

    @property
    def iteration_s(self) -> float:
        """How long one iteration takes once all shoppers are there, in seconds."""
        return self.trial.requests * self._lap_s

    def came(self, at_s: float) -> int:
        """Return how many shoppers have come by a moment, in seconds after the start."""
        shoppers = self.profile.shoppers
        return min(shoppers, round(shoppers * at_s / (self._first_lap_s or self._lap_s)))

    def with_cart(self, at_s: float) -> int:
        """Return how many shoppers have had an acknowledged cart by a moment."""
        if not self.trial.cart_at:
            return 0
        laps = max(0.0, at_s - self._first_lap_s) / self._lap_s
        if not self._first_lap_s:
            return round(self.profile.shoppers * min(1.0, max(0.0, laps - self.trial.cart_at + 1)))
        begun_before = self.trial.requests - self.trial.cart_at + 1 + laps
        return round(self.came(at_s) * min(1.0, begun_before / self.trial.requests))

    def fault_at_s(self, fault: PlannedFault) -> float:
        """Return when a fault comes, in seconds after the start."""
        return self.profile.warm_up_s + fault.at_s

    @property
    def _lap_s(self) -> float:
        return self.profile.shoppers / self.rate

    @property
    def _first_lap_s(self) -> float:
        arrivals = self.profile.arrivals
        return arrivals.first_lap_s if arrivals else 0.0


def expect(profile: LoadProfile, trial: TrialRun) -> Expectation | None:
    """Return what to expect of the profile; None if no pace is known beforehand."""
    if profile.rate is None or not trial.requests:
        return None
    return Expectation(profile, trial, profile.rate)


def describe_expectation(profile: LoadProfile, trial: TrialRun) -> str:
    """Return what to expect of the crowd, in one or two sentences."""
    expected = expect(profile, trial)
    if not trial.requests:
        return "The script does not end by itself: each shopper runs one long iteration."
    requests = counted(trial.requests, "request")
    cart = f", with a cart from request {trial.cart_at} on" if trial.cart_at else ""
    if expected is None:
        return f"One iteration is about {requests}{cart}, as fast as they are answered."
    end_s = profile.end_s
    text = (
        f"One iteration is about {requests}{cart}. One iteration of each takes "
        f"{format_duration(_rounded(expected.iteration_s))} at this rate. In "
        f"{format_duration(end_s)} about {expected.came(end_s):,} of {profile.shoppers:,} "
        "shoppers come"
    )
    if not trial.cart_at:
        return f"{text}. The script leaves no cart, so none can be lost."
    share = format_share(round(expected.with_cart(end_s) / profile.shoppers, 2))
    return f"{text}; about {share} will have a cart."


def require_something_to_show(profile: LoadProfile, trial: TrialRun) -> None:
    """Raise LabError, with what to change, if the crowd ends too early to show anything."""
    expected = expect(profile, trial)
    if expected is None:
        return
    problem = _problem(expected)
    if problem:
        enough = _enough(expected)
        raise LabError(
            f"{problem}. {describe_expectation(profile, trial)} Take --shoppers {enough:,.0f}, "
            f"or a higher --rate, or a longer --for; --anyway runs it as it is"
        )


def _problem(expected: Expectation) -> str | None:
    profile, end_s = expected.profile, expected.profile.end_s
    if expected.came(end_s) < LEAST_CAME * profile.shoppers:
        return "most of the shoppers would not come before the end"
    if not expected.trial.cart_at:
        return None
    if expected.with_cart(end_s) < max(1.0, LEAST_WITH_CART * profile.shoppers):
        return "hardly a shopper would have a cart, so no loss could be seen"
    for fault in profile.timetable:
        if fault.kind.ends_process and expected.with_cart(expected.fault_at_s(fault)) < 1:
            return f"at {fault} no shopper would have a cart yet"
    return None


def _enough(expected: Expectation) -> float:
    """Return how many shoppers can start and finish an iteration before the end, at that rate."""
    requests = expected.rate * expected.profile.end_s
    return max(1.0, requests // max(1, expected.trial.requests))


def _rounded(seconds: float) -> float:
    return round(seconds) if seconds >= 10 else round(seconds, 1)
