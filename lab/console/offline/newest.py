"""The newest recording of the lesson below a folder, and the page that plays it."""

from pathlib import Path

from lab.console.offline import one_file, recording
from lab.core.errors import LabError

NONE_AT_HAND = "no recorded lesson is kept here: `lab record`, in the folder of `lab up`, makes one"


class NewestRecording:
    """Makes the page once for each recording."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: tuple[Path, str] | None = None

    def is_at_hand(self) -> bool:
        """Return whether a recording is kept."""
        return recording.newest(self._root) is not None

    def page(self) -> str:
        """Return the page that plays the newest one; LabError if there is none."""
        path = recording.newest(self._root)
        if path is None:
            raise LabError(NONE_AT_HAND)
        if self._made is None or self._made[0] != path:
            self._made = path, one_file.one_file(recording.read(path), {})
        return self._made[1]
