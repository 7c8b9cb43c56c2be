"""Output takes any text in any encoding: signs become words, and columns stay."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from lab.cli import plain_stream
from lab.cli.plain_stream import PLAIN_SIGNS, in_encoding
from lab.core.environment import current_environment

ENCODINGS = ("ascii", "latin-1", "cp1252", "cp437", "cp850", "koi8-r", "shift_jis")
HOSTILE = ("✓ Zoë ≠ 🛒", "\udcff", "\x00\x1b[31m", "مرحبا", "👩‍💻", "日本\r\n語", "")


def written(text, encoding, errors="strict"):
    raw = io.BytesIO()
    stream = plain_stream.PlainStream(io.TextIOWrapper(raw, encoding, errors, newline=""))
    print(text, file=stream, end="", flush=True)
    return raw.getvalue()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_stream_takes_any_text(text, encoding):
    assert written(text, encoding).decode(encoding) == in_encoding(text, encoding)


@pytest.mark.parametrize("sign", PLAIN_SIGNS, ids=ascii)
def test_sign_becomes_ascii(sign):
    assert written(sign, "ascii") == PLAIN_SIGNS[sign].encode("ascii")


def test_every_sign_that_the_lab_prints_has_a_word():
    top = Path(lab.__file__).parent
    of_students = top / "exercises" / "ladder"  # their names of customers are text, not signs
    files = [path for path in top.rglob("*.py") if of_students not in path.parents]
    signs = {sign for path in files for sign in path.read_text("utf-8") if ord(sign) > 126}
    assert signs - PLAIN_SIGNS.keys() <= {"\uff11"}  # the digit that a user id may not have


def test_sign_that_the_encoding_has_stays():
    assert written("“5 µs” ✓", "cp1252") == "“5 µs” ok".encode("cp1252")


def test_character_that_is_no_sign_becomes_its_number():
    assert written("Zoë 🛒", "ascii") == rb"Zo\xeb \U0001f6d2"


def test_longer_word_leaves_the_columns_where_they_were():
    rows = "✓ kept    3\n✕ lost    4\n… more    5\n"
    assert in_encoding(rows, "ascii") == "ok kept   3\nx lost    4\n... more  5\n"


def test_prepared_streams_take_lone_surrogates_and_a_closed_stdout():
    code = (
        "import sys; from lab.cli import plain_stream; plain_stream.prepare(); "
        "print('\\udcff'); print('\\u2713', file=sys.stderr)"
    )
    for encoding in ("utf-8", "ascii:strict", "cp437"):
        ended = subprocess.run(
            [sys.executable, "-c", code],
            env={**current_environment(), "PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        assert (ended.returncode, ended.stdout.strip()) == (0, rb"\udcff"), ended.stderr
    closed = subprocess.run(
        [sys.executable, "-c", f"import os, sys; sys.stdout = None; {code}"], capture_output=True
    )
    assert closed.returncode == 0, closed.stderr
