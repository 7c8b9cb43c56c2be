"""Generated text in the documents: writes it, or says that it has drifted.

A generated block stands between `<!-- name -->` and `<!-- /name -->` in a Markdown file.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "lab" / "docs"


def with_block(text: str, name: str, content: str) -> str:
    """Return `text` with the content of the block `name` replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"the page needs the markers {begin} and {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def write_or_check(files: Mapping[Path, str], arguments: list[str], usage: str | None) -> int:
    """Write each file; with `--check` write nothing, and return 1 if one has drifted."""
    if arguments not in ([], ["--check"]):
        print(usage, file=sys.stderr)
        return 2
    drifted = []
    for path, text in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            drifted.append(path)
            if not arguments:
                path.write_text(text, encoding="utf-8", newline="\n")
    names = ", ".join(str(path.relative_to(REPOSITORY)) for path in drifted)
    if drifted and arguments:
        print(f"{names} drifted: python {sys.argv[0]}", file=sys.stderr)
        return 1
    print(f"written: {names}" if drifted else "nothing has changed")
    return 0
