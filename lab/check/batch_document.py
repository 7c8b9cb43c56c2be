"""The document of several checks that one settings file names."""

from collections.abc import Sequence

import msgspec

from lab.check.document import CheckDocument
from lab.core.json_object import json_text


class BatchDocument(msgspec.Struct, kw_only=True):
    """What `lab check --json` prints with a settings file: the checks, and one exit status.

    `remarks` are about known findings that are no longer found.
    """

    schema: int = 1
    settings: str
    checks: list[CheckDocument]
    remarks: list[str] = []
    exit_status: int


def text(settings: str, checks: Sequence[CheckDocument], remarks: list[str], status: int) -> str:
    """Return the document as JSON text."""
    made = BatchDocument(settings=settings, checks=[*checks], remarks=remarks, exit_status=status)
    return json_text(made)
