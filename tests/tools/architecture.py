"""Draws lab/docs/architecture.svg from the import contracts, and lists the packages.

`python tests/tools/architecture.py` writes the picture and the table of packages in
lab/docs/architecture.md; with `--check` it writes nothing, and exits with 1 if they drifted.
What is drawn comes from `[tool.importlinter]` in pyproject.toml and from the docstrings.
"""

import ast
import sys
import tomllib
from dataclasses import dataclass
from html import escape
from itertools import count

from generated import DOCS, REPOSITORY, with_block, write_or_check

PAGE, PICTURE = DOCS / "architecture.md", DOCS / "architecture.svg"
APPS = ("stateful_app", "stateless_app")
WIDTH, LEFT, RIGHT, MARGIN = 976, 200, 230, 12
MIDDLE, PASSAGE = LEFT + 16, 36  # where the middle begins; room for a line at the right
TOP, GAP, BAND_GAP, LINE = 44, 16, 26, 16
# Widths of letters in a wide font (DejaVu Sans, 11.5px): text in a narrower one fits as well.
LETTER, LETTERS = 7.3, {1.5: "MWmw@", 0.55: "ijlIftr.,:;'()/- "}


@dataclass(frozen=True)
class Box:
    """A package in the picture."""

    name: str
    label: str
    look: str
    x: float
    y: float
    width: float
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return 30 + LINE * len(self.lines)

    @property
    def bottom(self) -> float:
        return self.y + self.height


def layers() -> list[list[str]]:
    """Return the layers of `lab`, from the top: names of packages."""
    (contract,) = (each for each in _contracts() if each["type"] == "layers")
    rows = [layer.replace("(", "").replace(")", "").split("|") for layer in contract["layers"]]
    return [[name.strip() for name in row] for row in rows]


def tools() -> dict[str, list[str]]:
    """Return the packages that may import a few others only, with those others."""
    everything = {name for row in layers() for name in row}
    found = {}
    for contract in _contracts():
        if contract["type"] == "forbidden" and len(contract["source_modules"]) == 1:
            package = contract["source_modules"][0].removeprefix("lab.")
            if package in everything:
                forbidden = {each.removeprefix("lab.") for each in contract["forbidden_modules"]}
                found[package] = sorted(everything - forbidden - {package})
    return found


