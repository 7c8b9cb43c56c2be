"""The state of a login lies in the process that began it: the callback meets another one.

After mitos-run/mitos issue 427. With KEY the state is signed and says all that is needed.
"""

import os
import secrets
from urllib.parse import parse_qs

from serve import serve
from signing import sign, unsign

KEY = os.environ.get("KEY")
waiting = {}


def login(request):
    target = parse_qs(request.query).get("next", ["/"])[0]
    state = (
        sign({"next": target, "nonce": secrets.token_hex(8)}, KEY) if KEY else secrets.token_hex(16)
    )
    waiting[state] = {"next": target}
    return 302, {}, ("Location", f"http://idp.example/auth?client_id=console&state={state}")


def callback(request):
    state = parse_qs(request.query).get("state", [""])[0]
    known = unsign(state, KEY) if KEY else waiting.pop(state, None)
    if not known:
        return 401, {"error": "state does not match"}
    return 302, {}, ("Location", known["next"])


serve({"GET /auth/login": login, "GET /auth/callback": callback})
