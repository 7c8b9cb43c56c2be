"""Tokens are too long for a cookie, so a map of this process has them: users are logged out.

After caipe-io/ai-platform-engineering issue 1986. With KEY they travel signed.
"""

import os
import uuid

from serve import serve
from signing import sign, unsign

KEY = os.environ.get("KEY")
tokens = {}


def login(request):
    who = {"user": request.json()["user"], "scopes": ["read", "write"]}
    if KEY:
        value = sign(who, KEY)
    else:
        value = uuid.uuid4().hex
        tokens[value] = who
    return 200, {"ok": True}, ("Set-Cookie", f"session={value}; Path=/; HttpOnly")


def me(request):
    value = request.cookies.get("session")
    who = unsign(value, KEY) if KEY else tokens.get(value)
    return (200, who) if who else (401, {"error": "re-authenticate"})


serve({"POST /login": login, "GET /me": me})
