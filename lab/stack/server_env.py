"""The environment variables of a server of either desk, here or in a container."""

from lab.shop.desks import Desk

SIGNING_KEYS = "STATELESS_SIGNING_KEYS"


def desk_env(desk: Desk, store: str, key_prefix: str, signing_keys: str) -> dict[str, str]:
    """Return the variables that all servers of a desk share.

    `store` is "memory", "file:DIR" or a Redis URL, and its keys begin with `key_prefix`.
    The stateless desk needs no store, but its variants (`lab.variants`) do.
    """
    is_url = "://" in store
    if desk == "stateless":
        shared = {"VARIANT_STORE": store, "VARIANT_KEY_PREFIX": key_prefix} if is_url else {}
        return {SIGNING_KEYS: signing_keys} | shared
    return {"STATEFUL_STORE": store} | ({"STATEFUL_KEY_PREFIX": key_prefix} if is_url else {})
