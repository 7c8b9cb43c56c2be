"""The knobs of the page's stage: which there are, what each may be, what nginx is told of them."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.core.errors import LabError
from lab.evidence.result import Settings, Variant
from lab.experiments.caching import NAIVE, OBEDIENT
from lab.experiments.matrix import two_desks
from lab.stack.programs import find_store
from lab.stack.server_pool import ProxySettings

MOST_PAGE_SERVERS = 8
STORE_ORDERS = ("kill", "restart", "hang", "resume")
KNOBS: Mapping[str, tuple[str, ...]] = {
    "affinity": ("none", "cookie"),
    "retry": ("off", "on"),
    "cache": ("off", "obedient", "naive"),
    "store": ("memory", "file", "redis"),
}
CACHES: Mapping[str, tuple[str, ...]] = {"obedient": OBEDIENT, "naive": NAIVE}
PAUSED_SHOWS = "proxy_read_timeout 1s"  # a frozen server is a 504 after this


@dataclass(frozen=True)
class Cache:
    """What stands before each desk. A new `number` is a new cache, with nothing old in it."""

    kind: str = "off"
    number: int = 0

    def anew(self, kind: str) -> "Cache":
        """Return an empty cache of this kind."""
        return Cache(kind, self.number + 1)

    def zone(self, lane: str) -> str:
        """Return the name of a lane's cache, and of its folder."""
        return f"cache{self.number}-{lane}"

    def treatment(self, knobs: Settings, lane: str) -> ProxySettings:
        """Return how nginx is to treat a lane with this cache and these knobs."""
        zone, how = self.zone(lane), CACHES.get(self.kind)
        return ProxySettings(
            knobs.affinity,  # type: ignore[arg-type]  # checked where it came in
            knobs.retry,  # type: ignore[arg-type]
            (PAUSED_SHOWS, *([f"proxy_cache {zone}", *how] if how else ())),
            (f"proxy_cache_path {zone} keys_zone={zone}:1m",) if how else (),
        )

    def wipe_others(self, folder: Path) -> None:
        """Remove from the run's folder what earlier caches kept: carts, and tokens that are good.

        An "off" cache keeps nothing, so then all of them go.
        """
        for path in folder.glob("cache*-*"):
            number = path.name.partition("-")[0]
            if self.kind == "off" or number != f"cache{self.number}":
                shutil.rmtree(path, ignore_errors=True)


def console_variants(knobs: Settings) -> tuple[Variant, ...]:
    """Return the two desks as the page has them."""
    return tuple(replace(each, directives=(PAUSED_SHOWS,)) for each in two_desks(knobs))


def checked(knobs: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the knobs that are named; raise LabError for what cannot be."""
    wanted = {name: value for name, value in knobs.items() if value is not None}
    for name, value in wanted.items():
        if name not in KNOBS:
            raise LabError(f"no knob {name[:40]!r}: there are {', '.join(KNOBS)}")
        if value not in KNOBS[name]:
            raise LabError(f"{name} is one of {', '.join(KNOBS[name])}")
        if (name, value) == ("store", "redis") and find_store() is None:
            raise LabError("no session store here: `lab doctor` says how to get one")
    return wanted
