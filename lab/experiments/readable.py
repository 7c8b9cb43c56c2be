"""A stranger takes what a customer carries, reads it, changes it, and tries to forge another.

What is done: a customer fills a cart and says where it goes. Then a stranger takes the
credential out of one request, and tries to read it by hand, without any key: base64, then
zlib where it was zipped. The stranger changes each fact that can be read, packs it again as it
was, keeps the old signature, and tries that with the server; as a control the same change is
signed with the shop's own key, as if it had leaked, and must be accepted. Then one character is
changed, at every position in turn. Last, a token is forged for another customer: with a key made
up, and with the shop's own.

What would disprove it: no fact about the customer can be found without the key. A token that
was changed or forged without the key and is accepted is worse: then it is not even signed, and
the run fails.

What it depends on at the stateful desk: the same attempts at a session id find nothing, for
it says nothing; what the customer did is on the server. And a leaked signing key opens no
session.

Try next: paste a token of `lab up` into Python and decode it; then sign it again.
"""

import base64
import hashlib
import json
import secrets
import string
import zlib
from collections.abc import Mapping

from itsdangerous import URLSafeTimedSerializer

from lab.core.json_object import JsonObject
from lab.core.statistics import Measure, share
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.script_api import Lab

DRAWBACK = "A signed token is not a secret: it can be read without a key."
EXPECTED = Verdict.CONFIRMED
VARIANTS = (
    Variant("memory", "stateful", Settings(servers=1), expect=Verdict.NOT_AFFECTED),
    Variant("token", "stateless", Settings(servers=1), expect=Verdict.AFFECTED),
)
CUSTOMERS = 1
HOME_ADDRESS = "7 Acacia Avenue"
REWRITTEN = {"user_id": "900", "name": "Mallory", "lines": {"laptop": 99}, "shipping_address": "1"}
LABELS = {"v": 2, "aud": "two-desks"}
STRANGERS = {
    **LABELS,
    "session": {"user_id": "900", "name": "Nobody", "lines": {"laptop": 99}},
}
CHARACTERS = string.ascii_letters + string.digits + "-_"


def script(shopper: Shopper, lab: Lab) -> None:
    """Shop, then let a stranger read, change and forge what the shopper carries."""
    shopper.login()
    shopper.add("laptop")
    shopper.ship_to(HOME_ADDRESS)
    header, credential = carried(shopper.view_cart())
    text = decoded(credential)
    facts = (shopper.user_id, shopper.name, "laptop", HOME_ADDRESS)
    stranger = lab.shopper()

    def status(header: str, credential: str) -> int | None:
        return stranger.request("GET", "/api/cart", headers={header: credential}).status

    changed = list(_changed(credential, lab.n(10_000, 40)))
    statuses = [status(header, each) for each in changed]
    by_guess, by_thief = signer(secrets.token_urlsafe(32)), signer(lab.leak_key())
    rewritten = rewritings(credential)
    kept = [status(header, _with_payload(credential, each)) for each in rewritten]
    signed = [status(header, f"Bearer {by_thief.dumps(each)}") for each in rewritten]
    lab.measure(
        credential_bytes=len(credential),
        facts_tried=len(facts),
        facts_read=sum(json.dumps(fact) in text for fact in facts),
        original_status=status(header, credential),
        changes_tried=len(changed),
        tampered_refused=statuses.count(401),
        changes_accepted=statuses.count(200),
        rewritten_tried=len(rewritten),
        rewritten_refused=kept.count(401),
        rewritten_accepted=kept.count(200),
        rewritten_accepted_when_signed=signed.count(200),
        forged_without_key_status=status("Authorization", f"Bearer {by_guess.dumps(STRANGERS)}"),
        forged_with_key_status=status("Authorization", f"Bearer {by_thief.dumps(STRANGERS)}"),
    )
    accepted = accepted_without_key(lab.extra)
    assert not accepted, f"{accepted} tokens changed or forged without the key opened a cart"


def carried(exchange: Exchange) -> tuple[str, str]:
    """Return the header by which a request said who it was, and what was in it."""
    for header in ("Authorization", "Cookie"):
        if header in exchange.request_headers:
            return header, exchange.request_headers[header]
    return "Authorization", ""


def decoded(credential: str) -> str:
    """Return what can be read of a credential without a key, "" if nothing.

    A token is payload.time.signature; a payload that begins with a dot is zipped (the form
    of itsdangerous). Its alphabet is that of RFC 4648, section 5.
    """
    zipped, payload, _ = _parts(credential)
    try:
        data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return (zlib.decompress(data) if zipped else data).decode()
    except (ValueError, zlib.error):
        return ""


