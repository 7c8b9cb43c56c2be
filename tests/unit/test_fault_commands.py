"""Commands of a deployment: how they are run, and what comes of those that fail."""

import sys

import psutil
import pytest

from lab.stack.fault_commands import Ran, filled, run


def python(code, *more):
    return [sys.executable, "-c", code, *more]


def trouble_of(words, **how):
    return run(words, **how).trouble


def test_command_that_works_has_no_trouble():
    assert run(python("print('done')")) == Ran(None, "done")


def test_command_that_fails_is_quoted_without_its_words():
    trouble = trouble_of(python("import sys; sys.exit('no such container')", "s3cret"))
    assert trouble == "failed (exit 1); it wrote: no such container"


def test_long_story_is_cut():
    trouble = trouble_of(python("print('x' * 100_000, 'the end'); raise SystemExit(3)"))
    assert trouble.endswith("the end") and len(trouble) < 2100


@pytest.mark.parametrize("words", [["./no-such-program"], ["/"], ["a\0b"]], ids=repr)
def test_command_that_is_no_program_cannot_be_run(words):
    assert trouble_of(words).startswith("cannot be run: ")


def test_command_that_hangs_is_ended_with_its_children():
    code = "import subprocess, sys; print('waiting', flush=True); subprocess.run(sys.argv[1:])"
    trouble = trouble_of(python(code, *python("import time; time.sleep(600)")), timeout_s=3.0)
    assert trouble == "did not end within 3 s; it wrote: waiting"


def test_command_is_not_waited_for_in_the_background():
    # As a restart command does: its server keeps the output open that it was given.
    code = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid); sys.exit(1)"
    trouble = trouble_of(python(code, *python("import time; time.sleep(60)")), timeout_s=20.0)
    pid = int(trouble.rpartition(" ")[2])
    left = psutil.Process(pid)
    assert left.is_running() and trouble.startswith("failed (exit 1)")
    left.kill()


def test_command_has_the_variables_it_is_given_beside_its_own(monkeypatch):
    monkeypatch.setenv("KEPT", "as it was")
    code = "import os; print(os.environ['KEPT'], os.environ['GIVEN'], sep='|')"
    assert run(python(code), env={"GIVEN": "a b\n{name}"}).said == "as it was|a b\n{name}"


def test_braces_that_are_no_placeholder_stay():
    words = filled(
        ["{{.State}}", "{name}-{name_lower}", "{x}"], {"{name}": "A", "{name_lower}": "a"}
    )
    assert words == ["{{.State}}", "A-a", "{x}"]
