"""The page as one HTML file: its scripts, styles and a recording in it, and no request outside.

Browsers load no modules from `file://`. Each is a `data:` URL here, and an import map gives it
the name by which the others import it.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from itertools import product
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec

from lab.console.app import create_app
from lab.console.code_view import asked_at, serving
from lab.console.guard import Guard
from lab.console.kept_runs import KeptRuns, Playback, RunList
from lab.console.lesson import plan
from lab.console.offline.packing import packed
from lab.console.offline.recording import Answered, Recording, newest, read
from lab.console.playback import MOST_PLAYED_IN_FULL
from lab.console.provenance import provenance
from lab.console.routes_public import OFFLINE, STATIC
from lab.console.run_outline import VariantOutline
from lab.console.services import Services
from lab.core.errors import LabError
from lab.shop.desks import DESKS

NONE_AT_HAND = "no recorded lesson is kept here: `lab record`, in the folder of `lab up`, makes one"
_JSON_ANSWER = "application/json"
POLICY = (
    "default-src 'none'; script-src {scripts} data:; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
)
_ORIGIN = "http://127.0.0.1"
_STYLE_LINK = re.compile(r'<link rel="stylesheet" href="([^"]+)"(?: disabled)?>')
_ICON = re.compile(r'(<link rel="icon" href=")([^"]+)(" type="([^"]+)">)')
_MAIN = re.compile(r'<script type="module" src="/lab/static/([a-z-]+\.js)"></script>')
_HANDBOOK = re.compile(r'<a\b[^>]*href="/docs/[^"]*"[^>]*>.*?</a>', re.DOTALL)
_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)(["'])\./([a-z-]+\.js)\2""")
_TO_OUTSIDE = re.compile(r"""(?:src|href)="(?!#|data:)[^"]*\"""")
# What a URL's parser takes out, or ends a script element; the rest of a module stays readable.
_NOT_ENCODED = "!'()*"  # what encodeURIComponent leaves as it is in the name of a run
_IN_URL = str.maketrans({each: quote(each) for each in "%#<\n\r\t"})


def run_answers(
    kept: KeptRuns, names: Sequence[str], full: int = MOST_PLAYED_IN_FULL
) -> dict[str, Answered]:
    """Return the console's answers about these kept runs, by path; LabError if one is unreadable.

    Of each variant the first `full` exchanges have their bytes.
    """
    outlines = [kept.outline(name) for name in names]
    listed = {each.name: each for each in kept.list().runs}
    found: dict[str, object] = {
        "/lab/runs": RunList([listed[each.name] for each in outlines if each.name in listed])
    }
    for outline in outlines:
        run = f"/lab/runs/{quote(outline.name, safe=_NOT_ENCODED)}"
        found[run] = outline
        for index, experiment in enumerate(outline.experiments):
            path = f"{run}/{index}"
            playback = found[path] = kept.playback(outline.name, index, full=full)
            found |= _code(playback)
            for left, right in _pairs(experiment.variants):
                pair = urlencode({"left": left, "right": right})
                playback = kept.playback(outline.name, index, left, right, full)
                found |= {f"{path}?{pair}": playback} | _code(playback)
    return {path: _as_json(value) for path, value in found.items()}


def _code(playback: Playback) -> dict[str, object]:
    """Return the code that serves its requests, by the path at which the page asks for it."""
    asked = {(e["method"], e["path"]) for e in playback.events if e["kind"] == "request"}
    served = {asked_at(str(m), str(path)): serving(str(m), str(path)) for m, path in asked}
    return {path: passages for path, passages in served.items() if passages}


def _pairs(variants: Sequence[VariantOutline]) -> Iterator[tuple[str, ...]]:
    """Yield the variants that the page shows beside each other: one of each desk."""
    return product(*([each.name for each in variants if each.app == desk] for desk in DESKS))


def _as_json(value: object) -> Answered:
    return Answered(_JSON_ANSWER, msgspec.json.encode(value).decode())


