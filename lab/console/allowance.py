"""How often a client may do something."""

from dataclasses import dataclass


@dataclass
class Allowance:
    """`burst` times at once, then `rate` times a second."""

    rate: float
    burst: float
    _left: float = -1.0
    _at_s: float = 0.0

    def take(self, now_s: float) -> bool:
        """Count one use; False if none is left now."""
        passed_s = now_s - self._at_s
        self._left = self.burst if self._left < 0 else self._left + max(0.0, passed_s) * self.rate
        self._left, self._at_s = min(self.burst, self._left), now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
