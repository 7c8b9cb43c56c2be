"""How much a check may spend: requests, processes, seconds. Past that it tells what it knows."""

import threading
import time
from dataclasses import dataclass


class Spent(Exception):
    """A bound is reached; the text says which and how to raise it."""


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
        if self.seconds > self.max_seconds:
            raise Spent(f"stopped after {self.max_seconds:.0f} s: allow more with --max-seconds")
