"""Put a machine's disk back as it was, and empty what others share with it.

Run as a script, with nothing but the standard library, between the plays of a check:

    python -I -S restore.py empty FOLDER…
    python -I -S restore.py copy SOURCE TARGET FOLDER…

The folders themselves stay: a process may have one as its working folder.
"""

import shutil
import sys
from pathlib import Path


def empty(folder: Path) -> None:
    """Remove everything in a folder; a link is removed, and not what it leads to."""
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def main(arguments: list[str]) -> int:
    """Obey `empty FOLDER…` or `copy SOURCE TARGET FOLDER…`."""
    mode, *rest = arguments
    source = Path(rest.pop(0)) if mode == "copy" else None
    for each in rest:
        empty(Path(each))
    if source:
        shutil.copytree(source, rest[0], symlinks=True, dirs_exist_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
