"""What a program wrote is quoted as text, without the codes that it wrote for a terminal."""

import sys

import pytest

from lab.check.start import run_line
from lab.core.errors import LabError
from lab.core.text import without_codes
from lab.processes.waiting import end_of, last_lines
from lab.stack import fault_commands

FLASK = "\x1b[31m\x1b[1mWARNING: This is a development server.\x1b[0m"
PLAIN = "WARNING: This is a development server."
SAY_AND_FAIL = f"import sys; print({FLASK!r}); sys.exit(3)"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (FLASK, PLAIN),
        ('"\x1b[33mGET / HTTP/1.1\x1b[0m" 404', '"GET / HTTP/1.1" 404'),
        (
            "\x1b[38;5;208mred\x1b[m \x1b[1;31mand\x1b[39;49;00m \x1b[38:2::1:2:3mblue",
            "red and blue",
        ),
        ("\x1b[2K\x1b[1Gdone \x1b[?25l\x1b[?25h", "done "),
        ("\x1b]0;a title\x07up \x1b]8;;http://a/\x1b\\link\x1b]8;;\x1b\\", "up link"),
        ("\x1b(Bplain\x1b7", "plain"),
        ("[31m is text, and so is a\\x1b[0m", "[31m is text, and so is a\\x1b[0m"),
        ("\x1b[3", "3"),  # cut short
        ("a\x1b]0;not ended", "a0;not ended"),
        ("a\x1b", "a\x1b"),  # what is left, `visible` shows
    ],
)
def test_codes_for_a_terminal_go_and_text_stays(written, text):
    assert without_codes(written) == text


def test_end_of_a_log_is_text(tmp_path):
    log = tmp_path / "service.log"
    log.write_text(f"{FLASK}\n\x1b[0m\n", encoding="utf-8")
    assert last_lines(log) == [PLAIN]
    assert end_of(log) == f"the end of {log}:\n    {PLAIN}"


def test_words_of_a_fault_command_are_text():
    ran = fault_commands.run([sys.executable, "-c", SAY_AND_FAIL])
    assert ran.trouble == f"failed (exit 3); it wrote: {PLAIN}"


def test_words_of_a_line_that_an_option_gave_are_text(tmp_path):
    script = tmp_path / "reset.py"
    script.write_text(SAY_AND_FAIL, encoding="utf-8")
    with pytest.raises(LabError) as failed:
        run_line("--reset", f'"{sys.executable}" reset.py', tmp_path, None, 60)
    assert str(failed.value).endswith(f"\n    {PLAIN}")
