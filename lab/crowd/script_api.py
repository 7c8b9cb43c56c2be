"""What `lab` offers a script that runs once for each shopper of a crowd."""

import random
from typing import NoReturn

from lab.core.errors import LabError


class CrowdScriptApi:
    """The `lab` of one shopper among many: what concerns that shopper alone.

    `random` gives the same numbers in every lane of a run with the same --seed, and other
    ones to each shopper; `servers` are the servers' names.
    """

    def __init__(self, servers: tuple[str, ...], seed: int, number: int, quick: bool) -> None:
        self.servers = servers
        self.quick = quick
        self.random = random.Random(f"{seed}:{number}")

    def n(self, full: int, quick: int) -> int:
        """Return how many to try: `full`, or `quick` in a quick run."""
        return quick if self.quick else full

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise LabError(
            f"lab.{name} is not for one shopper of a crowd: each runs the script alone, and "
            "what breaks stands on the timetable (lab crowd --kill B@10s)"
        )
