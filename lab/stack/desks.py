"""The two desks, and the environment of their servers, here or in a container."""

from typing import Literal

Desk = Literal["stateful", "stateless"]
DESKS: tuple[Desk, ...] = ("stateful", "stateless")
SIGNING_KEYS = "STATELESS_SIGNING_KEYS"


def desk_env(desk: Desk, store: str, key_prefix: str, signing_keys: str) -> dict[str, str]:
    """Return the variables that all servers of a desk share.

    `store` is "memory", "file:DIR" or a Redis URL, and `key_prefix` what its keys begin with.
    The stateless desk needs no store; a variant with a remedy (`lab.variants`) uses one.
    """
    is_url = "://" in store
    if desk == "stateless":
        shared = {"ALTERED_STORE": store, "ALTERED_KEY_PREFIX": key_prefix} if is_url else {}
        return {SIGNING_KEYS: signing_keys} | shared
    return {"STATEFUL_STORE": store} | ({"STATEFUL_KEY_PREFIX": key_prefix} if is_url else {})
