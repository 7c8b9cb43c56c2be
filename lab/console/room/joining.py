"""How a phone joins: the room's code, the phone's signed id, and the QR code."""

import hmac
import re
import secrets
from io import BytesIO

import segno

from lab.core.errors import LabError

CODE_LETTERS = "ABCDEFGHJKMNPQRTUVWXYZ2346789"  # none that is read as another
CODE_CHARS = 4
_ID = re.compile(r"([A-Za-z0-9_-]{16})\.([0-9a-f]{32})")


def code_of(secret: str) -> str:
    """Return the room's code: the same after a restart with the same secret."""
    digest = hmac.digest(secret.encode(), b"the room's code", "sha256")
    return "".join(CODE_LETTERS[byte % len(CODE_LETTERS)] for byte in digest[:CODE_CHARS])


def typed_code(text: str) -> str:
    """Return K7QX for a code typed as " k7-qx"; LabError for text that cannot be a code."""
    code = re.sub(r"[\s-]", "", text[:40]).upper()
    if len(code) != CODE_CHARS or any(each not in CODE_LETTERS for each in code):
        raise LabError(f"the code has {CODE_CHARS} letters or digits: read it from the wall again")
    return code


class PhoneIds:
    """Signed ids: a phone keeps its own in a cookie, and cannot make up another's."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"phones", "sha256")

    def new(self) -> str:
        """Return a cookie's value with a new id in it."""
        name = secrets.token_urlsafe(12)
        return f"{name}.{self._signature(name)}"

    def read(self, value: str) -> str:
        """Return the id in a cookie's value; "" if this lab did not make it."""
        given = _ID.fullmatch(value)
        known = given and hmac.compare_digest(self._signature(given[1]), given[2])
        return given[1] if given and known else ""

    def _signature(self, name: str) -> str:
        return hmac.digest(self._key, name.encode(), "sha256").hex()[:32]


def qr_svg(address: str) -> bytes:
    """Return a QR code as an SVG document: black on white, with its quiet zone."""
    drawn = BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawn, kind="svg", scale=1, border=4, dark="#000", light="#fff", omitsize=True, nl=False
    )
    return drawn.getvalue()