def _parts(credential: str) -> tuple[bool, str, str]:
    """Return whether the payload is zipped, the payload, and what follows it."""
    secret = credential.partition(" ")[2] or credential.partition("=")[2]
    payload, _, rest = secret.removeprefix(".").partition(".")
    return secret.startswith("."), payload, rest


def rewritings(credential: str) -> list[JsonObject]:
    """Return what a token says, each time with one fact changed; [] where it says nothing."""
    text = decoded(credential)
    session = json.loads(text).get("session") if text.startswith("{") else None
    if not isinstance(session, dict):
        return []
    return [
        {**json.loads(text), "session": {**session, fact: REWRITTEN[fact]}}
        for fact in session.keys() & REWRITTEN
    ]


def _with_payload(credential: str, payload: JsonObject) -> str:
    """Pack `payload` as the credential's own is packed, and keep its time and signature."""
    zipped, _, rest = _parts(credential)
    data = json.dumps(payload, separators=(",", ":")).encode()
    packed = base64.urlsafe_b64encode(zlib.compress(data) if zipped else data)
    return f"Bearer {'.' if zipped else ''}{packed.decode().rstrip('=')}.{rest}"


def _changed(credential: str, most: int) -> list[str]:
    """Change one character of the payload (of the id) at each of at most `most` positions."""
    start = max(credential.find(" "), credential.find("=")) + 1
    start += credential[start] == "." if len(credential) > start else 0
    end = credential.find(".", start)
    places = range(start, len(credential) if end < 0 else end)
    step = -(-len(places) // most) or 1
    return [
        credential[:place] + _other(credential[place]) + credential[place + 1 :]
        for place in places[::step]
    ]


def _other(character: str) -> str:
    return CHARACTERS[(CHARACTERS.find(character) + 17) % len(CHARACTERS)]


def signer(key: str) -> URLSafeTimedSerializer:
    """Return what signs with `key` as the shop signs."""
    return URLSafeTimedSerializer(
        key,
        salt="two-desks.cart",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )


def accepted_without_key(measured: Measurements) -> int:
    """Count the tokens that were changed or forged without the key and opened a cart."""
    forged = measured["forged_without_key_status"] == 200
    return int(measured["changes_accepted"] + measured["rewritten_accepted"] + forged)


def observe(measured: Measurements) -> Observation:
    """Observe whether the facts were read, provided that no changed credential was accepted."""
    tried, read = measured["facts_tried"], measured["facts_read"]
    if not tried or not measured["changes_tried"] or measured["original_status"] != 200:
        return Observation.unknown("the credential itself was not accepted: no control")
    # The forged one counts as well.
    changes = measured["changes_tried"] + measured["rewritten_tried"] + 1
    if accepted := accepted_without_key(measured):
        number = share(accepted, changes, "changed or forged without the key and accepted")
        return Observation(Verdict.AFFECTED, (number,), "not even signed")
    refused = measured["tampered_refused"] + measured["rewritten_refused"]
    refused += measured["forged_without_key_status"] == 401
    if refused < changes:
        return Observation.unknown(f"{changes - refused} changes were neither accepted nor refused")
    # A token that says something is refused for its signature only if the same, signed, is not.
    signed = measured["rewritten_accepted_when_signed"]
    if read and not (signed == measured["rewritten_tried"] > 0):
        return Observation.unknown("changed tokens are refused even when signed: no control")
    if read and measured["forged_with_key_status"] != 200:
        return Observation.unknown("a token forged with the right key is refused: no control")
    verdict = Verdict.AFFECTED if read else Verdict.NOT_AFFECTED
    facts = Measure(read, tried, unit="facts read without a key")
    return Observation(verdict, (facts, share(refused, changes, "changes refused")))


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    seen = by_variant.get("token", {})
    if not seen.get("facts_tried") or not seen.get("changes_tried"):
        return None
    if accepted_without_key(seen):
        return 2
    return 1 if seen["facts_read"] else 0


QUESTION = Question(
    "A token is found in a log, and it is still good. What about the token itself?",
    (
        "it can neither be read nor changed without the key",
        "it can be read without the key, but not changed",
        "it can be read and changed without the key",
    ),
    _observed,
    "Signing keeps a token from being changed; it hides nothing. Base64 is an alphabet and zlib "
    "a way to pack, neither is a lock. (Who holds it can also use it: that is what bearer "
    "means.) So a token says as little as it can, travels over TLS only, and the signing key is "
    "the one secret: with it a thief can be any customer, at every server.",
)
