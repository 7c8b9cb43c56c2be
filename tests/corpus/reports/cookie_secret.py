"""The key of signed cookies is made at the start when none is given: a restart logs out everyone.

After gke-labs/gemini-for-kubernetes-development pull request 1407. With SESSION_SECRET it is given;
with SECRET_FILE it is made once and kept in a file of this machine.
"""

import os
import secrets
from pathlib import Path

from serve import serve
from signing import sign, unsign


def key():
    if given := os.environ.get("SESSION_SECRET"):
        return given
    kept = os.environ.get("SECRET_FILE")
    if kept and Path(kept).exists():
        return Path(kept).read_text()
    made = secrets.token_hex(32)
    if kept:
        Path(kept).write_text(made)
    return made


KEY = key()


def login(request):
    value = sign({"user": request.json()["user"]}, KEY)
    return 200, {"ok": True}, ("Set-Cookie", f"session={value}; Path=/; HttpOnly; SameSite=Lax")


def boards(request):
    who = unsign(request.cookies.get("session"), KEY)
    return (200, {"boards": [], "of": who["user"]}) if who else (401, {"error": "no session"})


serve({"POST /login": login, "GET /api/boards": boards})
