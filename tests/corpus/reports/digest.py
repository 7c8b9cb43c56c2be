"""Digest authentication (RFC 7616) whose challenges live in the process: after requests issue 3772.

With KEY the nonce is signed, so that any process knows it for its own.
"""

import hashlib
import hmac
import os
import re
import secrets

from serve import serve

issued = set()
key = os.environ.get("KEY", "").encode()


def md5(*words):
    return hashlib.md5(":".join(words).encode(), usedforsecurity=False).hexdigest()


def signed(text):
    return f"{text}.{hmac.new(key, text.encode(), 'sha256').hexdigest()}"


def issue():
    nonce = secrets.token_hex(8)
    issued.add(nonce)
    return signed(nonce) if key else nonce


def is_ours(nonce):
    return nonce == signed(nonce.partition(".")[0]) if key else nonce in issued


def me(request):
    said = dict(re.findall(r'(\w+)="?([^",]+)', request.headers.get("Authorization", "")))
    words = [said.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
    right = md5(md5("ada", "desk", "secret"), *words, md5(request.command, request.path))
    if is_ours(words[0]) and right == said.get("response"):
        return 200, {"user": "ada"}
    challenge = f'Digest realm="desk", qop="auth", algorithm=MD5, nonce="{issue()}"'
    return 401, {"error": "log in"}, ("WWW-Authenticate", challenge)


serve({"GET /me": me, "POST /me": me})