def sentence(package: str) -> str:
    """Return the first sentence of a package's docstring."""
    source = (REPOSITORY / package / "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def table() -> str:
    """Return the packages as a Markdown table, in the order of the layers."""
    rows = ["| package | what it is |", "|---|---|"]
    names = [*APPS, *(f"lab/{name}" for row in layers() for name in row)]
    rows.extend(f"| `{name}/` | {sentence(name)} |" for name in names)
    return "\n".join(rows)


def boxes() -> list[Box]:
    """Lay the packages out: a band a layer; tools of their own, and what they use, at the right."""
    alone = tools()
    beside = {name for used in alone.values() for name in used} | alone.keys()
    bands = layers()
    laid: list[Box] = []
    y = float(TOP)
    for row in bands:
        whole = row in (bands[0], bands[-1])  # of both the lab and the tools beside it
        middle = [name for name in row if name not in beside or whole]
        room = WIDTH - MARGIN - MIDDLE - (0 if whole else RIGHT + GAP)
        width = (room - GAP * (len(middle) - 1)) / len(middle)
        band = [
            _box(f"lab/{name}", name, "shared" if name in beside else "plain", x, y, width)
            for name, x in zip(middle, count(float(MIDDLE), width + GAP), strict=False)
        ]
        for name in (name for name in row if name not in middle):
            look = "tool" if name in alone else "shared"
            width = RIGHT if name in alone else RIGHT - PASSAGE
            band.append(_box(f"lab/{name}", name, look, WIDTH - MARGIN - RIGHT, y, width))
        laid.extend(band)
        y = max(box.bottom for box in band) + BAND_GAP
    return laid


def _box(package: str, label: str, look: str, x: float, y: float, width: float) -> Box:
    words = sentence(package).translate({ord("`"): None, ord("*"): None})
    return Box(package, label, look, x, y, width, _wrapped(words, width - 20))


def _wrapped(words: str, width: float) -> tuple[str, ...]:
    """Return the words as lines that fit into a width, in pixels."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and _width(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return tuple(lines)


def _width(text: str) -> float:
    """Return the most pixels that a text takes."""
    factor = {letter: each for each, letters in LETTERS.items() for letter in letters}
    return sum(LETTER * factor.get(letter, 1) for letter in text)


def picture() -> str:
    """Return the picture."""
    laid = boxes()
    at = {box.label: box for box in laid}
    apps = _apps(at)
    frame = (MARGIN, apps[0].y - 8, LEFT - 2 * MARGIN, apps[-1].bottom - apps[0].y + 16)
    shop, stack, middle = at["shop"], at["stack"], LEFT / 2
    parts = [
        _text(MIDDLE, 26, NOTE),
        _text(MARGIN, apps[0].y - 30, "The two apps: started"),
        _text(MARGIN, apps[0].y - 15, "as processes, not imported"),
        _path(f"M{middle} {frame[1] + frame[3]} V{shop.y + 24} H{shop.x - 6}", "arrow app"),
        _path(
            f"M{stack.x + 40} {stack.bottom} v{BAND_GAP / 2} H{frame[0] + frame[2] + 6}", "start"
        ),
        '<rect x="{:g}" y="{:g}" width="{:g}" height="{:g}" rx="8" class="frame"/>'.format(*frame),
    ]
    for tool, names in tools().items():
        for used in names:
            x = WIDTH - MARGIN - (PASSAGE / 2 if used == layers()[-1][0] else RIGHT / 2)
            parts.append(_path(f"M{x} {at[tool].bottom} V{at[used].y - 6}", "arrow tool"))
        beside, below = WIDTH - MARGIN - RIGHT + 8, at[tool].bottom + 34
        parts += [_text(beside, below, "imports"), _text(beside, below + 15, "these two only")]
    parts += [_drawn(box) for box in [*laid, *apps]]
    height = max(box.bottom for box in laid) + MARGIN
    return _SVG.format(width=WIDTH, height=round(height), body="\n".join(parts))


def _apps(at: dict[str, Box]) -> list[Box]:
    """The two apps in one column, at the height of the line that starts them."""
    y, placed = at["stack"].y - 40, []
    for name in APPS:
        box = _box(name, name, "app", MARGIN + 8, y, LEFT - 2 * MARGIN - 16)
        placed.append(box)
        y = box.bottom + 8
    return placed


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="note">{escape(words)}</text>'


def _path(shape: str, look: str) -> str:
    return f'<path d="{shape}" class="{look}" marker-end="url(#tip)"/>'


def _drawn(box: Box) -> str:
    lines = "".join(
        f'<text x="{box.x + 10:g}" y="{box.y + 38 + LINE * n:g}" class="say">{escape(line)}</text>'
        for n, line in enumerate(box.lines)
    )
    return (
        f'<g class="{box.look}"><rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="6"/>'
        f'<text x="{box.x + 10:g}" y="{box.y + 20:g}" class="name">{box.label}</text>{lines}</g>'
    )


def _contracts() -> list[dict]:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["tool"]["importlinter"]["contracts"]


NOTE = "A package imports only what stands in a layer below it."
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
aria-label="The packages of the lab in layers; imports point down">
<style>
svg {{
  --paper: #fff; --ink: #1d2430; --soft: #59636f; --plain: #eef3fa; --plain-edge: #6f8fbf;
  --shared: #eef6ee; --shared-edge: #5d9a63; --tool: #fdf1e3; --tool-edge: #c17a1e;
  --app: #f6eef8; --app-edge: #8f62a6;
}}
@media (prefers-color-scheme: dark) {{ svg {{
  --paper: #14181e; --ink: #e4e8ee; --soft: #a3adb8; --plain: #1d2838; --shared: #1b2c1f;
  --tool: #33260f; --app: #2b2031;
}} }}
.paper {{ fill: var(--paper) }}
text {{ font: 11.5px system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif }}
text {{ fill: var(--soft) }}
.note {{ font-size: 12.5px }}
.name {{ font-size: 14px; font-weight: 700; fill: var(--ink) }}
.plain rect {{ fill: var(--plain); stroke: var(--plain-edge) }}
.shared rect {{ fill: var(--shared); stroke: var(--shared-edge) }}
.tool rect {{ fill: var(--tool); stroke: var(--tool-edge) }}
.app rect {{ fill: var(--app); stroke: var(--app-edge) }}
.frame {{ fill: none; stroke: var(--app-edge); stroke-dasharray: 2 3 }}
.arrow, .start {{ fill: none; stroke: var(--app-edge); stroke-width: 1.6 }}
.arrow.tool {{ stroke: var(--tool-edge) }}
.start {{ stroke: var(--soft); stroke-dasharray: 4 4 }}
#tip path {{ fill: var(--soft) }}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" \
orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>
<rect class="paper" width="{width}" height="{height}"/>
{body}
</svg>
"""


if __name__ == "__main__":
    text = with_block(PAGE.read_text(encoding="utf-8"), "packages", table())
    sys.exit(write_or_check({PAGE: text, PICTURE: picture()}, sys.argv[1:], __doc__))
