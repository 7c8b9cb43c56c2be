"""The key that proves a request is the lab's own: nginx logs an op id only with it.

nginx writes it to the log and passes it on to no server. It is in no record, event or result.
"""

import os
import re
from secrets import compare_digest, token_hex

from lab.core.errors import LabError

OP_HEADER, KEY_HEADER = "X-Op", "X-Op-Key"
KEY_VARIABLE = "LAB_OP_KEY"
"""How the lab gives its key to the processes that send requests for it."""
_GIVEN = os.environ.get(KEY_VARIABLE, "")
_IS_KEY = re.fullmatch("[0-9a-f]{32}", _GIVEN)
OP_KEY = _GIVEN if _IS_KEY else token_hex(16)


def signed(op: str) -> dict[str, str]:
    """Return the headers of a request of the lab's own; only nginx may be sent them."""
    return {OP_HEADER: op, KEY_HEADER: OP_KEY}


def is_ours(key: str) -> bool:
    """Return whether a request with this key is one of the lab's own."""
    return compare_digest(key.encode(), OP_KEY.encode())


def require_given_key() -> None:
    """Raise LabError unless this process was given the key of another machine's lab."""
    if not _IS_KEY:
        raise LabError(
            f"set {KEY_VARIABLE} to the key that `lab crowd --master` prints: 32 characters 0-9a-f"
        )
