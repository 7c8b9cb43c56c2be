"""Draws .github/screenshots/crash.svg: one run of `lab demo`, both desks side by side.

`python tests/tools/crash_picture.py [RESULT.json]` runs the demo, or takes a kept run, and puts
the two sequence diagrams of its report into one SVG file, with the colours of the report.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[2] / ".github" / "screenshots" / "crash.svg"
DIAGRAM = re.compile(
    r'<svg class="(?P<look>sequence [^"]*)" '
    r'viewBox="0 (?P<top>\d+) (?P<width>\d+) (?P<height>\d+)">'
    r"(?P<body>.*?)</svg>",
    re.DOTALL,
)
ROOT = re.compile(r"^(?:@media screen[^\n]*\{ )?:root \{.*?\}(?: \})?$", re.DOTALL | re.MULTILINE)
HEAD, GAP, MARGIN = 34, 40, 16
DEADLINE_S = 60


def main(arguments: list[str]) -> int:
    """Run the demo or take a kept run, and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        if not arguments:
            lab(folder, "demo")
        page = Path(folder) / "report.html"
        lab(
            folder,
            "report",
            *(str(Path(each).absolute()) for each in arguments[:1]),
            "--html",
            str(page),
        )
        PICTURE.write_text(picture(page.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"written: {PICTURE.name}")
    return 0


def lab(folder: str, *words: str) -> None:
    """Run a command of the lab in that folder."""
    command = [sys.executable, "-m", "lab", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=DEADLINE_S)


def picture(page: str) -> str:
    """Return the report's diagrams as one SVG document, a column for each desk."""
    columns: dict[str, list[re.Match[str]]] = {}
    for found in DIAGRAM.finditer(page):
        columns.setdefault(found["look"].split()[1], []).append(found)
    if not columns:
        raise SystemExit("the report has no sequence diagram")
    x, height, parts = MARGIN, 0, []
    for desk, strips in columns.items():
        width = max(int(strip["width"]) for strip in strips)
        parts.append(f'<text x="{x}" y="24" class="desk">The {desk} desk</text>')
        y = HEAD
        for strip in strips:
            parts.append(
                f'<svg class="{strip["look"]}" x="{x}" y="{y}" width="{strip["width"]}" '
                f'height="{strip["height"]}" viewBox="0 {strip["top"]} {strip["width"]} '
                f'{strip["height"]}">{without_links(strip["body"])}</svg>'
            )
            y += int(strip["height"])
        x, height = x + width + GAP, max(height, y)
    width = x - GAP + MARGIN
    return SVG.format(width=width, height=height + MARGIN, style=style(page), body="\n".join(parts))


def without_links(body: str) -> str:
    """Return the drawing without its links: they lead into the report."""
    return re.sub(r"</?a\b[^>]*>", "", body).strip()


def style(page: str) -> str:
    """Return the report's colours, and its rules for sequence diagrams that hold for an image."""
    (sheet,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    rules = re.findall(r"\.sequence[^{}\n]*\{[^{}]*\}", sheet)
    kept = [rule for rule in rules if "min-width" not in rule and "hover" not in rule]
    return "\n".join([*ROOT.findall(sheet), *kept])


SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
aria-label="The same requests at both desks: server A is killed; afterwards server B refuses at \
the stateful desk, and shows the laptop at the stateless desk.">
<style>
{style}
.paper {{ fill: var(--paper) }}
text {{ font-family: system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif }}
.desk {{ font-size: 16px; font-weight: 700; fill: var(--ink) }}
</style>
<rect class="paper" width="{width}" height="{height}"/>
{body}
</svg>
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
