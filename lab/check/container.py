"""The container that `docker run` starts: it outlives its client, and is ended by its id."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lab.core.errors import LabError, reason
from lab.processes.waiting import wait_until

CLIENTS = ("docker", "podman", "nerdctl")
_END_S = 20.0
_ID_S = 5.0
COMPOSE_REFUSED = (
    "its containers outlive it, and it does not say which they are: start the service's own "
    'container, --start "docker run --rm -p {port}:8000 IMAGE", or the service itself'
)


def runs_container(words: Sequence[str]) -> bool:
    """Return True if a command is the client of a container that it starts."""
    return len(words) > 1 and Path(words[0]).stem.lower() in CLIENTS and words[1] == "run"


def is_compose(words: Sequence[str]) -> bool:
    """Return True if a command starts several containers, or one that the client does not name."""
    program = Path(words[0]).stem.lower() if words else ""
    return program in ("docker-compose", "podman-compose") or (
        program in CLIENTS and words[1:2] in (["compose"], ["container"])
    )


class Container:
    """The container of one `docker run`; `words` is that command, which writes the id to a file."""

    def __init__(self, words: Sequence[str], id_file: Path) -> None:
        if any(word.split("=")[0] == "--cidfile" for word in words):
            raise LabError("--start: leave out --cidfile, lab check needs one of its own")
        self.words = [*words[:2], "--cidfile", str(id_file), *words[2:]]
        self._id_file = id_file
        self._program = words[0]
        self._ended = False

    @property
    def id(self) -> str:
        """The container's id; "" until docker has written it."""
        with suppress(OSError):
            return self._id_file.read_text(encoding="utf-8").strip()
        return ""

    def end(self, client_lives: bool) -> None:
        """Stop and remove the container; LabError, with what to do by hand, if that fails."""
        if self._ended:
            return
        if client_lives:  # the client may be waiting for the container
            wait_until(lambda: self.id, _ID_S)
        if not self.id:
            return
        command = [self._program, "rm", "-f", self.id]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=_END_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(
                f"container {self.id} may still run: docker rm -f it ({reason(error)})"
            ) from None
        self._ended = True
        if done.returncode and "no such container" not in done.stderr.lower():
            raise LabError(
                f"container {self.id} may still run, {' '.join(command)} failed: "
                f"{done.stderr.strip()[:200]}"
            )
