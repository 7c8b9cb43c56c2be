"""Keeps the instructor's rights and the port over a restart of `lab up` in the same folder."""

import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from lab.core.run_folder import read_own, write_private

RIGHTS_FILE = "instructor.json"
MOST_FILE_BYTES = 1000
_SECRET_TEXT = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class KeptRights:
    """The secret of the instructor's cookie, and the port that browsers know (0: none yet)."""

    secret: str
    port: int = 0


def kept_rights(root: Path, now_s: float | None = None) -> KeptRights:
    """Return the rights kept in `root` within the last day, else new ones; nothing is written.

    The file counts only if it is a plain one that no other user can read.
    """
    found = read_own(root / RIGHTS_FILE, MOST_FILE_BYTES, now_s)
    return _rights_in(found or b"") or KeptRights(secrets.token_urlsafe(32))


def keep_rights(root: Path, rights: KeptRights, port: int) -> None:
    """Keep the rights and the port for the next `lab up` in this folder."""
    with suppress(OSError):  # a full disk: then the next one asks for a ticket
        text = msgspec.json.encode(asdict(replace(rights, port=port))).decode()
        write_private(root / RIGHTS_FILE, text)


def _rights_in(text: bytes) -> KeptRights | None:
    try:
        rights = msgspec.json.decode(text, type=KeptRights)
    except (msgspec.MsgspecError, RecursionError):
        return None
    plain = _SECRET_TEXT.fullmatch(rights.secret) and 0 <= rights.port <= 65535
    return rights if plain else None
