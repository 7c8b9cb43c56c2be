"""How much a check may spend: requests, processes, seconds. Past that it reports what it knows."""

import threading
import time
from dataclasses import dataclass


class Spent(Exception):
    """A bound is reached; the text says which one and how to raise it."""


@dataclass
class Budget:
    """Counts what is spent; raises `Spent` at a bound. Safe to share between threads."""

    max_requests: int = 5000
    max_processes: int = 600
    max_seconds: float = 300.0
    requests: int = 0
    processes: int = 0

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._began

    @property
    def left_s(self) -> float:
        """Seconds that are left, a little at the least: a wait must be able to begin."""
        return max(0.05, self.max_seconds - self.seconds)

    def check_time(self) -> None:
        """Raise `Spent` if the time is up."""
        if self.seconds > self.max_seconds:
            raise Spent(f"stopped after {self.max_seconds:g} s: allow more with --max-seconds")

    def request(self) -> None:
        """Count one request."""
        with self._lock:
            self.requests += 1
            self._check(
                self.requests <= self.max_requests, f"{self.max_requests} requests", "requests"
            )

    def process(self) -> None:
        """Count one process."""
        with self._lock:
            self.processes += 1
            self._check(
                self.processes <= self.max_processes, f"{self.max_processes} processes", "processes"
            )

    def _check(self, within: bool, bound: str, option: str) -> None:
        if not within:
            raise Spent(f"stopped at {bound}: allow more with --max-{option}")
        self.check_time()