def one_file(recording: Recording, answers: Mapping[str, Answered]) -> str:
    """Return the page with everything in it; LabError if something would be loaded from outside.

    `answers` are more of the console's answers, by path.
    """
    recording = msgspec.structs.replace(recording, answers={**recording.answers, **answers})
    services = Services(Guard(_ORIGIN), KeptRuns(Path("no runs")), plan.load())
    web = create_app(services).test_client()

    def get(path: str) -> str:
        with web.get(path, headers={"Host": "127.0.0.1"}) as response:
            if response.status_code != 200:
                raise LabError(f"the page has no {path}: reinstall two-desks")
            return response.get_data(as_text=True)

    page = _HANDBOOK.sub("", get("/"))
    page = _STYLE_LINK.sub(lambda found: f"<style>\n{get(found[1])}\n</style>", page)
    page = _ICON.sub(
        lambda found: f"{found[1]}{_data_url(get(found[2]), found[4])}{found[3]}", page
    )
    main = _MAIN.search(page)
    if main is None:
        raise LabError("the page has no main script: reinstall two-desks")
    imports, start = _import_map(_modules(get)), f'import "lab/{main[1]}";'
    page = page.replace(main[0], _scripts(imports, recording, start), 1)
    page = page.replace("<head>", f"<head>\n  {_policy(imports, start)}", 1)
    if outside := _TO_OUTSIDE.search(page):
        raise LabError(f"the exported page would load {outside[0][:80]}: this is a bug of the lab")
    return page


def _policy(*scripts: str) -> str:
    """Allow these inline scripts and no other: no handler in what a recording holds is run."""
    hashes = (b64encode(sha256(each.encode()).digest()).decode() for each in scripts)
    policy = POLICY.format(scripts=" ".join(f"'sha256-{each}'" for each in hashes))
    return f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'


def _modules(get: Callable[[str], str]) -> dict[str, str]:
    """Return every module of the page by its file name; recorded.js in the place of source.js."""
    names = sorted(path.name for path in STATIC.glob("*.js"))
    modules = {name: get(f"/lab/static/{name}") for name in (*names, "words.js")}
    modules["source.js"] = (OFFLINE / "recorded.js").read_text(encoding="utf-8")
    return modules


def _import_map(modules: Mapping[str, str]) -> str:
    imports = {
        f"lab/{name}": "data:text/javascript;charset=utf-8,"
        + _IMPORT.sub(r"\1\2lab/\3\2", text).translate(_IN_URL)
        for name, text in modules.items()
    }
    return json.dumps({"imports": imports}, ensure_ascii=False)


def for_page(recording: Recording) -> str:
    """Return a recording as its page contains it, with a sentence on how it was made."""
    said = provenance(recording.made, recording.components, "lab export", recording.lab)
    plain = {**msgspec.to_builtins(recording), "provenance": msgspec.to_builtins(said)}
    return packed(plain | {"answers": as_data(recording.answers)})


def as_data(answers: Mapping[str, Answered]) -> dict[str, object]:
    """Return answers with their JSON decoded, so that equal parts can be found."""
    return {
        path: {"type": answer.type, "json": json.loads(answer.text)}
        if answer.type == _JSON_ANSWER
        else msgspec.to_builtins(answer)
        for path, answer in answers.items()
    }


def _scripts(imports: str, recording: Recording, start: str) -> str:
    """Return the import map, the recording, and what starts the page."""
    return (
        f'<script type="importmap">{imports}</script>\n'
        f'<script type="application/gzip" id="recording">{for_page(recording)}</script>\n'
        f'<script type="module">{start}</script>'
    )


def _data_url(text: str, kind: str) -> str:
    return f"data:{kind};base64,{b64encode(text.encode()).decode()}"


class NewestRecording:
    """Makes the page that plays the newest recording below a folder, once for each recording."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: tuple[Path, str] | None = None

    def is_at_hand(self) -> bool:
        """Return True if a recording is kept."""
        return newest(self._root) is not None

    def page(self) -> str:
        """Return the page of the newest recording; LabError if there is none."""
        path = newest(self._root)
        if path is None:
            raise LabError(NONE_AT_HAND)
        if self._made is None or self._made[0] != path:
            self._made = path, one_file(read(path), {})
        return self._made[1]
