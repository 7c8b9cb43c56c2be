"""Signed values, as a fixed service hands them to its client."""

import base64
import hashlib
import hmac
import json


def sign(document, key):
    text = base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")
    return f"{text}.{hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]}"


def unsign(value, key):
    text, _, given = (value or "").rpartition(".")
    if given != hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]:
        return None
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
