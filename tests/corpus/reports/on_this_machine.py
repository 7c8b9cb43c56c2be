"""A count that all processes of one machine share, and no other machine has.

PLACE says where: "sysv" is shared memory of System V, "cache" a file that each process reads once
(and a coin beside it, which is no state); anything else is a path.
"""

import ctypes
import os
import random
from pathlib import Path

from serve import serve

PLACE = os.environ["PLACE"]
KEY, CREATE = 0x5E5510, 0o1600
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
kept = {}


def byte():
    return ctypes.c_ubyte.from_address(libc.shmat(libc.shmget(KEY, 16, CREATE), None, 0))


def path():
    return Path("count" if PLACE == "cache" else PLACE)


def read():
    if PLACE == "sysv":
        return byte().value
    if PLACE != "cache" or "count" not in kept:
        kept["count"] = int(path().read_text()) if path().exists() else 0
    return kept["count"]


def add(request):
    if PLACE == "sysv":
        byte().value += 1
    else:
        kept["count"] = read() + 1
        path().write_text(str(kept["count"]))
    return 200, {"ok": True, "coin": random.choice("AB")}


serve({"POST /visits": add, "GET /visits": lambda request: (200, {"visits": read()})})
