"""The configuration of the stateful desk, read from the environment and checked at start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from lab.shop.http import ConfigError, InstanceInfo, whole_seconds
from lab.shop.redis.store_url import FORMS, SCHEMES


@dataclass(frozen=True)
class Config:
    """`store` is "memory", "file:DIR" or a Redis URL; `max_age_s` counts from the last change."""

    instance_info: InstanceInfo
    store: str = field(default="memory", repr=False)  # may hold a password
    key_prefix: str = "session:"
    max_age_s: int = 3600

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read STATEFUL_STORE, STATEFUL_KEY_PREFIX, SESSION_MAX_AGE_S, REPLICA, INSTANCE."""
        store = environ.get("STATEFUL_STORE", "memory")
        is_file = store.startswith("file:") and len(store) > len("file:")
        if store != "memory" and not is_file and not store.startswith(SCHEMES):
            # The message does not repeat the value: a URL may hold a password.
            raise ConfigError(f"STATEFUL_STORE must be memory, file:DIR, {FORMS}")
        return cls(
            instance_info=InstanceInfo.from_environ(environ),
            store=store,
            key_prefix=environ.get("STATEFUL_KEY_PREFIX", cls.key_prefix),
            max_age_s=whole_seconds(environ, "SESSION_MAX_AGE_S", cls.max_age_s),
        )
