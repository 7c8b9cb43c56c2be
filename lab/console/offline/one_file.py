"""The page as one HTML file: its scripts, styles and a recording in it, and no request outside.

Browsers load no modules from `file://`. Each is a `data:` URL here, and an import map gives it
the name by which the others import it.
"""

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

import msgspec

from lab.console.app import create_app
from lab.console.guard import Guard
from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.offline.recording import Recording
from lab.console.routes_public import STATIC
from lab.console.services import Services
from lab.core.errors import LabError

MOST_BYTES = 1_000_000
RECORDED = Path(__file__).with_name("recorded.js")
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
)
_ORIGIN = "http://127.0.0.1"
_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
_ICON = re.compile(r'(<link rel="icon" href=")([^"]+)(" type="([^"]+)">)')
_MAIN = re.compile(r'<script type="module" src="/lab/static/([a-z-]+\.js)"></script>')
_HANDBOOK = re.compile(r'<a\b[^>]*href="/docs/[^"]*"[^>]*>.*?</a>', re.DOTALL)
_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)(["'])\./([a-z-]+\.js)\2""")
_TO_OUTSIDE = re.compile(r"""(?:src|href)="(?!#|data:)[^"]*\"""")


def one_file(recording: Recording, root: Path) -> str:
    """Return the page with everything in it; LabError if something would be loaded from outside."""
    services = Services(Guard(_ORIGIN), KeptRuns(root), plan.load())
    web = create_app(services).test_client()

    def get(path: str) -> str:
        with web.get(path, headers={"Host": "127.0.0.1"}) as response:
            if response.status_code != 200:
                raise LabError(f"the page has no {path}: reinstall two-desks")
            return response.text

    page = _HANDBOOK.sub("", get("/"))
    page = _STYLE.sub(lambda found: f"<style>\n{get(found[1])}\n</style>", page)
    page = _ICON.sub(
        lambda found: f"{found[1]}{_data_url(get(found[2]), found[4])}{found[3]}", page
    )
    page = _MAIN.sub(lambda found: _scripts(found[1], _modules(get), recording), page)
    page = page.replace("<head>", f"<head>\n  {_policy()}", 1)
    if outside := _TO_OUTSIDE.search(page):
        raise LabError(f"the exported page would load {outside[0][:80]}: this is a bug of the lab")
    return page


def _policy() -> str:
    return f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'


def _modules(get: Callable[[str], str]) -> dict[str, str]:
    """Return every module of the page by its file name; recorded.js in the place of source.js."""
    names = sorted(path.name for path in STATIC.glob("*.js"))
    modules = {name: get(f"/lab/static/{name}") for name in (*names, "words.js")}
    modules["source.js"] = RECORDED.read_text(encoding="utf-8")
    return modules


def _scripts(main: str, modules: Mapping[str, str], recording: Recording) -> str:
    """Return the import map, the recording, and what starts the page."""
    imports = {
        f"lab/{name}": _data_url(_IMPORT.sub(r"\1\2lab/\3\2", text), "text/javascript")
        for name, text in modules.items()
    }
    packed = b64encode(gzip.compress(msgspec.json.encode(recording), 9, mtime=0)).decode()
    return (
        f'<script type="importmap">{json.dumps({"imports": imports})}</script>\n'
        f'<script type="application/gzip" id="recording">{packed}</script>\n'
        f'<script type="module">import "lab/{main}";</script>'
    )


def _data_url(text: str, kind: str) -> str:
    return f"data:{kind};base64,{b64encode(text.encode()).decode()}"
