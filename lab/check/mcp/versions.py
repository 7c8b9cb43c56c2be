"""The versions of the Model Context Protocol that are spoken, the newest first."""

from typing import Final

MODERN: Final = ("2026-07-28",)
"""Each request brings its version and capabilities; there are no sessions (SEP-2567, SEP-2575)."""
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
"""A client initializes first, and may be given the id of a session."""
