"""The configuration of the stateless desk, read from the environment and checked at start."""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from lab.shop.http import ConfigError, InstanceInfo, whole_seconds

MIN_KEY_BYTES = 32


@dataclass(frozen=True)
class Config:
    """`signing_keys` are oldest first: each is accepted, the last one signs."""

    instance_info: InstanceInfo
    signing_keys: tuple[str, ...] = field(repr=False)
    max_age_s: int = 3600

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read STATELESS_SIGNING_KEYS, TOKEN_MAX_AGE_S, REPLICA, INSTANCE."""
        return cls(
            instance_info=InstanceInfo.from_environ(environ),
            signing_keys=_signing_keys(environ.get("STATELESS_SIGNING_KEYS")),
            max_age_s=whole_seconds(environ, "TOKEN_MAX_AGE_S", cls.max_age_s),
        )


def _signing_keys(listed: str | None) -> tuple[str, ...]:
    if listed is None:
        print(
            "stateless_app: STATELESS_SIGNING_KEYS is not set, so this process made its own key: "
            "its tokens are useless when it ends, and no other server accepts them.",
            file=sys.stderr,
        )
        return (secrets.token_urlsafe(MIN_KEY_BYTES),)
    keys = tuple(key.strip() for key in listed.split(","))
    if any(len(key.encode(errors="replace")) < MIN_KEY_BYTES for key in keys):
        raise ConfigError(
            f"STATELESS_SIGNING_KEYS: each key needs at least {MIN_KEY_BYTES} bytes; make one "
            "with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return keys
