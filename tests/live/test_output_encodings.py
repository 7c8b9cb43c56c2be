"""No command breaks on the encoding of its output; what is for programs stays what it is."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from lab.core.environment import current_environment

ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "ascii-strict": {"PYTHONIOENCODING": "ascii:strict"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252:strict"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
    "utf-8": {"PYTHONIOENCODING": "utf-8:strict"},
    "no-encoding": {"PYTHONIOENCODING": ":strict"},
    "c-locale": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
}
# Every command that ends by itself; "RUN" is the folder of a run that is kept.
QUICK = [
    *([name, "--help"] for name in ("run", "up", "crowd", "plan", "check", "report", "store")),
    *([], ["--help"], ["--version"], ["nonsense"], ["list"], ["list", "--nope"], ["doctor"]),
    *(["show", "crash"], ["show", "./mine.py"], ["diff"], ["diff", "state.py"]),
    *(["docs"], ["docs", "claims"], ["deploy", "compose"], ["deploy", "kubernetes"]),
    *(["report", "RUN"], ["report", "RUN", "--curl"], ["report", "RUN", "--powershell"]),
    *(["status"], ["kill", "B"], ["open"], ["reset"], ["run", "nonsense"], ["run", "./ß✓.py"]),
]
ALL_IN_ONE = """
import json, sys
from lab.cli.main import main
for words in json.loads(sys.stdin.read()):
    sys.argv = ["lab", *words]
    print("== " + " ".join(words), flush=True)
    try:
        main()
    except SystemExit as ended:
        assert ended.code in (0, 2), (words, ended.code)
print("== all done")
"""
SCRIPT = '''"""Zoë and the 🛒 – a ✓."""


def script(shopper, lab):
    """Größe."""
    print("✓ für Zoë: 🛒")
    shopper.login(name="Zoë", server="A")
    shopper.add("laptop", server="A")
    shopper.view_cart(server="A")
'''


@pytest.fixture(scope="module")
def kept(shared_lab):
    """A shared lab that has run a script with signs in it, written as ASCII."""
    shared_lab.write("mine.py", SCRIPT)
    ended = shared_lab("run", "./mine.py", env=narrow("ascii"))
    shared_lab.shown = ended
    (shared_lab.run,) = (path for path in shared_lab.runs.iterdir() if path.name != "latest")
    return shared_lab


def narrow(encoding):
    return {"PYTHONUTF8": "0", **ENCODINGS[encoding]}


def test_run_shows_words_for_signs(kept):
    assert kept.shown.status == 0, kept.shown
    assert kept.shown.out.isascii()
    assert "ok 1 KEPT" in kept.shown.out
    assert r"ok f\xfcr Zo\xeb: \U0001f6d2" in kept.shown.out + kept.shown.err


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_command_breaks_on_an_encoding(kept, encoding):
    commands = [[str(kept.run) if word == "RUN" else word for word in words] for words in QUICK]
    ended = subprocess.run(
        [sys.executable, "-c", ALL_IN_ONE],
        input=json.dumps(commands).encode(),
        env={**current_environment(), **narrow(encoding)},
        cwd=kept.folder,
        capture_output=True,
        timeout=100,
    )
    assert ended.stdout.rstrip().endswith(b"== all done"), ended.stderr.decode("latin-1")
    assert ended.returncode == 0, ended.stderr.decode("latin-1")
    for noise in (b"Traceback", b"UnicodeEncodeError", b"a fault of the lab"):
        assert noise not in ended.stdout + ended.stderr, ended.stderr.decode("latin-1")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["--junit", "-"], lambda text: ElementTree.fromstring(text.encode())),
        (["--har", "-"], json.loads),
        (["--html", "-"], str),
        (["--curl"], str),
    ],
    ids=lambda given: given[0] if isinstance(given, list) else "",
)
def test_document_is_utf_8_on_any_pipe(kept, encoding, words, read):
    out = kept.start("report", str(kept.run), *words, env=narrow(encoding))
    assert out.wait(60) == 0
    assert read(out.out_path.read_bytes().decode("utf-8"))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_json_is_ascii_where_the_pipe_is_not_utf_8(kept, encoding):
    silent = kept.write("silent.py", SCRIPT.replace("    print(", "    str("))
    ended = kept("run", silent, "--json", env=narrow(encoding))
    assert ended.status == 0
    assert ended.out.isascii()
    variant = json.loads(ended.out)["experiments"][0]["variants"][0]
    assert variant["exchanges"][0]["request"]["body"]["name"] == "Zoë"


@pytest.mark.long
def test_crowd_and_its_workers_take_ascii(lab_here):
    path = lab_here.write("mine.py", SCRIPT)
    short = ("--shoppers", "3", "--rate", "20", "--for", "6s", "--warm-up", "0s")
    ended = lab_here("crowd", path, *short, env=narrow("ascii"))
    assert ended.status == 0, ended
    assert ended.out.isascii()
