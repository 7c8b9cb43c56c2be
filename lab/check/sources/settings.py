"""What the author of a check adds to an OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class OpenApiSettings:
    """Headers, credentials and values to send.

    `headers` go with every call; `credentials` are those of the document's security schemes, by
    name; `fields` values for fields and parameters, by name. `base_path` stands before every
    path, instead of the document's own.
    """

    headers: tuple[tuple[str, str], ...] = ()
    credentials: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    base_path: str | None = None
