"""The settings that the page changes: their values, and what nginx makes of them."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lab.console.chapter_changes import CHAPTER_SETTINGS
from lab.console.stack_state import SETTINGS
from lab.core.errors import LabError
from lab.evidence.result import Settings, Variant
from lab.experiments.caching import NAIVE, OBEDIENT
from lab.experiments.matrix import two_desks
from lab.stack.programs import find_store
from lab.stack.server_pool import ProxySettings

ALL_SETTINGS: Mapping[str, tuple[str, ...]] = {**SETTINGS, **CHAPTER_SETTINGS}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "affinity": ("none", "cookie"),
    "store": ("memory", "redis"),
    "retry": ("off", "on"),
}
"""The settings that change what a script of the lesson shows; the first value is the usual one."""
CACHES: Mapping[str, tuple[str, ...]] = {"obedient": OBEDIENT, "naive": NAIVE}
PAUSED_SHOWS = "proxy_read_timeout 1s"  # a paused server is a 504 after this


@dataclass(frozen=True)
class Cache:
    """The cache in front of each desk. A new `number` is a new cache, with nothing old in it."""

    kind: str = "off"
    number: int = 0

    def anew(self, kind: str) -> "Cache":
        """Return an empty cache of this kind."""
        return Cache(kind, self.number + 1)

    def zone(self, desk: str) -> str:
        """Return the name of a desk's cache, and of its folder."""
        return f"cache{self.number}-{desk}"

    def proxy_settings(self, settings: Settings, desk: str) -> ProxySettings:
        """Return nginx's settings of a desk with this cache."""
        zone, how = self.zone(desk), CACHES.get(self.kind)
        return ProxySettings(
            settings.affinity,  # type: ignore[arg-type]  # checked where it came in
            settings.retry,  # type: ignore[arg-type]
            (PAUSED_SHOWS, *([f"proxy_cache {zone}", *how] if how else ())),
            (f"proxy_cache_path {zone} keys_zone={zone}:1m",) if how else (),
        )

    def wipe_others(self, folder: Path) -> None:
        """Delete what earlier caches kept in the run's folder: carts, and tokens still valid.

        An "off" cache keeps nothing, so then all of them go.
        """
        for path in folder.glob("cache*-*"):
            number = path.name.partition("-")[0]
            if self.kind == "off" or number != f"cache{self.number}":
                shutil.rmtree(path, ignore_errors=True)


def console_variants(settings: Settings) -> tuple[Variant, ...]:
    """Return the two desks as the page has them."""
    return tuple(replace(each, directives=(PAUSED_SHOWS,)) for each in two_desks(settings))


def checked(settings: Mapping[str, str | None]) -> dict[str, str]:
    """Return the settings that are given; raise LabError for a wrong name or value."""
    wanted = {name: value for name, value in settings.items() if value is not None}
    for name, value in wanted.items():
        if name not in ALL_SETTINGS:
            raise LabError(f"no setting {name[:40]!r}: there are {', '.join(SETTINGS)}")
        if value not in ALL_SETTINGS[name]:
            raise LabError(f"{name} is one of {', '.join(ALL_SETTINGS[name])}")
        if (name, value) == ("store", "redis") and find_store() is None:
            raise LabError("no session store here: `lab doctor` says how to get one")
    return wanted
