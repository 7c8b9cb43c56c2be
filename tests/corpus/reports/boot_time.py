"""A restart logs everybody out: a token from before this process began is refused.

After the advice to "set not-before to the time of the deployment", taken from the clock of each
process, in whole seconds. With SINCE it is that of the deployment.
"""

import os
import time

from serve import serve
from signing import sign, unsign

KEY = "the same everywhere"
SINCE = int(os.environ.get("SINCE") or time.time())


def token(request):
    who = {"user": request.json()["user"], "iat": int(time.time())}
    return 200, {"token": sign(who, KEY)}


def me(request):
    who = unsign((request.headers.get("Authorization") or "").removeprefix("Bearer "), KEY)
    if who is None or who["iat"] < SINCE:
        return 401, {"error": "log in again"}
    return 200, {"user": who["user"]}


serve({"POST /token": token, "GET /me": me})
