"""The settings of the stage: store, affinity, retries, cache, and what a chapter changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lab.console.chapter_changes import CHAPTER_SETTINGS, ChapterChanges
from lab.console.renewal import change_servers, renew
from lab.console.settings import Cache, console_variants
from lab.console.stack_state import DeskSettings
from lab.evidence.result import Settings, Variant
from lab.experiments.provision import ProvisionedStack
from lab.stack.local_pool import LocalPool
from lab.stack.pool_spec import LETTERS
from lab.stack.session_store import Store


@dataclass(frozen=True)
class WantedStage:
    """The servers and settings of a clean stage."""

    settings: Settings
    cache: Cache
    changes: ChapterChanges


class StageSettings:
    """The settings that hold now; a change is carried out at servers, store and nginx."""

    def __init__(
        self,
        provisioned: ProvisionedStack,
        pools: Mapping[str, LocalPool],
        variants: tuple[Variant, ...],
    ) -> None:
        self._provisioned, self._pools = provisioned, pools
        self._variants = {each.name: each for each in variants}
        self._cache = Cache()
        self._changes = ChapterChanges()

    def present(self) -> dict[str, str]:
        """Return the value of each setting."""
        all_of_them = {**vars(self._settings), "cache": self._cache.kind, **vars(self._changes)}
        return {name: str(value) for name, value in all_of_them.items()}

    def desks(self) -> dict[str, DeskSettings]:
        """Return each desk's settings as the page shows them."""
        kind, unusual = self._cache.kind, self._changes.unusual()
        return {
            name: DeskSettings(self._variants[name].keeps, pool.affinity, pool.retry, kind, unusual)
            for name, pool in self._pools.items()
        }

    def cents(self) -> dict[str, int]:
        """Return the present prices of what a chapter may reprice, by sku."""
        return self._changes.cents()

    def store(self) -> Store | None:
        """Return the store that the stateful servers share; None if there is none."""
        return self._provisioned.store_of(self._variants["stateful"])

    def sessions_in_store(self) -> int:
        """Count the sessions in that store; LabError if it does not answer."""
        return self._provisioned.sessions_in_store(self._variants["stateful"])

    @staticmethod
    def ends_servers(name: str) -> bool:
        """Return True if a change of this setting restarts the servers."""
        return name == "store" or name in CHAPTER_SETTINGS

    def change(self, name: str, value: str) -> None:
        """Change one setting."""
        if name == "cache":
            self._apply(self._settings, self._cache.anew(value))
            return
        if name in CHAPTER_SETTINGS:
            changes = replace(self._changes, **{name: value})
            change_servers(self._provisioned, self._pools, self._changes, changes)
            self._changes = changes
            return
        settings = replace(self._settings, **{name: value})  # type: ignore[arg-type]  # checked
        if name == "store":
            names = {"stateful": list(self._pools["stateful"].servers)}
            self._renew(settings, names, self._changes)
        self._apply(settings, self._cache)

    def wanted(self, servers: int | None, changed: dict[str, str]) -> WantedStage:
        """Return a clean stage with these changes; LabError if a pool cannot have them."""
        cache = self._cache.anew(changed.pop("cache", self._cache.kind))
        changes = ChapterChanges.taken_from(changed)
        settings = replace(self._settings, servers=servers or self._settings.servers)
        settings = replace(settings, **changed)  # type: ignore[arg-type]  # none of these is `tls`
        for pool in self._pools.values():
            pool.require(settings.affinity)  # type: ignore[arg-type]  # checked
        return WantedStage(settings, cache, changes)

    def begin_anew(self, stage: WantedStage) -> None:
        """Start all servers anew: A, B, … at each desk, with nothing remembered."""
        names = dict.fromkeys(self._pools, LETTERS[: stage.settings.servers])
        self._renew(stage.settings, names, stage.changes)
        self._apply(stage.settings, stage.cache)

    def wipe_cache(self) -> None:
        """Delete what the caches have kept."""
        Cache().wipe_others(self._provisioned.folder)

    @property
    def _settings(self) -> Settings:
        return self._variants["stateful"].settings

    def _renew(
        self, settings: Settings, names: Mapping[str, Sequence[str]], changes: ChapterChanges
    ) -> None:
        before, changed = self._settings.store, (self._changes, changes)
        variants = {each.name: each for each in console_variants(settings)}
        stateful = variants["stateful"]
        # First: where no store comes up, nothing has been changed.
        env = self._provisioned.supply(stateful)
        self._variants = variants
        renew(self._provisioned, self._pools, stateful, env, names, before, changed)
        self._changes = changes

    def _apply(self, settings: Settings, cache: Cache) -> None:
        """Reload nginx with the present servers, these settings and this cache."""
        self._provisioned.stack.apply(
            {desk: cache.proxy_settings(settings, desk) for desk in self._pools}
        )
        self._variants = {each.name: each for each in console_variants(settings)}
        self._cache = cache
        cache.wipe_others(self._provisioned.folder)
