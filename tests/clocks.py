"""Clocks of tests: their time passes when a test says so, or where the code under test sleeps."""


class Clock:
    """What is called for the time, in seconds: `now_s` is the test's to change."""

    def __init__(self, now_s=1000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


class TickingClock(Clock):
    """A clock that goes on by `step_s` each time it is asked."""

    def __init__(self, step_s, at_each=lambda: None):
        super().__init__()
        self.step_s, self.at_each = step_s, at_each

    def __call__(self):
        self.at_each()
        self.now_s += self.step_s
        return self.now_s


class SleepingClock:
    """Stands for the module `time`: time goes on only where one sleeps.

    A second of the wall clock began 0.3 s before the start.
    """

    def __init__(self, now=1000.0):
        self.now = now

    def monotonic(self):
        return self.now

    def time(self):
        return self.now + 1000.3

    def sleep(self, seconds):
        assert seconds >= 0
        self.now += seconds
