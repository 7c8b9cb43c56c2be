"""The files beside a user's script, which it may import."""

import sys
from pathlib import Path


def reach_neighbours(script: Path) -> None:
    """Let `script` import the files beside it, now and while it runs.

    Its folder comes last on the search path, and not first as in `python script.py`: a file
    `random.py` there must not stand in for what the lab imports.
    """
    folder = str(script.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
