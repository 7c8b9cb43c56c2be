"""A name of the process behind a login, at a place whose name does not say so.

KIND=user keeps another value for each user instead; KIND=strict lets one user in, and no other.
"""

import os
import uuid

from serve import serve
from signing import sign, unsign

KEY, KIND, zone, zones = "k", os.environ.get("KIND", ""), uuid.uuid4().hex, {}


def login(request):
    said = request.json()
    if KIND.startswith("strict") and said != {"user": "ada", "password": "secret"}:
        return 401, {"error": "wrong password"}
    return 200, {"token": sign(said["user"], KEY)}


def me(request):
    user = unsign(request.headers.get("X-Token"), KEY)
    if not user:
        return 401, {"error": "log in"}
    kept = zones.setdefault(user, uuid.uuid4().hex)
    return 200, {"user": user, "zone": kept if KIND.endswith("user") else zone}


serve({"POST /login": login, "GET /me": me, "GET /orders": me})
