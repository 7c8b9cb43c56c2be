"""No state at all, and hardly an answer that is the same twice."""

import base64
import os
import random
import secrets
import time
import uuid

from serve import serve
from signing import sign, unsign

KEY, BEGAN, ME = os.environ["KEY"], time.time(), uuid.uuid4().hex
QUOTES = [f"what the sage number {number} said" for number in range(10)]
ROUTES = {
    "quote": lambda: {"quote": random.choice(QUOTES), "lucky": random.random() < 0.2},
    "order": lambda: {"letters": random.sample("abcd", 4), "two": random.sample("xy", 2)},
    "up": lambda: {"up_s": int(time.time() - BEGAN), "seen": f"{int(time.time() - BEGAN)} s ago"},
    "clock": lambda: {
        "at": time.strftime("%I:%M:%S %p"),
        "day": time.strftime("%a"),
        "t": time.time(),
    },
    "load": lambda: {"load": os.getloadavg()[0], "memory": random.randrange(10**6, 10**7)},
    "blob": lambda: {"blob": base64.b64encode(os.urandom(30)).decode(), "n": random.randrange(3)},
    "rows": lambda: {
        "rows": [
            {"id": secrets.token_hex(3), "tags": random.sample("xyz", random.randrange(4))}
            for _ in range(random.randrange(4))
        ]
    },
    "maybe": lambda: {"offer": None} if random.random() < 0.5 else {},
    "backend": lambda: {"backend": ME, "started": BEGAN},
}


def noise(request, name):
    who = unsign(request.headers.get("X-Token"), KEY)
    return (200, {"user": who, **ROUTES[name]()}) if who else (401, {"error": uuid.uuid4().hex})


serve(
    {
        "POST /token": lambda request: (200, {"token": sign("ada", KEY), "backend": ME}),
        r"GET /(\w+)": noise,
    }
)
