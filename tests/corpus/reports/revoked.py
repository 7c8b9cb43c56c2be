"""A logout is kept in the process that answered it: every other one accepts the token.

After the usual advice to keep a list of revoked tokens, taken as a set of the module. With KEEP=0
there is no such list: no process refuses a token, and the author has said so.
"""

import os

from serve import serve
from signing import sign, unsign

KEY = "the same everywhere"
revoked = set()


def token_of(request):
    return (request.headers.get("Authorization") or "").removeprefix("Bearer ")


def login(request):
    return 200, {"token": sign({"user": request.json()["user"], "device": "phone"}, KEY)}


def me(request):
    who = unsign(token_of(request), KEY)
    if who is None or token_of(request) in revoked:
        return 401, {"error": "log in"}
    return 200, {"user": who["user"]}


def logout(request):
    if unsign(token_of(request), KEY) is None:
        return 401, {"error": "log in"}
    if os.environ.get("KEEP") != "0":
        revoked.add(token_of(request))
    return 200, {"ok": True}


serve({"POST /login": login, "GET /me": me, "POST /logout": logout})
