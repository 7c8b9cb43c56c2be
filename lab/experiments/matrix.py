"""The knob matrix: every place a cart can live, one knob changed at a time."""

from lab.evidence.result import Knobs, Variant

MEMORY = Variant("memory", "stateful")
MEMORY_AFFINITY = Variant("memory-affinity", "stateful", Knobs(affinity="cookie"))
FILE = Variant("file", "stateful", Knobs(store="file"))
REDIS = Variant("redis", "stateful", Knobs(store="redis"))
TOKEN = Variant("token", "stateless")
TOKEN_DENYLIST = Variant(
    "token-denylist", "stateless", Knobs(store="redis"), module="lab.variants.denylist"
)
TOKEN_REVISION = Variant(
    "token-revision", "stateless", Knobs(store="redis"), module="lab.variants.revision"
)

MATRIX = (MEMORY, MEMORY_AFFINITY, FILE, REDIS, TOKEN, TOKEN_DENYLIST, TOKEN_REVISION)


def two_desks(knobs: Knobs) -> tuple[Variant, ...]:
    """Return the two lanes that a script runs on unless it says otherwise."""
    return (Variant("stateful", "stateful", knobs), Variant("stateless", "stateless", knobs))
