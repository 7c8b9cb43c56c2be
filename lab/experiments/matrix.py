"""The matrix of settings: every place a cart can live, one setting changed at a time."""

from lab.evidence.result import Settings, Variant

ALONE = Settings(servers=1)
WITH_STORE = Settings(servers=1, store="redis")
MEMORY = Variant("memory", "stateful")
MEMORY_AFFINITY = Variant("memory-affinity", "stateful", Settings(affinity="cookie"))
FILE = Variant("file", "stateful", Settings(store="file"))
REDIS = Variant("redis", "stateful", Settings(store="redis"))
TOKEN = Variant("token", "stateless")
TOKEN_DENYLIST = Variant(
    "token-denylist", "stateless", Settings(store="redis"), module="lab.variants.denylist"
)
TOKEN_REVISION = Variant(
    "token-revision", "stateless", Settings(store="redis"), module="lab.variants.revision"
)

MATRIX = (MEMORY, MEMORY_AFFINITY, FILE, REDIS, TOKEN, TOKEN_DENYLIST, TOKEN_REVISION)


def two_desks(settings: Settings) -> tuple[Variant, ...]:
    """Return the two variants that a script runs on unless it says otherwise."""
    return (Variant("stateful", "stateful", settings), Variant("stateless", "stateless", settings))
